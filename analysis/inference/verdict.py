"""The verdict of a comparison: the first row of this table that applies.

| verdict | when |
|---|---|
| INVALID (gate) | a fatal gate, the null control or the positive control failed |
| INCONCLUSIVE (robustness) | the three methods disagree |
| NEGLIGIBLE | the 95 % interval excludes 1, the 90 % interval lies inside the margin |
| FASTER, SLOWER | the 95 % interval excludes 1 |
| EQUIVALENT | the 95 % interval includes 1, the 90 % interval lies inside the margin |
| INCONCLUSIVE (MDE) | otherwise |

A smoke run, a run of fewer than ten blocks, or one that was cut short is an ESTIMATE: it gets no
verdict. Its controls are shown and decide nothing, but a fatal gate still makes it INVALID.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from analysis.inference.controls import null_control
from analysis.inference.estimators import RESAMPLES, estimate_ratio, moments
from analysis.inference.hypotheses import ALPHA, tost
from analysis.inference.interval import margin_band, percent
from analysis.inference.power import FEWEST_BLOCKS, blocks_needed, detectable_effect
from bundle.documents.results import Evidence, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.inference.sample import PairedSample
    from bundle.documents.results import Better, Control, Estimate
    from host.levels import Profile


@dataclass(frozen=True)
class Judgement[V: StrEnum = Verdict]:
    """A verdict with its reasons; V has the words."""

    verdict: V  #: of the candidate
    #: whether a FASTER or SLOWER candidate is so by more than the margin; None with any other
    #: verdict
    size_resolved: bool | None
    reasons: tuple[Reason, ...]  #: at least one; the first is why this verdict and not another


def weigh(
    sample: PairedSample, *, margin: float, seed: int, resamples: int = RESAMPLES
) -> Evidence:
    """Compute all numbers of one comparison, before anyone judges them.

    Args:
        sample: of one metric.
        margin: theta as a fraction, such as 0.03.
        seed: of the bootstrap.
        resamples: of the bootstrap.

    Raises:
        ValueError: no block holds all the trials, or the margin is not positive.
    """
    margin_band(margin)
    d = sample.d
    if not d.values:
        raise ValueError("no block holds a trial of every subject of the comparison")
    sd = moments(d.values).sd if len(d) > 1 else None
    return Evidence(
        margin=margin,
        blocks=len(d),
        dropped=d.dropped,
        estimates=estimate_ratio(d.values, seed=seed, resamples=resamples),
        sd=sd,
        equivalence_p=None if sd is None else tost(d.values, margin),
        detectable=None if sd is None else detectable_effect(sd, len(d)),
        needed=None if sd is None else blocks_needed(sd, margin),
        null=None if sample.a is None else null_control(sample.a.values, margin),
    )


def judge_comparison(
    evidence: Evidence,
    *,
    better: Better,
    profile: Profile,
    fatal_gates: Sequence[str] = (),
    flaws: Sequence[Reason] = (),
    null: Control | None = None,
    positive: Control | None = None,
    family_p: float | None = None,
    stopped: bool = False,
) -> Judgement:
    """Judge one comparison by its gates, its controls and where its intervals lie.

    Args:
        evidence: the numbers of the comparison, its null control among them.
        better: which way the metric improves; FASTER means that the candidate is better.
        profile: of the plan.
        fatal_gates: one sentence for each that failed.
        flaws: what makes figures of this metric unfit for a verdict.
        null: the run's null control, for a baseline that has none of its own.
        positive: the positive control, where the plan has one.
        family_p: the paired t's p value adjusted by ``holm`` where the plan has several primary
            comparisons: above 0.05, the comparison counts as one whose interval includes 1.
        stopped: whether the run was cut short. To stop at a difference that is seen finds more of
            them than there are.
    """
    controls = [control for control in (evidence.null or null, positive) if control]
    resolved = None
    if fatal_gates:
        verdict, reasons = Verdict.INVALID, [Reason("gate", gate) for gate in fatal_gates]
    elif reasons := _too_little(evidence, profile, stopped=stopped):
        verdict = Verdict.ESTIMATE
    elif reasons := [*flaws, *_failed(controls)]:
        verdict = Verdict.INVALID
    else:
        verdict, reasons = _agree(evidence, better, family_p)
    if verdict in {Verdict.FASTER, Verdict.SLOWER}:
        ci95 = evidence.estimates.t.ci95
        resolved = ci95 is not None and ci95.beyond(margin_band(evidence.margin))
        if not resolved:
            what = f"by how much is open: perhaps by less than {percent(evidence.margin)}"
            reasons.append(Reason("size-unresolved", what))
    if evidence.null is None:
        reasons.append(Reason("no-null-arm", "no second deployment of the baseline was measured"))
    return Judgement(verdict, resolved, tuple(reasons))


def place(estimate: Estimate, *, margin: float, better: Better, survives: bool = True) -> Verdict:
    """Read the lower rows of the table off the intervals of one method.

    Args:
        estimate: with both intervals; without them nothing is decided.
        margin: theta as a fraction.
        better: which way the metric improves.
        survives: whether the comparison survives the adjustment for its family.
    """
    if estimate.ci95 is None or estimate.ci90 is None:
        return Verdict.INCONCLUSIVE_MDE
    differs = estimate.ci95.excludes(1.0) and survives
    within = estimate.ci90.inside(margin_band(margin))
    if differs and within:
        return Verdict.NEGLIGIBLE
    if differs:
        higher = estimate.ci95.low > 1.0
        return Verdict.FASTER if higher == (better == "higher") else Verdict.SLOWER
    return Verdict.EQUIVALENT if within else Verdict.INCONCLUSIVE_MDE


def _too_little(evidence: Evidence, profile: Profile, *, stopped: bool) -> list[Reason]:
    reasons = []
    if stopped:
        what = "the run was cut short, so nobody planned after how many blocks it ends"
        reasons.append(Reason("aborted", what))
    if profile == "smoke":
        reasons.append(Reason("smoke", "a smoke run shows that the path works, not which wins"))
    if evidence.blocks < FEWEST_BLOCKS:
        what = f"{evidence.blocks} blocks where a verdict needs {FEWEST_BLOCKS}"
        reasons.append(Reason("few-blocks", what))
    return reasons


def _failed(controls: Sequence[Control]) -> list[Reason]:
    return [Reason(f"{one.name}-control", one.what) for one in controls if not one.passed]


def _agree(
    evidence: Evidence, better: Better, family_p: float | None
) -> tuple[Verdict, list[Reason]]:
    survives = family_p is None or family_p <= ALPHA
    verdicts = {
        estimate.method: place(estimate, margin=evidence.margin, better=better, survives=survives)
        for estimate in evidence.estimates
    }
    if len(set(verdicts.values())) > 1:
        what = ", ".join(f"{method}: {verdict}" for method, verdict in verdicts.items())
        return Verdict.INCONCLUSIVE_ROBUSTNESS, [Reason("methods-disagree", what)]
    verdict = verdicts[evidence.estimates.t.method]
    reasons = [_why(verdict, evidence)]
    if not survives:
        what = f"p is {family_p:.3f} once adjusted for its family: no difference counts as shown"
        # First where it is what decided: its interval alone would have shown one.
        ci95 = evidence.estimates.t.ci95
        decided = ci95 is not None and ci95.excludes(1.0)
        reasons.insert(0 if decided else len(reasons), Reason("family", what))
    return verdict, reasons


def _why(verdict: Verdict, evidence: Evidence) -> Reason:
    margin = percent(evidence.margin)
    match verdict:
        case Verdict.NEGLIGIBLE:
            return Reason("below-margin", f"there is a difference, and it is below {margin}")
        case Verdict.FASTER | Verdict.SLOWER:
            return Reason("excludes-one", "the 95 % interval excludes 1")
        case Verdict.EQUIVALENT:
            return Reason("inside-margin", f"if there is a difference, it is below {margin}")
    what = "a difference is neither shown nor ruled out"
    if evidence.detectable is not None:
        what += f"; one of {percent(evidence.detectable)} would have been found nine times in ten"
    if evidence.needed is not None and evidence.needed > evidence.blocks:
        what += f"; {evidence.needed} blocks would find one of {margin} as often"
    return Reason("undecided", what)
