"""A ledger judged by bundles, as documents: ``verdicts/1`` of one, ``judgement/1`` of several.

Nothing of an earlier judgement is overwritten by a later one: the standing of a claim is the list
of its verdicts over all bundles.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from analysis import rounding
from analysis.claims.across import across
from analysis.claims.arithmetic import outcomes
from analysis.claims.entailment import undermined
from analysis.claims.ledger import Absolute, Bound, Ordering, Ratio, Runs, Statement
from analysis.claims.metrics import CLAIM_METRICS
from analysis.claims.standing import DECIDED, standing
from analysis.claims.verdict import JUDGED, judge_claim
from bundle.documents.verdicts import (
    BundleOnTrial,
    Claimed,
    ClaimVerdict,
    JudgedClaim,
    Judgement,
    LedgerOnTrial,
    OnTrial,
    Stand,
    StandingClaim,
    VariantStanding,
    Verdicts,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from analysis.claims.evidence import Run
    from analysis.claims.ledger import Claim, Ledger
    from analysis.claims.standing import Judged, Standing
    from bundle.documents.verdicts import ClaimJudgement, Undermined


def verdicts(ledger: Ledger, sha256: str, run: Run) -> Verdicts:
    """Judge every claim of a ledger by one bundle.

    Args:
        ledger: without problems.
        sha256: of its file.
        run: what the bundle brings.
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
    return Verdicts(
        ledger=LedgerOnTrial(name=ledger.name, title=ledger.title, sha256=sha256),
        bundle=_bundle(run, sha256),
        conclusion=_conclusion(ledger, stand),
        sealed_with_the_ledger=run.record.ledger == sha256,
        counts=_counts(stand),
        checks=tuple(checks),
        claims=tuple(
            JudgedClaim(
                **asdict(_on_trial(name, claim, stand[name], shaken)), **asdict(judged[name])
            )
            for name, claim in ledger.claims.items()
        ),
    )


def judgement(
    ledger: Ledger, sha256: str, runs: Sequence[Run], *, only: Collection[str] | None = None
) -> Judgement:
    """Judge claims of a ledger by any number of bundles.

    Each bundle judges for itself. Sizes of different hosts are not pooled: across hosts there is
    a direction, and the interval in which another host is to be expected.

    Args:
        ledger: without problems.
        sha256: of its file.
        runs: what the bundles bring.
        only: the claims to judge; all if None.
    """
    checks = outcomes(ledger)
    stand = {name: standing(name, ledger, runs, checks) for name in ledger.claims}
    firm = {name: each.verdict for name, each in stand.items() if not each.flips}
    shaken = undermined(ledger, firm)
    chosen = {name: each for name, each in stand.items() if only is None or name in only}
    concerned = [check for check in checks if only is None or set(check.concerns) & set(only)]
    return Judgement(
        ledger=LedgerOnTrial(name=ledger.name, title=ledger.title, sha256=sha256),
        claims_in_ledger=len(ledger.claims),
        bundles=tuple(_bundle(run, sha256) for run in runs),
        conclusion=_conclusion(ledger, chosen),
        counts=_counts(chosen),
        checks=tuple(concerned),
        claims=tuple(
            StandingClaim(
                **asdict(_on_trial(name, ledger.claims[name], each, shaken)),
                standing=tuple(map(_stand, each.judged)),
                across_hosts=across(ledger.claims[name], _by_host(each.judged)),
            )
            for name, each in chosen.items()
        ),
    )


def describe(name: str, claim: Claim) -> Claimed:
    """What is claimed, in one line and as data."""
    return Claimed(
        id=name,
        kind=claim.kind,
        says=claim.says,
        source=claim.source,
        locator=claim.locator,
        published=published(claim),
        plan=test.plan if (test := getattr(claim, "test", None)) else None,
        entailed_by=tuple(
            (entry,) if isinstance(entry, str) else tuple(entry) for entry in claim.entailed_by
        ),
    )


def _on_trial(
    name: str, claim: Claim, stand: Standing, shaken: Mapping[str, tuple[Undermined, ...]]
) -> OnTrial:
    """What stands beside the verdicts: what the test assumes, and what that decides."""
    test = getattr(claim, "test", None)
    return OnTrial(
        **asdict(describe(name, claim)),
        undermined_by=shaken.get(name, ()),
        assumes=test.assumes if test else "",
        variants=tuple(
            VariantStanding(
                name=variant,
                assumes=test.variants[variant].assumes if test else "",
                standing=tuple(map(_stand, judged)),
            )
            for variant, judged in stand.variants.items()
        ),
        flips=stand.flips,
    )


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


def _stand(judged: Judged) -> Stand:
    run = judged.run
    return Stand(
        bundle=run.record.id if run else None,
        seal=run.seal if run else None,
        **asdict(judged.judgement),
    )


def _by_host(judged: Sequence[Judged]) -> list[tuple[str, ClaimJudgement]]:
    return [
        (each.run.record.host, each.judgement)
        for each in judged
        if each.run and each.run.record.host
    ]


def _bundle(run: Run, ledger: str) -> BundleOnTrial:
    return BundleOnTrial(
        id=run.record.id,
        seal=run.seal,
        plan=run.record.plan.name,
        plan_sha256=run.record.plan.sha256,
        profile=run.plan.profile,
        host=run.record.host,
        host_class=run.facts.host_class,
        status=run.record.status,
        sealed_with_the_ledger=run.record.ledger == ledger,
    )


def _counts(stand: Mapping[str, Standing]) -> dict[ClaimVerdict, int]:
    """How many claims got each verdict, by the last row of the table that any bundle reached."""
    found = Counter(each.verdict for each in stand.values())
    return {verdict: found[verdict] for verdict in ClaimVerdict}


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
            found, seen = one.judgement, one.judgement.measured
            if seen and seen.ci95 and found.verdict in DECIDED:
                figure = rounding.figure(seen.value, seen.ci95.low, seen.ci95.high)
                interval = rounding.interval(seen.ci95.low, seen.ci95.high)
                yield f"; {name} is {found.said}, at {figure} ({interval} at 95 %)"
