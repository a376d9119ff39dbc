"""Figures of a block in which load switches between services that all stay alive.

A *slice* is a stretch of load on one subject. A *round* visits every subject once. Rounds of one
deployment are not replicates, so a block still gives one figure for each subject: its answers over
its measured seconds. `nullarm.widen` takes these figures. What else is here checks them;
`analysis.sliced` reads the slices from the trials of a cell.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from analysis.inference.estimators import hodges_lehmann
from analysis.inference.nullarm import Lack, Undefined
from bundle.display import quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_MOST_PAIRED = 2000  # rounds: of more, so many at equal distances, since each is paired with each


@dataclass(frozen=True)
class Slice:
    """Load on one subject in one round."""

    subject: str  #: its name
    answers: int  #: between the two answers that begin and end the slice
    seconds: float  #: between the same two answers, above 0
    #: by steal or by CPU time of foreign processes. Never by what the service itself waited: to
    #: leave such slices out hid 9 of 11 % of a real cost in simulation
    disturbed: bool = False

    def __post_init__(self) -> None:
        if self.answers < 0 or not 0 < self.seconds < math.inf:
            raise ValueError(
                f"a slice has answers and a measured time above 0, not {self.answers} answers in "
                f"{self.seconds} s ({self.subject})"
            )

    @property
    def log_rate(self) -> float | None:
        """Logarithm of answers per second; None without an answer."""
        return math.log(self.answers / self.seconds) if self.answers else None


@dataclass(frozen=True)
class Arms:
    """The subjects of one comparison: A, B, and A' where there is a null arm."""

    baseline: str
    candidate: str
    null: str | None = None

    @property
    def baselines(self) -> tuple[str, ...]:
        """A, and A' where there is one."""
        return (self.baseline,) if self.null is None else (self.baseline, self.null)

    def contrast(self, by_subject: dict[str, float]) -> float:
        """The candidate's number less the mean of the baselines'."""
        return by_subject[self.candidate] - float(
            np.mean([by_subject[name] for name in self.baselines])
        )


@dataclass(frozen=True)
class RoundCheck:
    """The rounds' own view of one block's log-ratio."""

    totals: float  #: d of the block, from all answers over all seconds
    hodges_lehmann: float  #: of the rounds' log-ratios
    #: rounds that have no log-ratio because a slice had no answer; the totals count them, Hodges
    #: and Lehmann cannot
    without_answers: tuple[int, ...]


@dataclass(frozen=True)
class SlicedBlock:
    """The slices of one block, round after round, in the order in which they were measured."""

    rounds: tuple[tuple[Slice, ...], ...]

    def __post_init__(self) -> None:
        if not self.rounds:
            raise ValueError("a block has at least one round")
        subjects = sorted(each.subject for each in self.rounds[0])
        for number, visited in enumerate(self.rounds, start=1):
            names = sorted(each.subject for each in visited)
            if names != subjects or len(set(names)) < len(names):
                raise ValueError(f"round {number} visits {names}; every subject once is {subjects}")

    def rates(self) -> dict[str, float]:
        """Answers per measured second of each subject, over all rounds: the primary figures."""
        answers: dict[str, int] = defaultdict(int)
        seconds: dict[str, float] = defaultdict(float)
        for visited in self.rounds:
            for each in visited:
                answers[each.subject] += each.answers
                seconds[each.subject] += each.seconds
        return {name: answers[name] / seconds[name] for name in answers}

    def log_ratio(self, arms: Arms) -> float | Undefined:
        """The block's d, or why a subject's total has no logarithm."""
        rates = self.rates()
        for name in (*arms.baselines, arms.candidate):
            if not rates[name]:
                return Undefined(Lack.NOT_POSITIVE, f"{name} gave no answer in any round", 1)
        return arms.contrast({name: math.log(rate) for name, rate in rates.items() if rate})

    def undisturbed(self) -> SlicedBlock | Undefined:
        """The block without each round of which a slice was disturbed.

        A whole round goes, because what its slices have in common (the machine's speed) must stay
        in every subject's total or in none.
        """
        kept = tuple(
            visited for visited in self.rounds if not any(each.disturbed for each in visited)
        )
        if not kept:
            what = f"{quantity(len(self.rounds), 'round')}, all disturbed"
            return Undefined(Lack.NO_BLOCK, what)
        return SlicedBlock(kept)

    def check(self, arms: Arms) -> RoundCheck | Undefined:
        """Hold the totals against the rounds' log-ratios."""
        totals = self.log_ratio(arms)
        if isinstance(totals, Undefined):
            return totals
        values, empty = [], []
        for number, visited in enumerate(self.rounds, start=1):
            logs = {s.subject: log for s in visited if (log := s.log_rate) is not None}
            if {*arms.baselines, arms.candidate} <= logs.keys():
                values.append(arms.contrast(logs))
            else:
                empty.append(number)
        if not values:
            return Undefined(Lack.NOT_POSITIVE, "in every round a slice had no answer", 1)
        step = math.ceil(len(values) / _MOST_PAIRED)
        return RoundCheck(totals, hodges_lehmann(values[::step]), tuple(empty))

    def carry_over(self, arms: Arms) -> float | Undefined:
        """What a slice gains by following the candidate instead of the baseline, in log units.

        Least squares on ln rate = round + subject + predecessor: the model of E. J. Williams,
        Aust. J. Sci. Res. A 2 (1949) 149. Rounds take out the machine's speed. The first slice has
        no predecessor. One block gives one number, `paired_t` their interval over blocks.
        """
        slices = [
            (number, before.subject, each)
            for number, before, each in self._with_predecessors()
            if each.answers
        ]
        others = sorted({each.subject for each in self.rounds[0]})[1:]
        names = np.array([(each.subject, before) for _, before, each in slices]).reshape(-1, 2)
        # Once for what the subject is, once for what it follows.
        design = np.concatenate([names[:, [at]] == others for at in (0, 1)], axis=1).astype(float)
        logs = np.array([[each.log_rate] for *_, each in slices], dtype=float).reshape(-1, 1)
        _, of_round = np.unique([number for number, *_ in slices], return_inverse=True)
        rounds = int(of_round.max(initial=-1)) + 1
        if len(slices) <= rounds + design.shape[1]:
            what = (
                f"{quantity(len(slices), 'slice')} with a predecessor: too few to tell what it left"
            )
            return Undefined(Lack.NOT_ESTIMABLE, what)
        # Deviations from the means of the rounds give the effects that a column for each round
        # would: R. Frisch and F. V. Waugh, Econometrica 1 (1933) 387.
        effects, _, rank, _ = np.linalg.lstsq(
            _from_means(design, of_round, rounds), _from_means(logs, of_round, rounds)
        )
        if rank < design.shape[1]:
            what = (
                "in every round both slices have one predecessor: it takes three subjects"
                if len(others) == 1
                else "each subject had the same predecessor too often to tell what it left"
            )
            return Undefined(Lack.NOT_ESTIMABLE, what)
        left = dict(zip(others, effects[len(others) :, 0].tolist(), strict=True))
        return arms.contrast({each.subject: 0.0 for each in self.rounds[0]} | left)

    def _with_predecessors(self) -> Sequence[tuple[int, Slice, Slice]]:
        numbered = [(number, each) for number, v in enumerate(self.rounds) for each in v]
        return [(number, before, each) for (_, before), (number, each) in pairwise(numbered)]


def _from_means(
    values: NDArray[np.float64], groups: NDArray[np.intp], count: int
) -> NDArray[np.float64]:
    """The rows of values, each less the mean row of its group."""
    sums = np.zeros((count, values.shape[1]))
    np.add.at(sums, groups, values)
    return values - (sums / np.bincount(groups, minlength=count)[:, np.newaxis])[groups]
