"""A ledger judged by bundles, as documents: ``verdicts/2`` of one, ``judgement/2`` of several."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from analysis import rounding
from analysis.claims.arithmetic import outcomes
from analysis.claims.ledger import (
    Absolute,
    Bound,
    Ordering,
    Range,
    Ranking,
    Ratio,
    Runs,
    Statement,
)
from analysis.claims.metrics import CLAIM_METRICS
from analysis.claims.standing import DECIDED, across, hosts_of, standing, undermined
from analysis.claims.verdict import judge_claim
from bundle.documents.verdicts import (
    JUDGED,
    BundleOnTrial,
    Claimed,
    ClaimJudgement,
    ClaimVerdict,
    JudgedClaim,
    Judgement,
    LedgerOnTrial,
    OnTrial,
    StandingClaim,
    Verdicts,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from analysis.claims.evidence import Run
    from analysis.claims.ledger import Claim, Ledger
    from analysis.claims.standing import Standing
    from bundle.documents.verdicts import Undermined


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
        name: one if (one := each.stands[0]).bundle else judge_claim(name, ledger, run, checks)
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
                **asdict(_on_trial(name, claim, stand[name], shaken)),
                **{key: getattr(judged[name], key) for key in ClaimJudgement.__struct_fields__},
            )
            for name, claim in ledger.claims.items()
        ),
    )


def judgement(
    ledger: Ledger, sha256: str, runs: Sequence[Run], *, only: Collection[str] | None = None
) -> Judgement:
    """Judge claims of a ledger by any number of bundles.

    Each bundle judges for itself, and the runs of committed source on one host together. Sizes of
    different hosts are not pooled: across hosts there is a direction, and the interval in which
    another host is to be expected.

    Args:
        ledger: without problems.
        sha256: of its file.
        runs: what the bundles bring.
        only: the claims to judge; all if None.
    """
    checks, hosts = outcomes(ledger), hosts_of(runs)
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
                standing=each.stands,
                together=each.together,
                across_hosts=across(ledger.claims[name], each.stands, hosts),
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
    """A claim with what its test assumes, and what that assumption decides."""
    test = getattr(claim, "test", None)
    return OnTrial(
        **asdict(describe(name, claim)),
        undermined_by=shaken.get(name, ()),
        assumes=test.assumes if test else "",
        variants=stand.variants,
        flips=stand.flips,
    )


def published(claim: Claim) -> str:
    """The claimed figure in words."""
    if isinstance(claim, Statement):
        return _stated(claim)
    if isinstance(claim, Runs):
        return f"{claim.package} {claim.version} gets through {claim.through}"
    match claim:
        case Ordering() | Ranking():
            return f"{claim.metric}: {' above '.join(claim.subjects)}"
        case Ratio() | Absolute():
            figure = rounding.given(claim.value)
        case Bound():
            figure = f"{claim.bound.replace('-', ' ')} {rounding.given(claim.value)}"
        case Range():
            figure = f"{rounding.given(claim.low)} to {rounding.given(claim.high)}"
    if claim.compares:
        equals = "" if isinstance(claim, Bound) else "= "
        return f"{claim.metric}: {' / '.join(claim.subjects)} {equals}{figure}"
    return f"{claim.metric} {figure} {CLAIM_METRICS[claim.metric].unit}"


def _stated(claim: Statement) -> str:
    if claim.value is None:
        return "a statement"
    # A year has no unit, and no comma.
    is_count = claim.unit and not isinstance(claim.value, str)
    return f"{claim.value:,} {claim.unit}" if is_count else f"{claim.value} {claim.unit}".strip()


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
    """How many claims got each verdict."""
    counts = Counter(each.verdict for each in stand.values())
    return {verdict: counts[verdict] for verdict in ClaimVerdict}


def _conclusion(ledger: Ledger, stand: Mapping[str, Standing]) -> str:
    """The counts, the first claim that a figure decided with its interval, and the weakness."""
    counts = ", ".join(f"{count} {verdict}" for verdict, count in _counts(stand).items() if count)
    flips = sum(bool(each.flips) for each in stand.values())
    if flips:
        counts += f"; {flips} {'flips' if flips == 1 else 'flip'} with an assumption"
    counts += next(_leading(stand), "")
    judged = [one for each in stand.values() for one in each.stands if one.verdict in JUDGED]
    weak = list(dict.fromkeys(weakness for one in judged for weakness in one.weaknesses[:1]))
    many = "claim" if len(stand) == 1 else "claims"
    weakness = f" ({weak[0]})" if weak else ""
    return f"Of {len(stand)} {many} in {ledger.title}: {counts}{weakness}."


def _leading(stand: Mapping[str, Standing]) -> Iterator[str]:
    """Each claim that a figure decided, as a clause."""
    for name, each in stand.items():
        one = each.deciding
        if one.measured and one.measured.ci95 and one.verdict in DECIDED:
            low, high = one.measured.ci95.low, one.measured.ci95.high
            figure = rounding.figure(one.measured.value, low, high)
            interval = rounding.interval(low, high)
            yield f"; {name} is {one.said}, at {figure} ({interval} at 95 %)"
