"""A ledger judged by bundles, as documents: ``verdicts/1`` of one, ``judgement/1`` of several.

History: both are the first. Nothing of an earlier judgement is overwritten by a later one: the
standing of a claim is the list of its verdicts over all bundles.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from analysis import rounding
from analysis.claims.across import across
from analysis.claims.arithmetic import outcomes
from analysis.claims.entailment import undermined
from analysis.claims.ledger import Absolute, Bound, Ordering, Ratio, Runs, Statement
from analysis.claims.metrics import CLAIM_METRICS
from analysis.claims.standing import DECIDED, standing, told
from analysis.claims.verdict import JUDGED, ClaimVerdict, judge_claim

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from analysis.claims.evidence import Run
    from analysis.claims.ledger import Claim, Ledger
    from analysis.claims.standing import Judged, Standing
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
    stand = {name: standing(name, ledger, [run], checks) for name in ledger.claims}
    # A claim that another plan tests is told which plan the bundle is of.
    judged = {
        name: one.judgement
        if (one := each.judged[0]).run
        else judge_claim(name, ledger, run, checks)
        for name, each in stand.items()
    }
    firm = {name: each.verdict for name, each in judged.items() if not stand[name].flips}
    shaken = undermined(ledger, firm)
    return {
        "schema": VERDICTS,
        "ledger": {"name": ledger.name, "title": ledger.title, "sha256": sha256},
        "bundle": _bundle(run, sha256),
        "conclusion": _conclusion(ledger, stand),
        "sealed_with_the_ledger": run.record.ledger == sha256,
        "counts": _counts(stand),
        "checks": [asdict(check) for check in checks],
        "claims": [
            describe(name, claim)
            | _told(judged[name])
            | {"undermined_by": shaken.get(name, []), **_assumptions(claim, stand[name])}
            for name, claim in ledger.claims.items()
        ],
    }


def judgement(
    ledger: Ledger, sha256: str, runs: Sequence[Run], *, only: Collection[str] | None = None
) -> dict[str, Any]:
    """Judge claims of a ledger by any number of bundles.

    Each bundle judges for itself. Sizes of different hosts are not pooled: across hosts there is
    a direction, and the interval in which another host is to be expected.

    Args:
        ledger: without problems.
        sha256: of its file.
        runs: what the bundles bring.
        only: the claims to judge; all if None.

    Returns:
        A document that names the seals of the bundles it rests on.
    """
    checks = outcomes(ledger)
    stand = {name: standing(name, ledger, runs, checks) for name in ledger.claims}
    firm = {name: each.verdict for name, each in stand.items() if not each.flips}
    shaken = undermined(ledger, firm)
    chosen = {name: each for name, each in stand.items() if only is None or name in only}
    concerned = [check for check in checks if only is None or set(check.concerns) & set(only)]
    return {
        "schema": JUDGEMENT,
        "ledger": {"name": ledger.name, "title": ledger.title, "sha256": sha256},
        "claims_in_ledger": len(ledger.claims),
        "bundles": [_bundle(run, sha256) for run in runs],
        "conclusion": _conclusion(ledger, chosen),
        "counts": _counts(chosen),
        "checks": [asdict(check) for check in concerned],
        "claims": [
            describe(name, ledger.claims[name])
            | {
                "standing": [_standing(one) for one in each.judged],
                "across_hosts": across(ledger.claims[name], _by_host(each.judged)),
                "undermined_by": shaken.get(name, []),
                **_assumptions(ledger.claims[name], each),
            }
            for name, each in chosen.items()
        ],
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
        return _stated(claim)
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


def _stated(claim: Statement) -> str:
    if claim.value is None:
        return "a statement"
    # A year has no unit, and no comma.
    is_count = claim.unit and not isinstance(claim.value, str)
    return f"{claim.value:,} {claim.unit}" if is_count else f"{claim.value} {claim.unit}".strip()


def _told(judged: ClaimJudgement) -> dict[str, Any]:
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
    return {
        "verdict": judged.verdict.value,
        "side": judged.side,
        "why": judged.why,
        "more_blocks": judged.more_blocks,
        "band": band,
        "measured": measured,
        "strength": judged.strength.value,
        "weaknesses": list(judged.weaknesses),
    }


def _standing(judged: Judged) -> dict[str, Any]:
    run = judged.run
    bundle = run.record.id if run else None
    return {"bundle": bundle, "seal": run.seal if run else None, **_told(judged.judgement)}


def _assumptions(claim: Claim, stand: Standing) -> dict[str, Any]:
    """What the test assumes, the verdicts under other assumptions, and where that decides."""
    test = getattr(claim, "test", None)
    return {
        "assumes": test.assumes if test else "",
        "variants": [
            {
                "name": name,
                "assumes": test.variants[name].assumes if test else "",
                "standing": [_standing(each) for each in judged],
            }
            for name, judged in stand.variants.items()
        ],
        "flips": [asdict(flip) for flip in stand.flips],
    }


def _by_host(judged: Sequence[Judged]) -> list[tuple[str, ClaimJudgement]]:
    return [
        (each.run.record.host, each.judgement)
        for each in judged
        if each.run and each.run.record.host
    ]


def _bundle(run: Run, ledger: str) -> dict[str, Any]:
    return {
        "id": run.record.id,
        "seal": run.seal,
        "plan": run.record.plan.name,
        "plan_sha256": run.record.plan.sha256,
        "profile": run.plan["profile"],
        "host": run.record.host,
        "host_class": run.host_class,
        "status": run.record.status,
        "sealed_with_the_ledger": run.record.ledger == ledger,
    }


def _counts(stand: Mapping[str, Standing]) -> dict[str, int]:
    """How many claims got each verdict, by the last row of the table that any bundle reached."""
    found = Counter(each.verdict for each in stand.values())
    return {verdict.value: found[verdict] for verdict in ClaimVerdict}


def _conclusion(ledger: Ledger, stand: Mapping[str, Standing]) -> str:
    """The counts, the first claim that a figure decided with its interval, and the weakness."""
    said = ", ".join(f"{count} {verdict}" for verdict, count in _counts(stand).items() if count)
    flips = sum(bool(each.flips) for each in stand.values())
    if flips:
        said += f"; {flips} {'flips' if flips == 1 else 'flip'} with an assumption"
    said += next(_leading(stand), "")
    judged = [one.judgement for each in stand.values() for one in each.judged]
    known = [each for each in judged if each.verdict in JUDGED]
    weak = list(dict.fromkeys(weakness for each in known for weakness in each.weaknesses[:1]))
    many = "claim" if len(stand) == 1 else "claims"
    return f"Of {len(stand)} {many} in {ledger.title}: {said}" + (f" ({weak[0]})." if weak else ".")


def _leading(stand: Mapping[str, Standing]) -> Iterator[str]:
    for name, each in stand.items():
        for one in each.judged:
            found = one.judgement
            first = found.measured.estimates[0] if found.measured else None
            if first and first.ci95 and found.verdict in DECIDED:
                figure = rounding.figure(first.ratio, first.ci95.low, first.ci95.high)
                interval = rounding.interval(first.ci95.low, first.ci95.high)
                yield f"; {name} is {told(found)}, at {figure} ({interval} at 95 %)"
