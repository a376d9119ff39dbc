"""Judges the comparisons and the controls of one workload under one load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import asdict

from analysis.inference import (
    PairedSample,
    holm,
    judge_comparison,
    null_control,
    order_effects,
    positive_control,
    scatter,
    weigh,
)
from analysis.metrics import METRICS, PRIMARY, Metric, waiting_left_out
from bundle.documents.results import Comparison, ControlArm, Judged, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from analysis.figures import Figures
    from analysis.inference import Judgement
    from bundle.documents.plan import SealedPlan
    from bundle.documents.results import Control, Evidence, WorkInShort


_PRIMARY = next(metric for metric in METRICS if metric.name == PRIMARY)
_CPU = next(metric for metric in METRICS if metric.name == "cpu_service")


class Pair(NamedTuple):
    """Two subjects, or a subject and its arm, that are compared."""

    baseline: str
    candidate: str


@dataclass(frozen=True)
class Order:
    """How the usable trials of a cell followed each other."""

    subjects: Mapping[int, Sequence[str]]  #: by block, as they were carried out, each once
    started_s: Mapping[int, float]  #: by block, seconds from the run's first trial to its own


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

    def by(self, metric: Metric) -> list[Comparison]:
        """Judge every comparison of the plan by one metric.

        The comparisons by the primary metric are one family, adjusted by Holm; those by other
        metrics only describe. A failed control invalidates every comparison: the null control by
        the same metric, the positive control by the primary one. Latencies that leave out much of
        the waiting are invalid as well.
        """
        plan = self.sealed.plan
        arm = self._positive_arm
        positive = self._positive(_PRIMARY, arm) if arm else None
        null = self._null(metric)
        weighed = []
        for hypothesis in plan.comparisons:
            pair = Pair(hypothesis.baseline, hypothesis.candidate)
            sample = self._sample(metric, pair, self._null_arm_of(pair))
            if sample.d.values:
                evidence = weigh(sample, margin=plan.margin(metric.name), seed=plan.seed)
                weighed.append((pair, sample, evidence))
        family: list[float | None] = [None] * len(weighed)
        if metric.name == PRIMARY:
            # One block has no p: it counts as one that does not differ.
            ps = (evidence.estimates.t.p for *_, evidence in weighed)
            family = list(holm([1.0 if p is None else p for p in ps]))
        judged = []
        for (pair, sample, evidence), p in zip(weighed, family, strict=True):
            judgement = judge_comparison(
                evidence,
                better=metric.better,
                profile=plan.profile,
                fatal_gates=self.fatal(pair),
                flaws=self._flaws(metric, pair),
                null=null,
                positive=positive,
                family_p=p,
                stopped=self.stopped,
            )
            parts = asdict(self._judged(pair, metric, sample, evidence, judgement, family_p=p))
            judged.append(Comparison(**parts, work=self.work(pair)))
        return judged

    def controls(self) -> list[ControlArm]:
        """Judge each control's arm against its subject by the primary metric, as a comparison.

        The verdict on a null arm shows whether this run finds a difference where there is none,
        that on a positive arm whether it finds one that is there.
        """
        plan, metric, judged = self.sealed.plan, _PRIMARY, []
        margin = plan.margin(metric.name)
        for arm, subject in self.sealed.arms.items():
            pair = Pair(subject, arm)
            # A null arm is no part of the baseline that it is compared with.
            null = self._null_arm_of(pair) if arm == self._positive_arm else None
            sample = self._sample(metric, pair, null)
            if not sample.d.values:
                continue
            evidence = weigh(sample, margin=margin, seed=plan.seed)
            judgement = judge_comparison(
                evidence,
                better=metric.better,
                profile=plan.profile,
                fatal_gates=self.fatal(pair),
                stopped=self.stopped,
            )
            differ = None
            if arm == self._positive_arm:
                outcome = self._positive(metric, arm)
            else:
                outcome = null_control(sample.d.values, margin)
                differ = scatter(sample.d, self._sample(_CPU, pair, None).d, margin)
            parts = asdict(self._judged(pair, metric, sample, evidence, judgement))
            judged.append(ControlArm(**parts, outcome=outcome, scatter=differ))
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
        """The null arm, if it is the baseline's."""
        arm = f"{pair.baseline}-null"
        return arm if arm in self.sealed.arms else None

    def _null(self, metric: Metric) -> Control | None:
        """The null control by a metric; None without a null arm, or without a trial of it."""
        plan = self.sealed.plan
        if plan.null_arm is None:
            return None
        pair = Pair(plan.null_arm, f"{plan.null_arm}-null")
        values = self._sample(metric, pair, None).d.values
        return null_control(values, plan.margin(metric.name)) if values else None

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
        return PairedSample.of(baseline, candidate, by_block(null) if null else None)

    def _judged(
        self,
        pair: Pair,
        metric: Metric,
        sample: PairedSample,
        evidence: Evidence,
        judgement: Judgement,
        *,
        family_p: float | None = None,
    ) -> Judged:
        primary = evidence.estimates.t
        null = self._null_arm_of(pair)
        effects = order_effects(
            sample.d,
            candidate=pair.candidate,
            # A null arm is compared with the one subject.
            baseline=[pair.baseline] if null in (None, pair.candidate) else [pair.baseline, null],
            orders=self.order.subjects,
            started_s=self.order.started_s,
        )
        return Judged(
            **asdict(evidence),
            **vars(judgement),
            **pair._asdict(),
            metric=metric.name,
            better=metric.better,
            ratio=primary.ratio,
            low=primary.ci95.low if primary.ci95 else None,
            high=primary.ci95.high if primary.ci95 else None,
            family_p=family_p,
            order=effects,
        )
