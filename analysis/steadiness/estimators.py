"""What a series of windows shows: its noise, where its level changes, its slope, its warm-up.

Windows that follow each other are alike: a slow query, a collection of garbage or a neighbour
lasts longer than one window. An estimator that takes them for independent sees changes where there
are none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
import scipy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.steadiness.reading import Series

_HIGHEST = 0.8  # beyond, a series of a hundred windows cannot tell noise from change
FEWEST = 3  # windows that a noise is estimated from
_SHORTEST = 5  # windows of one level
_PENALTY = 3.0  # by simulation, see change_points
_CONFIDENCE = 0.95
BATCH = 5  # windows
FEWEST_BATCHES = 10
_LAST_BATCHES = 5  # of so few a spread can be small by chance alone
TOLERANCE = 0.02  # a judgement: below the smallest margin of any profile for throughput
_LAST_SHARE = 0.25


@dataclass(frozen=True)
class Noise:
    """Noise of the first order: each window keeps ``rho`` of the deviation of the one before."""

    rho: float  #: 0 to 0.8; a negative dependence counts as none, which errs on the side of steady
    variance: float  #: of one window

    @property
    def inflation(self) -> float:
        """By how much the variance of a mean exceeds that of independent windows."""
        return (1 + self.rho) / (1 - self.rho)


def noise_of(values: Sequence[float]) -> Noise:
    """Estimate the noise of a series around a level that may change.

    For an AR(1) process of variance v, the mean square of differences of neighbours is
    2 v (1 - rho), of next but one 2 v (1 - rho^2): their ratio is 1 + rho. Differences hardly see
    a change of level, so neither number takes it for noise (Chakar, Lebarbier, Levy-Leduc and
    Robin, Bernoulli 23 (2017) 1408, who use quantiles of the differences; over a hundred windows
    mean squares are the steadier).

    Args:
        values: at least three.

    Raises:
        ValueError: there are fewer.
    """
    if len(values) < FEWEST:
        raise ValueError(f"noise needs {FEWEST} windows, not {len(values)}")
    x = np.asarray(values, dtype=float)
    next_one, next_but_one = (float(np.mean((x[lag:] - x[:-lag]) ** 2)) for lag in (1, 2))
    if not math.isfinite(next_one) or not next_one:
        return Noise(0.0, 0.0)
    rho = min(_HIGHEST, max(0.0, next_but_one / next_one - 1))
    return Noise(rho, next_one / 2 / (1 - rho))


@dataclass(frozen=True)
class Segment:
    """Windows of one level: from ``begin`` up to and without ``end``."""

    begin: int
    end: int
    mean: float


def change_points(values: Sequence[float]) -> tuple[int, ...]:
    """Return the first window of every level but the first.

    Minimises the sum of squares around the means of the segments plus a penalty for each change,
    by PELT (Killick, Fearnhead and Eckley, J. Am. Stat. Assoc. 107 (2012) 1590) as ruptures does
    it in C: its linear kernel is that cost. Squares, because what matters here is a change of the
    mean; a figure that only scatters more is no other level.

    A change costs penalty x long-run variance x ln(windows). For independent windows 2 is the
    Bayesian information criterion (Yao, Statistics and Probability Letters 6 (1988) 181); where
    they depend on each other their long-run variance takes the place of the variance (Lavielle
    and Moulines, J. Time Series Analysis 21 (2000) 33), and it has to be estimated. With 3, a
    series without a change shows one in at most 2 % of cases of white noise, 6 % of AR(1) noise of
    rho = 0.3 and 10 % of rho = 0.6, over 50 to 400 windows; with 2 in up to 14 %.

    Args:
        values: of windows, in order of time.
    """
    import ruptures  # noqa: PLC0415 - half a second only who asks for changes needs

    if len(values) < max(2 * _SHORTEST, FEWEST):
        return ()
    noise = noise_of(values)
    if not noise.variance:
        return ()
    cost = _PENALTY * noise.variance * noise.inflation * math.log(len(values))
    # Centred and scaled: the kernel squares values, and would lose digits of large ones.
    x = np.asarray(values, dtype=float)
    scale = math.sqrt(noise.variance)
    signal = ((x - x.mean()) / scale).reshape(-1, 1)
    search = ruptures.KernelCPD(kernel="linear", min_size=_SHORTEST).fit(signal)
    return tuple(int(each) for each in search.predict(pen=cost / noise.variance)[:-1])


def segments(values: Sequence[float], changes: Sequence[int]) -> tuple[Segment, ...]:
    """Return the levels between changes."""
    x = np.asarray(values, dtype=float)
    edges = (0, *changes, len(values))
    return tuple(Segment(begin, end, float(x[begin:end].mean())) for begin, end in pairwise(edges))


@dataclass(frozen=True)
class Slope:
    """Change per second, relative to the median of the windows, with its 95 % interval.

    0.01 is a figure that grows by one hundredth of itself in a second, whether or not that is
    for the better.
    """

    per_second: float
    low: float
    high: float


def theil_sen(series: Series) -> Slope | None:
    """Estimate the slope by the median of the slopes between all pairs of windows.

    The interval is that of Kendall's rank correlation (Sen, J. Am. Stat. Assoc. 63 (1968) 1379),
    its variance multiplied by that of a mean under AR(1) noise, (1 + rho) / (1 - rho), as Yue and
    Wang (Water Resources Management 18 (2004) 201) do for the test: windows that follow each
    other are alike, and the plain interval is too narrow for them.

    Returns:
        None where the median is 0, so that nothing is relative to it.
    """
    values = np.asarray(series.values, dtype=float)
    level = float(np.median(values))
    if not level:
        return None
    times = np.arange(len(values)) * series.window_s
    wide = float(scipy.stats.norm.ppf((1 + _CONFIDENCE) / 2))
    wide *= math.sqrt(noise_of(series.values).inflation)
    fit = scipy.stats.theilslopes(values, times, alpha=2 * float(scipy.stats.norm.cdf(wide)) - 1)
    slope, low, high = (float(each) / level for each in (fit.slope, fit.low_slope, fit.high_slope))
    return Slope(slope, low, high)


def mser5(values: Sequence[float]) -> int | None:
    """Return how many values at the beginning belong to the warm-up.

    The series is cut into batches of five; left out are the first d batches that minimise
    sum((Z_j - mean)^2, j > d) / (m - d)^2, the squared standard error of the mean of the others
    (White, Simulation 69 (1997) 323; in batches of five White, Cobb and Spratt, Winter Simulation
    Conference 2000; Franklin and White, Winter Simulation Conference 2008, on why it works). The
    rule says nothing where the minimum lies in the second half: the series is too short then.

    Args:
        values: at least 50; those that do not fill a batch at the end are left out.

    Returns:
        A multiple of five; None where the series is too short for its warm-up.

    Raises:
        ValueError: there are fewer than 50 values.
    """
    batches = len(values) // BATCH
    if batches < FEWEST_BATCHES:
        raise ValueError(f"MSER-5 needs {FEWEST_BATCHES * BATCH} windows, not {len(values)}")
    z = np.asarray(values[: batches * BATCH], dtype=float).reshape(batches, BATCH).mean(axis=1)
    spreads = [float(np.var(z[d:])) / (batches - d) for d in range(batches - _LAST_BATCHES)]
    best = int(np.argmin(spreads))
    return best * BATCH if best <= batches / 2 else None


class Shape(StrEnum):
    """What the levels of a trial do.

    The classes of Barrett, Bolz-Tereick, Killick, Mount and Tratt, Virtual machine warmup blows
    hot and cold, Proc. ACM Program. Lang. 1 (2017), OOPSLA, 52.
    """

    FLAT = "flat"
    WARMUP = "warmup"
    SLOWDOWN = "slowdown"
    NO_STEADY_STATE = "no steady state"


def classify(levels: Sequence[Segment], *, better: Literal["higher", "lower"]) -> Shape:
    """Name the course of a trial by its levels.

    Levels within the tolerance of the last one count as equal to it. The trial is steady if all
    levels that reach into its last quarter are; it is flat if all levels are, a warm-up if every
    other level is worse than the last, a slowdown if one is better. The paper takes the variance
    of the last segment for its tolerance, of iterations a second long; here a window's variance
    depends on how many requests fall into it, so the tolerance is a fraction of the level.

    Args:
        levels: of the whole trial, at least one.
        better: which way the figure is better.

    Raises:
        ValueError: there is no level.
    """
    if not levels:
        raise ValueError("a trial has at least one level")
    last = levels[-1]
    late = last.end * (1 - _LAST_SHARE)
    others = [each for each in levels if abs(each.mean - last.mean) > TOLERANCE * abs(last.mean)]
    if not others:
        return Shape.FLAT
    if any(each.end > late for each in others):
        return Shape.NO_STEADY_STATE
    worse = [(each.mean < last.mean) == (better == "higher") for each in others]
    return Shape.WARMUP if all(worse) else Shape.SLOWDOWN
