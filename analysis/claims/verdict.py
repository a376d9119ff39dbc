"""The verdict on a claim: one table, read from the top, the first row that fits.

| verdict | when |
|---|---|
| untestable | what is needed to set up a test is missing |
| incoherent | it contradicts its own arithmetic with stated inputs |
| not_run | this bundle has no completed trial for it, or its script did not run to its end |
| invalid_run | a validity gate of the run failed, or its deployments differ by too much |
| incomparable | a material condition differs, or the host does not meet the claim's portability |
| inconclusive | only an estimate, rounds or runs disagree, or the interval straddles the band |
| upheld | the whole interval lies inside the band |
| refuted | the whole interval lies outside the band: above or below |

The band holds every value that rounds to the printed one, widened by the tolerance; that of an
ordering is everything above 1, and above 0 for the difference of figures that may be zero: there
its end does not belong to it, for two that are equal are in no order. Inside
is decided by the 90 % interval where a band has two ends (an equivalence test at 5 %) and by the
95 % interval where it has one; outside by the 95 %. The interval is that of `analysis.inference`,
which the null arm widens. Six blocks are enough but for "inside" between two ends, which takes ten.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from msgspec.structs import replace

from analysis.claims.comparability import differences
from analysis.claims.ledger import Bound, Ordering, Range, Ranking, Runs, Statement
from analysis.claims.measure import measure, paired, places_of
from analysis.claims.metrics import CLAIM_METRICS
from analysis.claims.ranking import ranked
from analysis.claims.running import judge_running, unfit, unran
from analysis.claims.weaknesses import weaknesses_of
from analysis.inference import FEWEST_BLOCKS, FEWEST_FOR_DIRECTION, margin_band, unjudged
from analysis.inference.nullarm import excess
from analysis.metrics import PRIMARY, waiting_left_out
from analysis.rounding import brief, percent
from bundle.display import quantity
from bundle.documents.results import GateVerdict, Interval
from bundle.documents.results import Verdict as Comparison
from bundle.documents.verdicts import Band, ClaimJudgement, ClaimVerdict, Strength
from host.levels import SHARING_TIERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.claims.evidence import Place, Run
    from analysis.claims.ledger import Claim, Ledger, Measurable, Source, Testable
    from analysis.claims.measure import Estimated
    from analysis.claims.metrics import ClaimMetric
    from bundle.documents.results import Estimate
    from bundle.documents.verdicts import CheckOutcome, Measured, Side
    from bundle.format import BundleRecord

_UNJUDGED = ClaimJudgement(
    verdict=ClaimVerdict.NOT_RUN,
    side=None,
    why="",
    band=None,
    measured=None,
    strength=Strength.NONE,
    weaknesses=(),
)


def judge_claim(
    name: str, ledger: Ledger, run: Run | None, checks: Sequence[CheckOutcome]
) -> ClaimJudgement:
    """Judge one claim of a ledger by one run; pure, and total.

    Args:
        name: of the claim.
        ledger: without problems.
        run: None if there is none for the claim's plan.
        checks: of the ledger, carried out.
    """
    claim = ledger.claims[name]
    if isinstance(claim, Ranking):
        books = [ledger.having(name, pair) for pair in claim.neighbours]
        return ranked(claim, [judge_claim(name, each, run, checks) for each in books])
    for row, why in _rows(name, ledger, run, checks):
        if why:
            return replace(_UNJUDGED, verdict=row, why=why, measured=_shown(row, claim, run))
    if run is None or isinstance(claim, Statement):
        raise ValueError(f"{name} has nothing to be judged by, and no row says so")
    grade = strength(ledger.sources[claim.source], run.record)
    weak = weaknesses_of(name, ledger, run, checks)
    if isinstance(claim, Runs):
        upheld, why = judge_running(claim, run, places_of(claim)[claim.subjects[0]].subject)
        verdict = ClaimVerdict.UPHELD if upheld else ClaimVerdict.REFUTED
        return replace(_UNJUDGED, verdict=verdict, why=why, strength=grade, weaknesses=weak)
    measured = measure(claim, run)
    if measured is None:
        why = f"no completed trial gives a figure for {claim.metric}"
        return replace(_UNJUDGED, verdict=ClaimVerdict.NOT_RUN, why=why)
    band = band_of(claim)
    lacks = [*_lacks(measured, run), *_disturbed(claim, run)]
    if lacks:
        verdict, side, why = ClaimVerdict.INCONCLUSIVE, None, "; ".join(lacks)
        measured = dataclasses.replace(measured, lack=why)
    else:
        verdict, side, why = decide(measured, band, is_open=isinstance(claim, Ordering))
        if verdict is ClaimVerdict.INCONCLUSIVE and isinstance(claim, Ordering):
            why += _equal(claim, measured, run)
    return ClaimJudgement(
        verdict=verdict,
        side=side,
        why=why,
        band=Band(low=_end(band.low), high=_end(band.high)),
        measured=measured.document,
        strength=grade,
        weaknesses=weak,
    )


def _end(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _shown(row: ClaimVerdict, claim: Claim, run: Run | None) -> Measured | None:
    """The measured figure to show beside an incomparable one; it decides nothing."""
    if row is not ClaimVerdict.INCOMPARABLE or run is None:
        return None
    if isinstance(claim, Ranking | Runs | Statement):
        return None
    measured = measure(claim, run)
    return measured.document if measured else None


def _rows(
    name: str, ledger: Ledger, run: Run | None, checks: Sequence[CheckOutcome]
) -> Iterator[tuple[ClaimVerdict, str | None]]:
    """The rows of the table above the figure, each with its reason; None where it does not fit."""
    claim = ledger.claims[name]
    yield ClaimVerdict.UNTESTABLE, claim.untestable
    convicting = (f"{check.check}: {check.what}" for check in checks if name in check.convicts)
    yield ClaimVerdict.INCOHERENT, next(convicting, None)
    yield ClaimVerdict.NOT_RUN, _not_run(claim, run)
    if run is None or isinstance(claim, Ranking | Statement):
        return
    yield ClaimVerdict.INVALID_RUN, None if isinstance(claim, Runs) else _gate(claim, run)
    yield ClaimVerdict.INCOMPARABLE, "; ".join(_incomparable(claim, ledger, run))


def band_of(claim: Measurable) -> Interval:
    """The values that count as what was claimed."""
    if isinstance(claim, Ordering):  # of figures that may be zero, by their difference
        plain = CLAIM_METRICS[claim.metric].scale == "plain"
        return Interval(0.0 if plain else 1.0, math.inf)
    half = claim.precision / 2
    widened = 1 + (claim.tolerance.relative if claim.tolerance else 0.0)
    ends = (claim.low, claim.high) if isinstance(claim, Range) else (claim.value, claim.value)
    low, high = ends[0] - half, ends[1] + half
    low = low / widened if low > 0 else low * widened
    high = high * widened if high > 0 else high / widened
    if isinstance(claim, Bound):
        return Interval(low, math.inf) if claim.bound == "at-least" else Interval(-math.inf, high)
    return Interval(low, high)


def _lacks(measured: Estimated, run: Run) -> list[str]:
    """Why a figure is only an estimate; empty if it may decide."""
    if measured.exact:
        return []
    stopped = run.record.status == "aborted"
    lacks = [reason.what for reason in unjudged(run.plan.profile, stopped=stopped)]
    if measured.lack:
        lacks.append(measured.lack)
    if measured.blocks < FEWEST_FOR_DIRECTION:
        lacks.append(
            f"{quantity(measured.blocks, 'block')} where a verdict needs {FEWEST_FOR_DIRECTION}"
        )
    return lacks


def _disturbed(claim: Measurable, run: Run) -> list[str]:
    """Why the rounds of load that switches take back what they say of the claim's subjects."""
    metric, places = CLAIM_METRICS[claim.metric], places_of(claim).values()
    cells = {(place.workload, place.load) for place in places}
    return [
        reason.what
        for cell in run.results.cells
        if (cell.workload, cell.load) in cells
        for each in cell.comparisons
        if {each.baseline, each.candidate} == {place.subject for place in places}
        and each.metric == (metric.compared_as or metric.name)
        for reason in each.reasons
        if reason.code == "disturbed-rounds"
    ]


def decide(
    measured: Estimated, band: Interval, *, is_open: bool = False
) -> tuple[ClaimVerdict, Side | None, str]:
    """The lower three rows of the table: verdict, side, and the reason.

    Args:
        measured: no mere estimate.
        band: of the claim.
        is_open: whether the band's lower end does not belong to it.
    """
    estimate, exact = measured.estimate, measured.exact
    verdict, side = _place(estimate, band, is_open=is_open, exact=exact)
    if verdict is ClaimVerdict.INCONCLUSIVE:
        why = "the interval straddles the band"
        if measured.detectable is not None:
            noise = "block of this noise finds", "blocks of this noise find"
            why += f"; {quantity(measured.blocks, *noise)} {percent(measured.detectable, 1)} "
            why += "nine times in ten"
        return verdict, side, why
    inside = verdict is ClaimVerdict.UPHELD
    if inside and _has_two_ends(band) and not exact and measured.blocks < FEWEST_BLOCKS:
        seen = quantity(measured.blocks, "block")
        why = f"{seen} where a figure inside a band needs {FEWEST_BLOCKS}"
        return ClaimVerdict.INCONCLUSIVE, None, why
    opposing = [
        f"{each.method}: {brief(each.ratio, 4)}, {estimate.method}: {brief(estimate.ratio, 4)}"
        for each in measured.checks
        if _position(each, band) != (side or "inside")
    ]
    if opposing:
        why = f"the methods oppose each other: {'; '.join(opposing)}"
        return ClaimVerdict.INCONCLUSIVE, None, why
    return verdict, side, f"the whole interval lies {side or 'inside'} the band"


def _equal(claim: Ordering, measured: Estimated, run: Run) -> str:
    """What an order without a verdict still shows: that the two figures are equal in practice."""
    narrow, metric = measured.estimate.ci90, CLAIM_METRICS[claim.metric]
    if metric.scale != "ratio" or narrow is None or measured.blocks < FEWEST_BLOCKS:
        return ""
    margin = _margin(metric, run)
    if not narrow.inside(margin_band(margin)):
        return ""
    return f"; the two are equal within {percent(margin, 1)}, by the 90 % interval"


def _margin(metric: ClaimMetric, run: Run) -> float:
    """The plan's margin; a metric without one has that of the throughput."""
    name = metric.compared_as or metric.name
    return run.plan.margin(name if name in run.plan.margins else PRIMARY)


def _position(estimate: Estimate, band: Interval) -> str:
    """Where a method puts the figure itself, whatever its interval."""
    if estimate.ratio > band.high:
        return "above"
    return "below" if estimate.ratio < band.low else "inside"


def _has_two_ends(band: Interval) -> bool:
    return math.isfinite(band.low) and math.isfinite(band.high)


def _place(
    estimate: Estimate, band: Interval, *, is_open: bool, exact: bool
) -> tuple[ClaimVerdict, Side | None]:
    wide, narrow = estimate.ci95, estimate.ci90
    if wide is None or narrow is None:
        return ClaimVerdict.INCONCLUSIVE, None
    if wide.low > band.high:
        return ClaimVerdict.REFUTED, "above"
    if wide.high < band.low or (exact and is_open and wide.high == band.low):
        return ClaimVerdict.REFUTED, "below"
    tested = narrow if _has_two_ends(band) else wide
    above = band.low < tested.low or (band.low == tested.low and not is_open)
    if above and tested.high <= band.high:
        return ClaimVerdict.UPHELD, None
    return ClaimVerdict.INCONCLUSIVE, None


def _not_run(claim: Claim, run: Run | None) -> str | None:
    if claim.not_run:
        return claim.not_run
    test = getattr(claim, "test", None)
    if run is None or test is None:
        return f"no bundle of the plan {test.plan!r} was given" if test else "no plan tests it"
    if run.plan.name != test.plan:
        return f"the bundle is of the plan {run.plan.name!r}, and {test.plan!r} tests it"
    if other := [each for each in run.plan.overridden if each.key == "connections"]:
        return f"the bundle ran another load than the plan has: {other[0]}"
    if isinstance(claim, Statement):
        return None
    return next(
        (why for place in places_of(claim).values() if (why := _gap(claim, run, place))), None
    )


def _gap(claim: Testable, run: Run, place: Place) -> str | None:
    """What the run lacks of a place that the claim is tested in; None if it lacks nothing."""
    if isinstance(claim, Runs):
        if place.subject not in run.stacks:
            return f"nothing is recorded about the stack of {place.subject!r}"
        return unran(claim, run, place.subject)
    if run.trials.get(place):
        return None
    where = f"{place.subject} on {place.workload} under {place.load}"
    return f"no trial of {where} was completed" + _omission(run, place.subject)


def _omission(run: Run, subject: str) -> str:
    """Why a subject was left out of the run, as a clause; usually empty."""
    return next(
        (f": {each.reason}" for each in run.record.omitted if f"*-{subject}-" in each.path), ""
    )


def _gate(claim: Measurable, run: Run) -> str | None:
    """Why the run's figures for this claim must not be used, from the results of the run.

    A gate of the whole run counts whether or not the plan compares the claim's subjects.
    """
    for gate in run.results.gates:
        if gate.verdict == GateVerdict.FAILED:
            return gate.said
    metric = CLAIM_METRICS[claim.metric]
    places = list(places_of(claim).values())
    subjects = {place.subject for place in places}
    cells = {(place.workload, place.load) for place in places}
    for cell in run.results.cells:
        if (cell.workload, cell.load) not in cells:
            continue
        for each in cell.comparisons:
            compared = {each.baseline, each.candidate}
            reason = each.reasons[0]
            same_metric = each.metric == (metric.compared_as or metric.name)
            mine = reason.code == "gate" or (same_metric and subjects == compared)
            if each.verdict == Comparison.VOID and subjects & compared and mine:
                return reason.what
    for place in places:
        trials = metric.rests_on(run.trials.get(place, {}).values())
        if what := waiting_left_out(metric.unit, trials):
            return f"{place.subject}: {what}"
    return _apart(claim, metric, run)


def _apart(claim: Measurable, metric: ClaimMetric, run: Run) -> str | None:
    """Whether the null arm differs from its subject by more than the margin beyond chance."""
    if metric.scale != "ratio" or not claim.compares:
        return None
    a = paired(claim, run).a
    if a is None or len(a) < 2:  # noqa: PLR2004 - what a spread needs
        return None
    margin = _margin(metric, run)
    beyond = excess(a.values)
    if beyond <= math.log(margin_band(margin).high):
        return None
    return (
        f"two deployments of one service differ by {percent(math.expm1(beyond), 1)} more than "
        f"chance explains; at most {percent(margin, 1)} is allowed"
    )


def _incomparable(claim: Measurable | Runs, ledger: Ledger, run: Run) -> list[str]:
    apart = differences(claim, ledger, run)
    if isinstance(claim, Runs):
        reason = unfit(claim, run, places_of(claim)[claim.subjects[0]].subject)
        return [*apart, reason] if reason else apart
    sized = not isinstance(claim, Ordering) and claim.portability != "any"
    # There sizes are not the subject's own.
    if sized and run.tier in SHARING_TIERS:
        apart.append(
            f"on tier {run.tier} service, database and generator share CPUs: "
            "a direction may be judged there, a size may not"
        )
    return apart


def strength(source: Source, record: BundleRecord) -> Strength:
    """How much a verdict weighs, by digests alone: who repeated what.

    Args:
        source: of the claim; without ``artifacts`` nothing of it can be the same.
        record: of the sealed bundle.
    """
    if record.tool.dirty is not False:
        return Strength.NONE
    made = source.artifacts
    same_plan = made is not None and made.plan_sha256 == record.plan.sha256
    if made is None or not same_plan or made.tool_commit != record.tool.commit:
        return Strength.REPLICATED
    at_home = made.host is not None and made.host == record.host
    return Strength.REPEATED if at_home else Strength.REPRODUCED
