"""A ledger judged by bundles, as documents: ``verdicts/1`` of one, ``judgement/1`` of several.

History: both are the first. Nothing of an earlier judgement is overwritten by a later one: the
standing of a claim is the list of its verdicts over all bundles.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from analysis.claims.across import across
from analysis.claims.arithmetic import outcomes
from analysis.claims.entailment import undermined
from analysis.claims.ledger import Absolute, Bound, Ordering, Ratio, Runs, Statement
from analysis.claims.metrics import CLAIM_METRICS
from analysis.claims.verdict import JUDGED, ClaimVerdict, judge_claim

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.claims.evidence import Run
    from analysis.claims.ledger import Claim, Ledger
    from analysis.claims.verdict import ClaimJudgement

VERDICTS = "verdicts/1"
JUDGEMENT = "judgement/1"


def verdicts(ledger: Ledger, sha256: str, run: Run) -> dict[str, Any]:
    """Judge every claim of a ledger by one bundle.

    Args:
        ledger: without problems.
        sha256: of its file.
        run: what the bundle brings.

    Returns:
        The document of ``derived/verdicts.json``.
    """
    checks = outcomes(ledger)
    judged = {name: judge_claim(name, ledger, run, checks) for name in ledger.claims}
    shaken = undermined(ledger, {name: each.verdict for name, each in judged.items()})
    return {
        "schema": VERDICTS,
        "ledger": {"name": ledger.name, "title": ledger.title, "sha256": sha256},
        "bundle": _bundle(run),
        "conclusion": _conclusion(ledger, [judged]),
        "sealed_with_the_ledger": run.record.ledger == sha256,
        "counts": _counts([judged]),
        "checks": [asdict(check) for check in checks],
        "claims": [
            describe(name, claim)
            | _judged(judged[name], run, "bundle")
            | {"undermined_by": shaken.get(name, [])}
            for name, claim in ledger.claims.items()
        ],
    }


def judgement(ledger: Ledger, sha256: str, runs: Sequence[Run]) -> dict[str, Any]:
    """Judge every claim of a ledger by several bundles.

    Each bundle judges for itself. Sizes of different hosts are not pooled: across hosts there is
    a direction, and the interval in which another host is to be expected.

    Returns:
        A document that names the seals of the bundles it rests on.
    """
    checks = outcomes(ledger)
    each_run = [
        {name: judge_claim(name, ledger, run, checks) for name in ledger.claims} for run in runs
    ]
    claims = []
    for name, claim in ledger.claims.items():
        standing = [
            _judged(judged[name], run, "standing")
            for judged, run in zip(each_run, runs, strict=True)
        ]
        told = [one for one in standing if one["verdict"] != ClaimVerdict.NOT_RUN] or standing[:1]
        hosts = [
            (str(run.record.host), judged[name]) for judged, run in zip(each_run, runs, strict=True)
        ]
        claims.append(
            describe(name, claim) | {"standing": told, "across_hosts": across(claim, hosts)}
        )
    return {
        "schema": JUDGEMENT,
        "ledger": {"name": ledger.name, "title": ledger.title, "sha256": sha256},
        "bundles": [_bundle(run) for run in runs],
        "conclusion": _conclusion(ledger, each_run),
        "counts": _counts(each_run),
        "checks": [asdict(check) for check in checks],
        "claims": claims,
    }


def describe(name: str, claim: Claim) -> dict[str, Any]:
    """What is claimed, in one line and as data."""
    return {
        "id": name,
        "kind": claim.kind,
        "says": claim.says,
        "source": claim.source,
        "locator": claim.locator,
        "published": published(claim),
        "plan": test.plan if (test := getattr(claim, "test", None)) else None,
        "entailed_by": [
            [entry] if isinstance(entry, str) else entry for entry in claim.entailed_by
        ],
    }


def published(claim: Claim) -> str:
    """The claimed figure as a reader would say it."""
    if isinstance(claim, Statement):
        value = "" if claim.value is None else f"{claim.value} {claim.unit}".strip()
        return value or "a statement"
    if isinstance(claim, Runs):
        return f"{claim.package} {claim.version} gets through {claim.through}"
    unit = CLAIM_METRICS[claim.metric].unit
    match claim:
        case Ordering():
            return f"{claim.metric}: {claim.subjects[0]} above {claim.subjects[1]}"
        case Ratio():
            of = f"{claim.subjects[0]} / {claim.subjects[1]}"
            return f"{claim.metric}: {of} = {claim.value:g}"
        case Bound():
            return f"{claim.metric} {claim.bound.replace('-', ' ')} {claim.value:,g} {unit}"
        case Absolute():
            return f"{claim.metric} {claim.value:,g} {unit}"


def _judged(judged: ClaimJudgement, run: Run, key: str) -> dict[str, Any]:
    measured = None
    if judged.measured:
        first = judged.measured.estimates[0]
        measured = {
            "value": first.ratio,
            "ci95": asdict(first.ci95) if first.ci95 else None,
            "ci90": asdict(first.ci90) if first.ci90 else None,
            "blocks": judged.measured.blocks,
            "estimates": [asdict(each) for each in judged.measured.estimates],
        }
    band = judged.band and {
        "low": judged.band.low if math.isfinite(judged.band.low) else None,
        "high": judged.band.high if math.isfinite(judged.band.high) else None,
    }
    told = {
        "verdict": judged.verdict.value,
        "side": judged.side,
        "why": judged.why,
        "more_blocks": judged.more_blocks,
        "band": band,
        "measured": measured,
        "strength": judged.strength.value,
        "weaknesses": list(judged.weaknesses),
    }
    return told if key == "bundle" else {"bundle": run.record.id, "seal": run.seal, **told}


def _bundle(run: Run) -> dict[str, Any]:
    return {
        "id": run.record.id,
        "seal": run.seal,
        "plan": run.record.plan.name,
        "plan_sha256": run.record.plan.sha256,
        "host": run.record.host,
        "host_class": run.host_class,
        "status": run.record.status,
    }


def _counts(each_run: Sequence[Mapping[str, ClaimJudgement]]) -> dict[str, int]:
    """How many claims got each verdict, by the last row of the table that any bundle reached."""
    order = list(ClaimVerdict)
    found = Counter(
        max((judged[name].verdict for judged in each_run), key=order.index) for name in each_run[0]
    )
    return {verdict.value: found[verdict] for verdict in order}


def _conclusion(ledger: Ledger, each_run: Sequence[Mapping[str, ClaimJudgement]]) -> str:
    counts = _counts(each_run)
    total = sum(counts.values())
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    judged = [each for run in each_run for each in run.values() if each.verdict in JUDGED]
    weak = list(dict.fromkeys(weak for each in judged for weak in each.weaknesses[:1]))
    return f"Of {total} claims in {ledger.title}: {said}" + (f" ({weak[0]})." if weak else ".")
