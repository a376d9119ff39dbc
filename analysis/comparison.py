"""Paired comparison of two subjects over the blocks of a run.

A replicate is a trial, and what is compared stands in the same block: the statistic is the mean
of the log-ratios d_b = ln y_B,b - ln y_A,b, and exp of it is the ratio (docs/measurement.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFIDENCE = 0.95
POWER = 0.90
_FEWEST_BLOCKS = 2


@dataclass(frozen=True)
class Ratio:
    """Candidate over baseline.

    Attributes:
        ratio: exp of the mean log-ratio; 1.25 means the candidate's figure is 25 % larger.
        low: lower end of the paired t interval, None with fewer than two blocks.
        high: upper end, likewise.
        blocks: how many blocks hold both.
        detectable: smallest relative effect, such as 0.04, that so many blocks of this spread
            would find with the stated power; None likewise.
    """

    ratio: float
    low: float | None
    high: float | None
    blocks: int
    detectable: float | None


def paired_ratio(baseline: Sequence[float], candidate: Sequence[float]) -> Ratio:
    """Estimate candidate / baseline from pairs of one block each.

    The interval is the paired t interval on the log-ratios; the detectable effect inverts the
    sample size formula n = ((t_{1-a/2} + t_{power}) s_d / ln(1 + effect))^2.

    Args:
        baseline: one positive figure a block.
        candidate: those of the same blocks, in the same order.

    Raises:
        ValueError: the lengths differ, there is no pair, or a figure is not positive.
    """
    if len(baseline) != len(candidate) or not baseline:
        raise ValueError(f"{len(baseline)} and {len(candidate)} figures do not make pairs")
    if min(*baseline, *candidate) <= 0:
        raise ValueError("a log-ratio needs positive figures")
    logs = [math.log(b / a) for a, b in zip(baseline, candidate, strict=True)]
    mean, count = fmean(logs), len(logs)
    if count < _FEWEST_BLOCKS:
        return Ratio(math.exp(mean), None, None, count, None)
    error = stdev(logs) / math.sqrt(count)
    freedom = count - 1
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    reach = half + float(stats.t.ppf(POWER, freedom)) * error
    return Ratio(
        ratio=math.exp(mean),
        low=math.exp(mean - half),
        high=math.exp(mean + half),
        blocks=count,
        detectable=math.expm1(reach),
    )
