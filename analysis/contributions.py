"""What one link of a way contributes, from one figure a block: its ratio, its time and its share.

Each has its 95 % interval, which also allows for what the null arm shows of the run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from analysis.inference import ALPHA, findable_effect, paired_t
from analysis.inference.estimators import moments
from analysis.inference.interval import interval_of
from analysis.inference.nullarm import HalfWidth
from bundle.documents.explanation import Difference, Effect, Share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FEWEST = 2  # blocks, for a spread


@dataclass(frozen=True)
class Widening:
    """What an interval allows for beside chance, as `analysis.inference.nullarm` has it.

    Both are in log units. Without a null arm nothing is known of either, and both are 0.
    """

    beta: float = 0.0  #: standard deviation of what one deployment keeps for all blocks
    excess: float = 0.0  #: e: by how much the null arm differs from its subject beyond chance


@dataclass(frozen=True)
class Along:
    """Times of one answer along the way, over the blocks that hold all of it."""

    ends: tuple[str, str]  #: first subject and last
    times: Mapping[str, Mapping[int, float]]  #: microseconds, by subject and block
    blocks: Sequence[int]
    allowed: Widening

    def mean(self, name: str) -> float:
        """Of one subject, in microseconds; there must be a block."""
        return fmean(self.times[name][block] for block in self.blocks)

    def difference(self, pair: tuple[str, str]) -> Difference | None:
        """Time after less time before."""
        values = self._between(pair)
        if not values:
            return None
        half = self._half(values, {pair[0]: -1.0, pair[1]: 1.0}, pair)
        return _around(fmean(values), half, len(values))

    def share(self, pair: tuple[str, str]) -> Share | None:
        """The part of a pair's difference in that of the ends.

        The interval is that of a ratio of two means, by the delta method: with s the share, x the
        pair's difference and D that of the ends, x - s D has the mean 0 and a spread of its own.
        """
        whole = self._between(self.ends)
        if not whole or not fmean(whole):
            return None
        value = fmean(self._between(pair)) / fmean(whole)
        left = [x - value * d for x, d in zip(self._between(pair), whole, strict=True)]
        weights = dict.fromkeys((*pair, *self.ends), 0.0)
        for (before, after), weight in ((pair, 1.0), (self.ends, -value)):
            weights[before] -= weight
            weights[after] += weight
        half = self._half(left, weights, pair)
        if half is None:
            return Share(value=value, low=None, high=None)
        half /= abs(fmean(whole))
        return Share(value=value, low=value - half, high=value + half)

    def _between(self, pair: tuple[str, str]) -> list[float]:
        before, after = (self.times.get(name, {}) for name in pair)
        return [after[block] - before[block] for block in self.blocks]

    def _half(
        self, values: Sequence[float], weights: Mapping[str, float], pair: tuple[str, str]
    ) -> float | None:
        """Half of the 95 % interval of a mean that is made of the subjects' times, so weighted."""
        if len(values) < _FEWEST:
            return None
        mean = {name: self.mean(name) for name in (*weights, *pair)}
        kept = math.hypot(*(weight * mean[name] for name, weight in weights.items()))
        excess = self.allowed.excess * fmean(mean[name] for name in pair)
        seen = moments(values)
        return HalfWidth(seen.error, seen.count, self.allowed.beta * kept, excess).at(ALPHA)


def effect(logs: Sequence[float], allowed: Widening) -> Effect | None:
    """The ratio of two subjects, from one log-ratio a block; None without a block."""
    if not logs:
        return None
    estimate, detectable = paired_t(logs), None
    ci95, p = estimate.ci95, estimate.p
    if len(logs) >= _FEWEST:
        seen = moments(logs)
        # Either of two deployments keeps something, where a comparison has two halves of A.
        floor = math.sqrt(2) * allowed.beta
        detectable = findable_effect(seen.sd, seen.count, beta=floor / math.sqrt(1.5))
        if allowed != Widening():
            half = HalfWidth(seen.error, seen.count, floor, allowed.excess)
            ci95 = interval_of(seen.mean - half.at(ALPHA), seen.mean + half.at(ALPHA))
            p = half.p(seen.mean)
    return Effect(
        ratio=estimate.ratio,
        low=ci95.low if ci95 else None,
        high=ci95.high if ci95 else None,
        p=p,
        detectable=detectable,
        blocks=len(logs),
        shown=ci95 is not None and ci95.excludes(1.0),
    )


def difference(values: Sequence[float]) -> Difference | None:
    """The mean of a difference with its paired t interval; None without a block."""
    if not values:
        return None
    if len(values) < _FEWEST:
        return _around(values[0], None, 1)
    seen = moments(values)
    return _around(seen.mean, HalfWidth(seen.error, seen.count, 0.0, 0.0).at(ALPHA), seen.count)


def _around(mean: float, half: float | None, blocks: int) -> Difference:
    if half is None:
        return Difference(mean=mean, low=None, high=None, blocks=blocks)
    return Difference(mean=mean, low=mean - half, high=mean + half, blocks=blocks)
