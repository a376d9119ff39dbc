"""The verdict of a comparison whose null arm informs its interval.

| verdict | when, in this order |
|---|---|
| VOID | a fatal gate or the positive control failed, or A and A' differ by more than the margin |
| ESTIMATE | no null arm by the metric, or fewer than 6 blocks |
| INCONCLUSIVE | the 95 % interval excludes 1, and another method has the opposite direction |
| NEGLIGIBLE | 10 blocks, the 95 % interval excludes 1, the 90 % interval is inside the margin |
| FASTER, SLOWER | the 95 % interval excludes 1; "size unresolved" unless it is beyond the margin |
| EQUIVALENT | 10 blocks, the 95 % interval includes 1, the 90 % interval is inside the margin |
| INCONCLUSIVE | otherwise |

`weigh` computes the numbers that stand beside a verdict, `rule` reads the table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.inference.estimators import RESAMPLES, estimate_ratio, moments, paired_t
from analysis.inference.hypotheses import ALPHA
from analysis.inference.interval import margin_band
from analysis.inference.nullarm import (
    Lack,
    Undefined,
    Widened,
    autocorrelation,
    findable_effect,
)
from analysis.inference.power import FEWEST_BLOCKS, FEWEST_FOR_DIRECTION
from analysis.rounding import p_value, percent, ratio
from bundle.display import quantity
from bundle.documents.plan import BETA
from bundle.documents.results import Evidence, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.inference.runs import Combined
    from analysis.inference.sample import PairedSample
    from bundle.documents.results import Better, Control, Estimate
    from host.levels import Profile

_DIFFERENT = {Verdict.FASTER, Verdict.SLOWER, Verdict.NEGLIGIBLE}


@dataclass(frozen=True)
class Ruling:
    """A verdict with its reasons."""

    verdict: Verdict  #: of the candidate
    #: whether a FASTER or SLOWER candidate is so by more than the margin; None with any other
    #: verdict
    size_resolved: bool | None
    reasons: tuple[Reason, ...]  #: at least one; the first is why this verdict and not another


def weigh(
    sample: PairedSample,
    measured: Widened | Undefined,
    *,
    margin: float,
    beta: float,
    seed: int,
    resamples: int = RESAMPLES,
) -> Evidence:
    """Gather all numbers of one comparison, before anyone judges them.

    Args:
        sample: of one metric.
        measured: what `widen_sample` makes of it.
        margin: theta as a fraction, such as 0.03.
        beta: as in `widen_sample`.
        seed: of the bootstrap.
        resamples: of the bootstrap.

    Raises:
        ValueError: no block holds all the trials.
    """
    d = sample.d
    if not d.values:
        raise ValueError("no block holds a trial of every subject of the comparison")
    known = measured if isinstance(measured, Widened) else None
    sd = moments(d.values).sd if len(d) > 1 else None
    return Evidence(
        margin=margin,
        blocks=len(d),
        dropped=d.dropped,
        widened=known.estimate if known else None,
        estimates=estimate_ratio(d.values, seed=seed, resamples=resamples),
        sd=sd,
        beta=beta,
        null=paired_t(sample.a.values) if sample.a and sample.a.values else None,
        excess=known.half_width.excess if known else None,
        autocorrelation=autocorrelation(d),
        detectable=None if sd is None else findable_effect(sd, len(d), beta=beta),
    )


def unjudged(profile: Profile, *, stopped: bool) -> list[Reason]:
    """Return why a run gives estimates and no verdicts; empty if it gives verdicts.

    Args:
        profile: of the plan.
        stopped: whether the run was cut short. To stop at a difference that is seen finds more of
            them than there are.
    """
    reasons = []
    if stopped:
        what = "the run was cut short, so nobody planned after how many blocks it ends"
        reasons.append(Reason("aborted", what))
    if profile == "smoke":
        reasons.append(Reason("smoke", "a smoke run shows that the path works, not which wins"))
    return reasons


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
        only_estimate: why the run gives no verdict, as `unjudged` has it.
        family_p: p adjusted by `holm`, where the plan has several primary comparisons. Above 0.05
            the comparison counts as one whose interval includes 1.
        beta: as in `widen`; for the effect that an INCONCLUSIVE run could have found.

    Raises:
        ValueError: the margin is not positive.
    """
    reach = math.log(margin_band(margin).high)
    if invalid := [*fatal, *_invalid(measured, reach, positive)]:
        return Ruling(Verdict.VOID, None, tuple(invalid))
    too_little = [*only_estimate, *_too_little(measured)]
    if too_little or isinstance(measured, Undefined):
        return Ruling(Verdict.ESTIMATE, None, tuple(too_little))
    survives = family_p is None or family_p <= ALPHA
    verdict = _read(measured.estimate, measured.blocks, margin, better, survives=survives)
    reasons = [_why(verdict, margin)]
    if verdict in _DIFFERENT and (opposite := _opposite(measured.estimate, checks)):
        verdict, reasons = Verdict.INCONCLUSIVE, opposite
    elif verdict is Verdict.INCONCLUSIVE:
        effect = findable_effect(measured.sd, measured.blocks, beta=beta)
        noise = quantity(measured.blocks, "block of this noise finds", "blocks of this noise find")
        what = f"{noise} {percent(effect, 1)} nine times in ten"
        reasons.append(Reason("detectable", what))
    ci95 = measured.estimate.ci95
    if family_p is not None and not survives and ci95 is not None and ci95.excludes(1.0):
        what = f"{p_value(family_p)} once adjusted for its family: no difference counts as shown"
        reasons.insert(0, Reason("family", what))
    return _ruling(verdict, reasons, measured.estimate, margin)


def rule_combined(
    combined: Combined | Undefined,
    *,
    margin: float,
    better: Better,
    only_estimate: Sequence[Reason] = (),
    family_p: float | None = None,
) -> Ruling:
    """Judge one comparison by several runs together, of which none is void.

    Args:
        combined: the ratio of all of them, or why there is none.
        margin: theta as a fraction.
        better: which way the metric improves.
        only_estimate: why the runs give no verdict by themselves.
        family_p: as in `rule`.

    Raises:
        ValueError: the margin is not positive.
    """
    if isinstance(combined, Undefined):
        lack = Reason(combined.lack, combined.what)
        return Ruling(Verdict.ESTIMATE, None, (*only_estimate, lack))
    if only_estimate:
        return Ruling(Verdict.ESTIMATE, None, tuple(only_estimate))
    survives = family_p is None or family_p <= ALPHA
    verdict = _read(combined.estimate, combined.blocks, margin, better, survives=survives)
    return _ruling(verdict, [_why(verdict, margin)], combined.estimate, margin)


def same_without_disturbed(primary: Ruling, undisturbed: Ruling) -> Ruling:
    """Return the verdict of all rounds, or INCONCLUSIVE if the undisturbed rounds have another."""
    if primary.verdict is undisturbed.verdict:
        return primary
    what = f"all rounds: {primary.verdict}, without disturbed rounds: {undisturbed.verdict}"
    return Ruling(Verdict.INCONCLUSIVE, None, (Reason("disturbed-rounds", what),))


def _invalid(measured: Widened | Undefined, reach: float, positive: Control | None) -> list[Reason]:
    reasons = []
    if isinstance(measured, Undefined):
        if measured.lack in {Lack.NOT_FINITE, Lack.NOT_POSITIVE}:
            reasons.append(Reason(measured.lack, measured.what))
    elif measured.half_width.excess > reach:
        excess, most = (percent(math.expm1(e), 1) for e in (measured.half_width.excess, reach))
        what = f"A and A' differ by {excess} more than chance explains; at most {most} is allowed"
        reasons.append(Reason("deployments-differ", what))
    if positive and not positive.passed and measured.blocks >= FEWEST_FOR_DIRECTION:
        reasons.append(Reason("positive-control", positive.what))
    return reasons


def _too_little(measured: Widened | Undefined) -> list[Reason]:
    if isinstance(measured, Undefined):
        return [Reason(measured.lack, measured.what)]
    if measured.blocks < FEWEST_FOR_DIRECTION:
        what = f"{quantity(measured.blocks, 'block')} where a verdict needs {FEWEST_FOR_DIRECTION}"
        return [Reason("few-blocks", what)]
    return []


def _read(
    estimate: Estimate, blocks: int, margin: float, better: Better, *, survives: bool
) -> Verdict:
    if estimate.ci95 is None or estimate.ci90 is None:
        return Verdict.INCONCLUSIVE
    within = blocks >= FEWEST_BLOCKS and estimate.ci90.inside(margin_band(margin))
    if not (estimate.ci95.excludes(1.0) and survives):
        return Verdict.EQUIVALENT if within else Verdict.INCONCLUSIVE
    if within:
        return Verdict.NEGLIGIBLE
    improves = (estimate.ratio > 1) == (better == "higher")
    return Verdict.FASTER if improves else Verdict.SLOWER


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
            f"{check.method}: {ratio(check.ratio)}, {primary.method}: {ratio(primary.ratio)}",
        )
        for check in checks
        if opposes(check)
    ]


def _ruling(verdict: Verdict, reasons: list[Reason], estimate: Estimate, margin: float) -> Ruling:
    resolved = None
    if verdict in {Verdict.FASTER, Verdict.SLOWER}:
        resolved = estimate.ci95 is not None and estimate.ci95.beyond(margin_band(margin))
        if not resolved:
            what = f"the size is open: perhaps less than {percent(margin, 1)}"
            reasons.append(Reason("size-unresolved", what))
    return Ruling(verdict, resolved, tuple(reasons))


def _why(verdict: Verdict, margin: float) -> Reason:
    theta = percent(margin, 1)
    match verdict:
        case Verdict.NEGLIGIBLE:
            return Reason("below-margin", f"there is a difference, and it is below {theta}")
        case Verdict.FASTER | Verdict.SLOWER:
            return Reason("excludes-one", "the 95 % interval excludes 1")
        case Verdict.EQUIVALENT:
            return Reason("inside-margin", f"if there is a difference, it is below {theta}")
    return Reason("undecided", "a difference is neither shown nor ruled out")
