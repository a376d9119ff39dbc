"""Paired log-ratios: one figure a trial becomes one number a block.

A block holds every subject once, so what slows a whole block (heat, a neighbour, time) cancels
out of a ratio taken inside it. With the null arm A', a second deployment of the baseline,

    d_b = ln y_B - (ln y_A + ln y_A') / 2        a_b = ln y_A' - ln y_A

and d_b is the steadier for it: its variance is 1.5 times that of one trial instead of 2 times.
Where neither A nor B was deployed twice, a third subject C of the same blocks lends its two:

    d_b = ln y_B - ln y_A        a_b = ln y_C' - ln y_C
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

type ByBlock = Mapping[int, float | None]
"""One figure for each block; None, or no entry, where its trial gave none."""


OWN_NULL_ARM: Final = 1.5
LENT_NULL_ARM: Final = 2.0


@dataclass(frozen=True)
class LogRatios:
    """One log-ratio for each block that has all the figures it needs."""

    blocks: tuple[int, ...]  #: ascending
    values: tuple[float, ...]  #: natural logarithms, in the order of the blocks
    dropped: tuple[int, ...]  #: blocks that lack a figure

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class PairedSample:
    """What a comparison is judged by."""

    d: LogRatios  #: candidate against baseline
    a: LogRatios | None  #: null arm against its subject; None where the plan has no null arm
    #: variance of d in that of one deployment: that of B, and of the mean of A and A' or of A alone
    deployments: float = OWN_NULL_ARM

    @classmethod
    def of(cls, baseline: ByBlock, candidate: ByBlock, null: ByBlock | None = None) -> Self:
        """Pair the figures of one metric, block by block.

        Args:
            baseline: positive figures of A.
            candidate: those of B.
            null: those of A', the second deployment of the baseline.

        Raises:
            ValueError: a figure is not positive and finite, so it has no logarithm.
        """
        return cls._of(
            _logs(baseline),
            _logs(candidate),
            None if null is None else _logs(null),
            (baseline.keys() | candidate.keys() | (null or {}).keys()),
        )

    @classmethod
    def differences(
        cls, baseline: ByBlock, candidate: ByBlock, null: ByBlock | None = None
    ) -> Self:
        """As `of`, but from the figures themselves, which may be zero and so have no ratio."""
        known = [
            {block: figure for block, figure in figures.items() if figure is not None}
            for figures in (baseline, candidate, null or {})
        ]
        every = baseline.keys() | candidate.keys() | (null or {}).keys()
        return cls._of(known[0], known[1], None if null is None else known[2], every)

    @classmethod
    def _of(
        cls,
        a: dict[int, float],
        b: dict[int, float],
        null: dict[int, float] | None,
        every: Iterable[int],
    ) -> Self:
        n = a if null is None else null
        whole = a.keys() & b.keys() & n.keys()
        d = _series({block: b[block] - (a[block] + n[block]) / 2 for block in whole}, every)
        if null is None:
            return cls(d, None)
        return cls(d, _series({block: n[block] - a[block] for block in a.keys() & n.keys()}, every))

    def lent(self, other: Self) -> Self:
        """The same comparison of two that were deployed once, with the null arm of another one."""
        return replace(self, a=other.a, deployments=LENT_NULL_ARM)

    def exchanged(self) -> Self:
        """The baseline against the candidate."""
        return replace(self, d=replace(self.d, values=tuple(-value for value in self.d.values)))


def _logs(figures: ByBlock) -> dict[int, float]:
    logs = {}
    for block, figure in figures.items():
        if figure is None:
            continue
        if not 0 < figure < math.inf:
            raise ValueError(f"block {block}: a figure of {figure} has no logarithm")
        logs[block] = math.log(figure)
    return logs


def _series(values: dict[int, float], every: Iterable[int]) -> LogRatios:
    blocks = tuple(sorted(values))
    dropped = tuple(sorted(set(every) - values.keys()))
    return LogRatios(blocks, tuple(values[block] for block in blocks), dropped)
