"""The interval of a comparison while its run goes on: how it narrows, block after block."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

# scipy loads these when they are first used. That takes seconds on a busy machine, and the agents
# take an orchestrator for lost that says nothing for ten.
import scipy.optimize
import scipy.stats  # noqa: F401

from analysis.inference.nullarm import Undefined, widen
from analysis.metrics import METRICS
from analysis.rounding import ratio, ratio_interval
from bundle.display import quantity

if TYPE_CHECKING:
    from ormlab.plan import ResolvedPlan
    from ormlab.run.progress import Progress, TrialNews

_BY_NAME: Final = {metric.name: metric for metric in METRICS}


@dataclass
class LiveInterval:
    """Hands the news of a run on, and adds the interval so far after each block from the second.

    What is seen so far is no verdict: a run that stops when it likes what it sees finds differences
    that are not there.
    """

    progress: Progress  #: receives the news
    resolved: ResolvedPlan  #: of the comparison
    metric: str  #: name of the metric
    _figures: dict[str, dict[int, float | None]] = field(default_factory=lambda: defaultdict(dict))
    _said: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def stage(self, what: str) -> None:
        """Hand on."""
        self.progress.stage(what)

    def warn(self, what: str) -> None:
        """Hand on."""
        self.progress.warn(what)

    def note(self, what: str) -> None:
        """Hand on."""
        self.progress.note(what)

    def trial(self, news: TrialNews) -> None:
        """Hand on, and say the interval so far if this completes a block."""
        self.progress.trial(news)
        trial = news.trial
        is_usable = news.status == "ok" and news.figures is not None
        value = _BY_NAME[self.metric].of(news.figures) if is_usable and news.figures else None
        self._figures[trial.subject][trial.block] = value
        if all(trial.block in self._figures[name] for name in self.resolved.subjects):
            for line in self._standing():
                self.progress.note(line)

    def _standing(self) -> list[str]:
        """One line for each comparison that has more blocks than it was said to have."""
        plan, lines = self.resolved.plan, []
        for each in plan.comparisons:
            baseline, candidate, null = (
                self._figures[name]
                for name in (each.baseline, each.candidate, f"{each.baseline}-null")
            )
            # Blocks that are not over yet lack a figure, and do not count.
            found = widen(baseline, candidate, null, beta=plan.beta)
            if isinstance(found, Undefined) or found.blocks <= self._said[each.candidate]:
                continue
            self._said[each.candidate] = found.blocks
            ends = found.estimate.ci95
            low, high = (ends.low, ends.high) if ends else (None, None)
            span = f" ({ratio_interval(ends.low, ends.high)})" if ends else ""
            lines.append(
                f"after {found.blocks} of {quantity(plan.blocks, 'block')}: "
                f"{each.candidate} / {each.baseline}, {self.metric} "
                f"x {ratio(found.estimate.ratio, low, high)}{span}; not a verdict"
            )
        return lines
