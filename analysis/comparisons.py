"""The subjects of one workload under one load, held against each other block by block."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from analysis.inference import (
    Control,
    Judgement,
    PairedSample,
    Reason,
    holm,
    judge_comparison,
    null_control,
    order_effects,
    positive_control,
    scatter,
    weigh,
)
from analysis.metrics import METRICS, PRIMARY, Metric, waiting_left_out

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from analysis.figures import Figures


_PRIMARY = next(metric for metric in METRICS if metric.name == PRIMARY)
_CPU = next(metric for metric in METRICS if metric.name == "cpu_service")


@dataclass(frozen=True)
class Order:
    """How the usable trials of a cell followed each other.

    Attributes:
        subjects: by block, as they were carried out, each once.
        started_s: by block, seconds from the run's first trial to its own.
    """

    subjects: Mapping[int, Sequence[str]]
    started_s: Mapping[int, float]


@dataclass(frozen=True)
class Comparisons:
    """The judgements of one cell.

    Attributes:
        resolved: the plan as resolved.
        trials: what the usable trials measured, by subject and block.
        order: of those trials.
        fatal: what makes a hypothesis invalid, one sentence each.
        stopped: whether the run was cut short, so that nobody planned when it ended.
    """

    resolved: Mapping[str, Any]
    trials: Mapping[str, Mapping[int, Figures]]
    order: Order
    fatal: Callable[[Mapping[str, str]], list[str]]
    stopped: bool = False

    def by(self, metric: Metric) -> list[dict[str, Any]]:
        """Judge every comparison of the plan by one metric.

        The comparisons of a workload under a load by the primary metric are one family, adjusted
        by Holm; the other metrics describe and are not adjusted. A control that failed speaks
        against every comparison: the null control by the same metric, the positive one by the
        primary. Latencies that leave out much of the waiting are not compared either.
        """
        plan = self.resolved["plan"]
        arm = self._positive_arm
        positive = self._positive(_PRIMARY, arm) if arm else None
        null = self._null(metric)
        weighed = []
        for hypothesis in plan["comparisons"]:
            sample = self._sample(metric, hypothesis, self._null_arm_of(hypothesis))
            if sample.d.values:
                margin = plan["margins"][metric.name]
                evidence = weigh(sample, margin=margin, seed=plan["seed"])
                weighed.append((hypothesis, sample, evidence))
        # One block has no p: it is counted, and never shown to differ.
        ps = [1.0 if (p := each.estimates.t.p) is None else p for *_, each in weighed]
        family: list[float | None] = [None] * len(ps)
        if metric.name == PRIMARY and ps:
            family = list(holm(ps))
        return [
            self._document(
                hypothesis,
                metric,
                sample,
                judge_comparison(
                    evidence,
                    better=metric.better,
                    profile=plan["profile"],
                    fatal_gates=self.fatal(hypothesis),
                    flaws=self._flaws(metric, hypothesis),
                    null=null,
                    positive=positive,
                    family_p=p,
                    stopped=self.stopped,
                ),
            )
            for (hypothesis, sample, evidence), p in zip(weighed, family, strict=True)
        ]

    def controls(self) -> list[dict[str, Any]]:
        """Each control's arm against its subject, by the primary metric, judged as anything else.

        What is said of a null arm shows how often this run would find a difference where there is
        none; what is said of a positive one, whether it finds one that is there.
        """
        plan = self.resolved["plan"]
        metric, judged = _PRIMARY, []
        for arm, subject in self.resolved["arms"].items():
            hypothesis = {"baseline": subject, "candidate": arm}
            # A null arm is no part of the baseline it is held against.
            null = self._null_arm_of(hypothesis) if arm == self._positive_arm else None
            sample = self._sample(metric, hypothesis, null)
            if not sample.d.values:
                continue
            margin, differ = plan["margins"][metric.name], None
            judgement = judge_comparison(
                weigh(sample, margin=margin, seed=plan["seed"]),
                better=metric.better,
                profile=plan["profile"],
                fatal_gates=self.fatal(hypothesis),
                stopped=self.stopped,
            )
            if arm == self._positive_arm:
                outcome = self._positive(metric, arm)
            else:
                outcome = null_control(sample.d.values, margin)
                differ = scatter(sample.d, self._sample(_CPU, hypothesis, None).d, margin)
            judged.append(
                self._document(hypothesis, metric, sample, judgement)
                | {"outcome": asdict(outcome), "scatter": asdict(differ) if differ else None}
            )
        return judged

    def _flaws(self, metric: Metric, hypothesis: Mapping[str, str]) -> list[Reason]:
        """What makes one metric invalid, though the others may stand."""
        subjects = (hypothesis["baseline"], hypothesis["candidate"])
        said = {
            name: waiting_left_out(metric.unit, self.trials.get(name, {}).values())
            for name in subjects
        }
        return [Reason("littles-law", f"{name}: {what}") for name, what in said.items() if what]

    @property
    def _positive_arm(self) -> str | None:
        """The arm that is slowed down, if the plan has one."""
        null = self.resolved["plan"].get("null_arm")
        return next((arm for arm in self.resolved["arms"] if arm != f"{null}-null"), None)

    def _null_arm_of(self, hypothesis: Mapping[str, str]) -> str | None:
        """The null arm, if it is the baseline's."""
        arm = f"{hypothesis['baseline']}-null"
        return arm if arm in self.resolved["arms"] else None

    def _null(self, metric: Metric) -> Control | None:
        """The null control by a metric; None without a null arm, or without a trial of it."""
        plan = self.resolved["plan"]
        subject = plan.get("null_arm")
        if subject is None:
            return None
        hypothesis = {"baseline": subject, "candidate": f"{subject}-null"}
        values = self._sample(metric, hypothesis, None).d.values
        return null_control(values, plan["margins"][metric.name]) if values else None

    def _positive(self, metric: Metric, arm: str) -> Control:
        plan = self.resolved["plan"]
        hypothesis = {"baseline": self.resolved["arms"][arm], "candidate": arm}
        return positive_control(
            self._sample(metric, hypothesis, self._null_arm_of(hypothesis)).d.values,
            injected=plan["positive_control"]["delta"],
            margin=plan["margins"][metric.name],
            better=metric.better,
        )

    def _sample(
        self, metric: Metric, hypothesis: Mapping[str, str], null: str | None
    ) -> PairedSample:
        """The metric of both subjects by block, with a null arm where it counts."""

        def by_block(name: str) -> dict[int, float | None]:
            trials = self.trials.get(name, {})
            # A figure of zero has no ratio: it counts as one that the trial does not have.
            return {block: metric.of(figures) or None for block, figures in trials.items()}

        return PairedSample.of(
            by_block(hypothesis["baseline"]),
            by_block(hypothesis["candidate"]),
            by_block(null) if null else None,
        )

    def _document(
        self,
        hypothesis: Mapping[str, str],
        metric: Metric,
        sample: PairedSample,
        judged: Judgement,
    ) -> dict[str, Any]:
        evidence = judged.evidence
        primary = evidence.estimates.t
        baseline, candidate = hypothesis["baseline"], hypothesis["candidate"]
        null = self._null_arm_of(hypothesis)
        effects = order_effects(
            sample.d,
            candidate=candidate,
            # The control of a null arm holds it against the one subject.
            baseline=[baseline] if null in (None, candidate) else [baseline, null],
            orders=self.order.subjects,
            started_s=self.order.started_s,
        )
        return {
            "baseline": baseline,
            "candidate": candidate,
            "metric": metric.name,
            "better": metric.better,
            "verdict": judged.verdict.value,
            "size_resolved": judged.size_resolved,
            "reasons": [asdict(reason) for reason in judged.reasons],
            "ratio": primary.ratio,
            "low": primary.ci95.low if primary.ci95 else None,
            "high": primary.ci95.high if primary.ci95 else None,
            "family_p": judged.family_p,
            **asdict(evidence),
            "order": asdict(effects),
        }
