"""The verdict of a comparison whose null arm informs its interval, and of several runs together.

| verdict | when, in this order |
|---|---|
| VOID | a fatal gate or the positive control failed, or A and A' differ by more than the margin |
| ESTIMATE | no null arm by the metric, or fewer than 6 blocks |
| INCONCLUSIVE | the 95 % interval excludes 1, and another method has the opposite direction |
| NEGLIGIBLE | 10 blocks, the 95 % interval excludes 1, the 90 % interval is inside the margin |
| FASTER, SLOWER | the 95 % interval excludes 1; "size unresolved" unless it is beyond the margin |
| EQUIVALENT | 10 blocks, the 95 % interval includes 1, the 90 % interval is inside the margin |
| INCONCLUSIVE | otherwise |

The verdicts of results do not use this module yet; `verdict` holds the table that they use.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

from analysis.inference.hypotheses import ALPHA
from analysis.inference.interval import margin_band, percent
from analysis.inference.nullarm import BETA, Lack, Undefined, findable_effect
from analysis.inference.power import FEWEST_BLOCKS
from analysis.inference.verdict import Judgement
from bundle.documents.results import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.inference.nullarm import Widened
    from analysis.inference.runs import Combined
    from bundle.documents.results import Better, Control, Estimate

FEWEST_FOR_DIRECTION = 6
"""Blocks for FASTER and SLOWER; what is below the margin needs `FEWEST_BLOCKS`."""


class RulingVerdict(StrEnum):
    """What a comparison comes to."""

    VOID = "VOID"
    ESTIMATE = "ESTIMATE"
    FASTER = "FASTER"
    SLOWER = "SLOWER"
    NEGLIGIBLE = "NEGLIGIBLE"
    EQUIVALENT = "EQUIVALENT"
    INCONCLUSIVE = "INCONCLUSIVE"


_DIFFERENT = {RulingVerdict.FASTER, RulingVerdict.SLOWER, RulingVerdict.NEGLIGIBLE}


type Ruling = Judgement[RulingVerdict]


def rule(
    measured: Widened | Undefined,
    *,
    margin: float,
    better: Better,
    checks: Sequence[Estimate] = (),
    fatal: Sequence[Reason] = (),
    positive: Control | None = None,
    only_estimate: Sequence[Reason] = (),
    family_p: float | None = None,
    beta: float = BETA,
) -> Ruling:
    """Judge one comparison of one run.

    Args:
        measured: the comparison with its null arm, or why it has no interval.
        margin: theta as a fraction.
        better: which way the metric improves; FASTER means that the candidate is better.
        checks: the same ratio by other methods. Only an opposite direction of one of them counts:
            full agreement would turn away 10 to 30 % of the comparisons for nothing.
        fatal: what makes the figures invalid: fatal gates, and flaws of this metric.
        positive: the positive control, where the plan has one. With fewer than 6 blocks it decides
            nothing, because it cannot pass.
        only_estimate: why the run gives no verdict, such as a smoke profile or an early end that
            nobody planned.
        family_p: p adjusted by `holm`, where the plan has several primary comparisons. Above 0.05
            the comparison counts as one whose interval includes 1.
        beta: as in `widen`; for the effect that an INCONCLUSIVE run could have found.

    Raises:
        ValueError: the margin is not positive.
    """
    reach = math.log(margin_band(margin).high)
    if invalid := [*fatal, *_invalid(measured, reach, positive)]:
        return Judgement(RulingVerdict.VOID, None, tuple(invalid))
    unjudged = [*only_estimate, *_too_little(measured)]
    if unjudged or isinstance(measured, Undefined):
        return Judgement(RulingVerdict.ESTIMATE, None, tuple(unjudged))
    survives = family_p is None or family_p <= ALPHA
    verdict = _read(measured.estimate, measured.blocks, margin, better, survives=survives)
    reasons = [_why(verdict, margin)]
    if verdict in _DIFFERENT and (opposite := _opposite(measured.estimate, checks)):
        verdict, reasons = RulingVerdict.INCONCLUSIVE, opposite
    elif verdict is RulingVerdict.INCONCLUSIVE:
        effect = findable_effect(measured.sd, measured.blocks, beta=beta)
        what = f"{measured.blocks} blocks of this noise find {percent(effect)} nine times in ten"
        reasons.append(Reason("detectable", what))
    if not survives:
        what = f"p is {family_p:.3f} once adjusted for its family: no difference counts as shown"
        reasons.append(Reason("family", what))
    return _ruling(verdict, reasons, measured.estimate, margin)


def rule_runs(combined: Combined, *, margin: float, better: Better) -> Ruling:
    """Judge one claim by several runs.

    Args:
        combined: of the runs that are neither VOID nor ESTIMATE.
        margin: theta as a fraction.
        better: which way the metric improves.

    Raises:
        ValueError: the margin is not positive.
    """
    if combined.disagree:
        what = f"the runs disagree by more than chance: Cochran's p is {combined.cochran_p:.3f}"
        return Judgement(RulingVerdict.INCONCLUSIVE, None, (Reason("runs-disagree", what),))
    verdict = _read(combined.estimate, combined.blocks, margin, better, survives=True)
    return _ruling(verdict, [_why(verdict, margin)], combined.estimate, margin)


def same_without_disturbed(primary: Ruling, undisturbed: Ruling) -> Ruling:
    """Return the verdict of all rounds, or INCONCLUSIVE if the undisturbed rounds have another."""
    if primary.verdict is undisturbed.verdict:
        return primary
    what = f"all rounds: {primary.verdict}, without disturbed rounds: {undisturbed.verdict}"
    return Judgement(RulingVerdict.INCONCLUSIVE, None, (Reason("disturbed-rounds", what),))


def _invalid(measured: Widened | Undefined, reach: float, positive: Control | None) -> list[Reason]:
    reasons = []
    if isinstance(measured, Undefined):
        if measured.lack in {Lack.NOT_FINITE, Lack.NOT_POSITIVE}:
            reasons.append(Reason(measured.lack, measured.what))
    elif measured.half_width.excess > reach:
        excess, most = (percent(math.expm1(e)) for e in (measured.half_width.excess, reach))
        what = f"A and A' differ by {excess} more than chance explains; at most {most} is allowed"
        reasons.append(Reason("deployments-differ", what))
    if positive and not positive.passed and measured.blocks >= FEWEST_FOR_DIRECTION:
        reasons.append(Reason("positive-control", positive.what))
    return reasons


def _too_little(measured: Widened | Undefined) -> list[Reason]:
    if isinstance(measured, Undefined):
        return [Reason(measured.lack, measured.what)]
    if measured.blocks < FEWEST_FOR_DIRECTION:
        what = f"{measured.blocks} blocks where a verdict needs {FEWEST_FOR_DIRECTION}"
        return [Reason("few-blocks", what)]
    return []


def _read(
    estimate: Estimate, blocks: int, margin: float, better: Better, *, survives: bool
) -> RulingVerdict:
    if estimate.ci95 is None or estimate.ci90 is None:
        return RulingVerdict.INCONCLUSIVE
    within = blocks >= FEWEST_BLOCKS and estimate.ci90.inside(margin_band(margin))
    if not (estimate.ci95.excludes(1.0) and survives):
        return RulingVerdict.EQUIVALENT if within else RulingVerdict.INCONCLUSIVE
    if within:
        return RulingVerdict.NEGLIGIBLE
    improves = (estimate.ratio > 1) == (better == "higher")
    return RulingVerdict.FASTER if improves else RulingVerdict.SLOWER


def _opposite(primary: Estimate, checks: Sequence[Estimate]) -> list[Reason]:
    """The methods that put the ratio, or all of their 95 % interval, on the other side of 1."""

    def opposes(check: Estimate) -> bool:
        ends = [check.ratio]
        if check.ci95 is not None:
            ends.append(check.ci95.high if primary.ratio > 1 else check.ci95.low)
        return any(end < 1 if primary.ratio > 1 else end > 1 for end in ends)

    return [
        Reason(
            "methods-oppose",
            f"{check.method}: {check.ratio:.3f}, {primary.method}: {primary.ratio:.3f}",
        )
        for check in checks
        if opposes(check)
    ]


def _ruling(
    verdict: RulingVerdict, reasons: list[Reason], estimate: Estimate, margin: float
) -> Ruling:
    resolved = None
    if verdict in {RulingVerdict.FASTER, RulingVerdict.SLOWER}:
        resolved = estimate.ci95 is not None and estimate.ci95.beyond(margin_band(margin))
        if not resolved:
            what = f"the size is open: perhaps less than {percent(margin)}"
            reasons.append(Reason("size-unresolved", what))
    return Judgement(verdict, resolved, tuple(reasons))


def _why(verdict: RulingVerdict, margin: float) -> Reason:
    theta = percent(margin)
    match verdict:
        case RulingVerdict.NEGLIGIBLE:
            return Reason("below-margin", f"there is a difference, and it is below {theta}")
        case RulingVerdict.FASTER | RulingVerdict.SLOWER:
            return Reason("excludes-one", "the 95 % interval excludes 1")
        case RulingVerdict.EQUIVALENT:
            return Reason("inside-margin", f"if there is a difference, it is below {theta}")
    return Reason("undecided", "a difference is neither shown nor ruled out")
