"""Which trial is due next: a function of the plan and of what has ended, and of nothing else.

A run that is resumed therefore goes on as it would have gone on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from bundle.read import Trial
    from ormlab.plan import Planned, ResolvedPlan

_MOST_REPEATED = 0.1  # of the planned trials


@dataclass
class Course:
    """The trials of a run in the order in which they are carried out.

    Attributes:
        trials: those of the plan whose subjects can be measured, in the plan's order.
        planned: how many the plan has, with those that are left out.
        ended: by id of each trial that has ended, whether it completed.
    """

    trials: tuple[Planned, ...]
    planned: int
    ended: dict[str, bool] = field(default_factory=dict)

    @classmethod
    def of(
        cls, resolved: ResolvedPlan, *, without: Collection[str], closed: Iterable[Trial]
    ) -> Self:
        """The course of a plan.

        Args:
            resolved: the plan.
            without: subjects that are left out.
            closed: trials that have ended.
        """
        trials = tuple(trial for trial in resolved.trials if trial.subject not in without)
        ended = {trial.record.id: trial.record.status == "completed" for trial in closed}
        return cls(trials, len(resolved.trials), ended)

    def due(self) -> Iterator[Planned]:
        """Yield the trials still to be carried out; each must be in `ended` before the next.

        Block follows block; what failed is repeated at the end of its block, once.
        """
        for _, trials in groupby(self.trials, key=lambda trial: trial.block):
            block = list(trials)
            yield from (trial for trial in block if trial.id not in self.ended)
            for trial in [trial for trial in block if not self.ended[trial.id]]:
                # With more than these the run is invalid; they would only take time.
                if trial.again().id not in self.ended and self._may_repeat:
                    yield trial.again()

    @property
    def left(self) -> int:
        """How many trials are due at least."""
        return sum(trial.id not in self.ended for trial in self.trials)

    @property
    def _may_repeat(self) -> bool:
        firsts = sum(trial.id in self.ended for trial in self.trials)
        return len(self.ended) - firsts < _MOST_REPEATED * self.planned
