"""Judges the comparisons and the controls of one workload under one load."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import asdict

from analysis.inference import (
    PairedSample,
    Undefined,
    Widened,
    holm,
    null_control,
    order_effects,
    positive_control,
    rule,
    unjudged,
    weigh,
    widen_sample,
)
from analysis.inference.nullarm import Lack
from analysis.metrics import METRICS, PRIMARY, Metric, waiting_left_out
from bundle.documents.results import Comparison, ControlArm, Judged, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from analysis.figures import Figures
    from analysis.sliced import Sliced
    from bundle.documents.plan import SealedPlan
    from bundle.documents.results import Control, WorkInShort


_PRIMARY = next(metric for metric in METRICS if metric.name == PRIMARY)


class Pair(NamedTuple):
    """Two subjects, or a subject and its arm, that are compared."""

    baseline: str
    candidate: str


@dataclass(frozen=True)
class Order:
    """How the usable trials of a cell followed each other."""

    #: by block, as they were carried out, each once; none of a block that was measured side by side
    subjects: Mapping[int, Sequence[str]]
    started_s: Mapping[int, float]  #: by block, seconds from the run's first trial to its own


class _Measured(NamedTuple):
    """Two subjects by one metric."""

    pair: Pair
    sample: PairedSample
    widened: Widened | Undefined


@dataclass(frozen=True)
class Comparisons:
    """The judgements of one cell."""

    sealed: SealedPlan  #: the plan
    #: what the usable trials measured, by subject and block
    trials: Mapping[str, Mapping[int, Figures]]
    order: Order  #: of those trials
    #: what makes a comparison of two subjects invalid, one sentence each
    fatal: Callable[[Pair], list[str]]
    #: whether two subjects did the same; None where nobody looked
    work: Callable[[Pair], WorkInShort | None]
    stopped: bool = False  #: whether the run was cut short, so that nobody planned when it ended
    sliced: Sliced | None = None  #: the rounds of load that switches; None under another load

    def by(self, metric: Metric) -> list[Comparison]:
        """Judge every comparison of the plan by one metric.

        The comparisons by the primary metric are one family, adjusted by Holm, as far as they have
        a null arm: what can only be an estimate is no test. Those by other metrics only describe.
        The null arm widens intervals by the same metric, the positive control voids every
        comparison by the primary one. Latencies that leave out much of the waiting are void too.
        """
        plan = self.sealed.plan
        arm = self._positive_arm
        positive = self._positive(_PRIMARY, arm) if arm else None
        weighed = []
        for hypothesis in plan.comparisons:
            pair = Pair(hypothesis.baseline, hypothesis.candidate)
            sample = self._sample(metric, pair, self._null_arm_of(pair))
            if sample.d.values:
                weighed.append(_Measured(pair, sample, widen_sample(sample, beta=plan.beta)))
        family = _adjusted(weighed) if metric.name == PRIMARY else {}
        judged = []
        for each in weighed:
            told = self._judged(
                metric,
                each,
                flaws=self._flaws(metric, each.pair),
                positive=positive,
                family_p=family.get(each.pair),
            )
            judged.append(Comparison(**asdict(told), work=self.work(each.pair)))
        if self.sliced is None or metric.name != PRIMARY:
            return judged
        without = replace(self, trials=self.sliced.without_disturbed(self.trials), sliced=None)
        return self.sliced.check(judged, without.by(metric))

    def controls(self) -> list[ControlArm]:
        """Judge each control's arm against its subject by the primary metric.

        A positive arm is judged as a comparison, which shows whether this run finds a difference
        that is there. A null arm informs the comparisons and is none itself.
        """
        plan, metric, judged = self.sealed.plan, _PRIMARY, []
        for arm, subject in self.sealed.arms.items():
            pair = Pair(subject, arm)
            sample = self._sample(metric, pair, self._null_arm_of(pair))
            if not sample.d.values:
                continue
            if arm == self._positive_arm:
                widened = widen_sample(sample, beta=plan.beta)
                outcome = self._positive(metric, arm)
            else:
                what = "both are deployments of one subject: their difference widens every interval"
                widened = Undefined(Lack.NO_NULL_ARM, what, len(sample.d))
                outcome = null_control(sample.d, plan.margin(metric.name))
            told = self._judged(metric, _Measured(pair, sample, widened))
            judged.append(ControlArm(**asdict(told), outcome=outcome))
        return judged

    def _flaws(self, metric: Metric, pair: Pair) -> list[Reason]:
        """What makes the figures of this metric invalid, and of no other."""
        waits = {
            name: waiting_left_out(metric.unit, self.trials.get(name, {}).values()) for name in pair
        }
        return [Reason("littles-law", f"{name}: {what}") for name, what in waits.items() if what]

    @property
    def _positive_arm(self) -> str | None:
        """The arm that is slowed down, if the plan has one."""
        null = f"{self.sealed.plan.null_arm}-null"
        return next((arm for arm in self.sealed.arms if arm != null), None)

    def _null_arm_of(self, pair: Pair) -> str | None:
        """The baseline's null arm, if it has one; it is no part of what it is compared with."""
        arm = f"{pair.baseline}-null"
        return arm if arm in self.sealed.arms and arm != pair.candidate else None

    def _positive(self, metric: Metric, arm: str) -> Control:
        plan, pair = self.sealed.plan, Pair(self.sealed.arms[arm], arm)
        if plan.positive_control is None:
            raise ValueError(f"the plan has an arm {arm} and no control that it is of")
        return positive_control(
            self._sample(metric, pair, self._null_arm_of(pair)).d.values,
            injected=plan.positive_control.delta,
            margin=plan.margin(metric.name),
            better=metric.better,
        )

    def _sample(self, metric: Metric, pair: Pair, null: str | None) -> PairedSample:
        """The metric of both subjects by block, with a null arm where it counts."""

        def by_block(name: str) -> dict[int, float | None]:
            trials = self.trials.get(name, {})
            # A figure of zero has no ratio: it counts as one that the trial does not have.
            return {block: metric.of(figures) or None for block, figures in trials.items()}

        baseline, candidate = map(by_block, pair)
        second = by_block(null) if null else {}
        # A null arm without any figure by this metric is none.
        has_null = any(figure is not None for figure in second.values())
        return PairedSample.of(baseline, candidate, second if has_null else None)

    def _judged(
        self,
        metric: Metric,
        measured: _Measured,
        *,
        flaws: Sequence[Reason] = (),
        positive: Control | None = None,
        family_p: float | None = None,
    ) -> Judged:
        pair, sample, widened = measured
        plan, null = self.sealed.plan, self._null_arm_of(pair)
        margin = plan.margin(metric.name)
        evidence = weigh(sample, widened, margin=margin, beta=plan.beta, seed=plan.seed)
        ruling = rule(
            widened,
            margin=margin,
            better=metric.better,
            checks=tuple(evidence.estimates),
            fatal=[*(Reason("gate", what) for what in self.fatal(pair)), *flaws],
            positive=positive,
            only_estimate=unjudged(plan.profile, stopped=self.stopped),
            family_p=family_p,
            beta=plan.beta,
        )
        effects = order_effects(
            sample.d,
            candidate=pair.candidate,
            baseline=[pair.baseline, null] if null and sample.a else [pair.baseline],
            orders=self.order.subjects,
            started_s=self.order.started_s,
        )
        shown = evidence.widened or evidence.estimates.t
        return Judged(
            **asdict(evidence),
            **vars(ruling),
            **pair._asdict(),
            metric=metric.name,
            better=metric.better,
            ratio=shown.ratio,
            low=shown.ci95.low if shown.ci95 else None,
            high=shown.ci95.high if shown.ci95 else None,
            family_p=family_p,
            order=effects,
        )


def _adjusted(family: Sequence[_Measured]) -> dict[Pair, float]:
    """The p that inverts h, adjusted by Holm, of each comparison that has one."""
    ps = {
        each.pair: each.widened.estimate.p for each in family if isinstance(each.widened, Widened)
    }
    return dict(zip(ps, holm([p for p in ps.values() if p is not None]), strict=True))
