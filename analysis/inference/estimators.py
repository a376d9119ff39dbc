"""Three estimates of one ratio, from methods that fail for different reasons.

The paired t interval is the primary one. The studentised bootstrap does without normality, the
signed rank without moments. If all three lead to one verdict, no assumption of one of them decided.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
import scipy

from analysis.inference.interval import interval_of, ratio_of
from bundle.documents.results import Estimate, Estimates, Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RESAMPLES = 9_999  # (resamples + 1) x 0.025 is whole, so that a quantile is one of the values
FEWEST_RESAMPLED = 6  # below, one resample in 1,300 and more repeats a single block
_ROUNDING = 1e-12  # a spread below this is that of the arithmetic, not of measurements


@dataclass(frozen=True)
class Moments:
    """Mean, standard deviation and standard error of log-ratios, and how many there are."""

    mean: float
    sd: float
    error: float
    count: int


def moments(log_ratios: Sequence[float]) -> Moments:
    """Return the moments of at least two log-ratios.

    Raises:
        ValueError: there are fewer than two.
    """
    count = len(log_ratios)
    if count < 2:  # noqa: PLR2004 - what a spread needs
        raise ValueError(f"a spread needs two blocks, not {count}")
    mean, sd = fmean(log_ratios), float(np.std(log_ratios, ddof=1))
    sd = sd if sd > _ROUNDING * (1 + abs(mean)) else 0.0
    return Moments(mean, sd, sd / math.sqrt(count), count)


def estimate_ratio(
    log_ratios: Sequence[float], *, seed: int, resamples: int = RESAMPLES
) -> Estimates:
    """Estimate one ratio by all three methods; seed and resamples are those of the bootstrap.

    Raises:
        ValueError: there is no log-ratio.
    """
    return Estimates(
        paired_t(log_ratios),
        studentised_bootstrap(log_ratios, seed=seed, resamples=resamples),
        signed_rank(log_ratios),
    )


def paired_t(log_ratios: Sequence[float]) -> Estimate:
    """Estimate the ratio by the mean log-ratio and its t interval.

    exp(mean +- t(1 - alpha/2, n - 1) s / sqrt(n)): Student, Biometrika 6 (1908) 1; on logarithms
    of ratios, so that it does not matter which subject is the divisor.

    Args:
        log_ratios: one a block; with a single one there is no interval.

    Raises:
        ValueError: there is no log-ratio.
    """
    name = "paired t"
    if len(log_ratios) == 1:
        return Estimate(name, ratio_of(log_ratios[0]), None, None, None)
    m = moments(log_ratios)
    freedom = m.count - 1

    def interval(confidence: float) -> Interval:
        half = float(scipy.stats.t.ppf((1 + confidence) / 2, freedom)) * m.error
        return interval_of(m.mean - half, m.mean + half)

    if m.error:
        p = 2 * float(scipy.stats.t.sf(abs(m.mean) / m.error, freedom))
    else:
        p = float(m.mean == 0)
    return Estimate(name, ratio_of(m.mean), interval(0.95), interval(0.90), p)


def studentised_bootstrap(
    log_ratios: Sequence[float], *, seed: int, resamples: int = RESAMPLES
) -> Estimate:
    """Estimate the ratio by the mean log-ratio and its bootstrap-t interval.

    The quantiles of t* = (mean* - mean) / error* over resamples of blocks stand in for those of
    Student's t: Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 12.5;
    order statistics as in Davison and Hinkley, Bootstrap Methods (1997), section 2.4.

    Args:
        log_ratios: one a block; below FEWEST_RESAMPLED there is no interval.
        seed: of the resamples.
        resamples: how many.

    Raises:
        ValueError: there is no log-ratio.
    """
    name = "studentised bootstrap"
    if len(log_ratios) < FEWEST_RESAMPLED:
        return Estimate(name, ratio_of(fmean(log_ratios)), None, None, None)
    m = moments(log_ratios)
    ordered = np.zeros(resamples)
    if m.error:
        ordered = _studentised(np.asarray(log_ratios, dtype=float), m.mean, seed, resamples)

    def interval(confidence: float) -> Interval:
        rank = max(1, round((1 - confidence) / 2 * (resamples + 1)))
        low, high = float(ordered[-rank]), float(ordered[rank - 1])
        return interval_of(m.mean - low * m.error, m.mean - high * m.error)

    return Estimate(name, ratio_of(m.mean), interval(0.95), interval(0.90), None)


def signed_rank(log_ratios: Sequence[float]) -> Estimate:
    """Estimate the ratio by Hodges and Lehmann, with the interval of Wilcoxon's signed rank test.

    The estimate is the median of the Walsh averages (d_i + d_j) / 2, i <= j; the interval lies
    between two of them, found from the exact null distribution: Hodges and Lehmann, Ann. Math.
    Stat. 34 (1963) 598; Hollander and Wolfe, Nonparametric Statistical Methods, sections 3.2, 3.3.

    Args:
        log_ratios: one a block; the 95 % interval needs 6, the 90 % interval 5.

    Raises:
        ValueError: there is no log-ratio.
    """
    if not log_ratios:
        raise ValueError("an estimate needs a block")
    d = np.asarray(log_ratios, dtype=float)
    walsh = _walsh_averages(d)
    below = np.cumsum(_signed_rank_distribution(len(d)))

    def interval(confidence: float) -> Interval | None:
        rank = int(np.searchsorted(below, (1 - confidence) / 2, side="right"))
        return interval_of(float(walsh[rank - 1]), float(walsh[-rank])) if rank else None

    p = float(scipy.stats.wilcoxon(d).pvalue) if d.any() else 1.0
    centre = ratio_of(float(np.median(walsh)))
    return Estimate("Wilcoxon signed rank", centre, interval(0.95), interval(0.90), p)


def hodges_lehmann(values: Sequence[float]) -> float:
    """Return the median of the Walsh averages (v_i + v_j) / 2, i <= j, of at least one value."""
    return float(np.median(_walsh_averages(np.asarray(values, dtype=float))))


def _walsh_averages(d: NDArray[np.float64]) -> NDArray[np.float64]:
    first, second = np.triu_indices(len(d))
    return np.sort((d[first] + d[second]) / 2)


def _studentised(
    d: NDArray[np.float64], mean: float, seed: int, resamples: int
) -> NDArray[np.float64]:
    """The values t* of all resamples, ascending."""
    drawn = d[np.random.default_rng(seed).integers(len(d), size=(resamples, len(d)))]
    error = drawn.std(axis=1, ddof=1) / math.sqrt(len(d))
    # A resample of one repeated value has no spread: it lies infinitely far out, or at the mean.
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (drawn.mean(axis=1) - mean) / error
    return np.sort(np.where(np.isnan(t), 0.0, t))


@lru_cache(maxsize=64)
def _signed_rank_distribution(count: int) -> NDArray[np.float64]:
    """P(T = 0, 1, ...) of the sum of positive ranks when each rank is positive by a fair coin."""
    distribution = np.ones(1)
    for rank in range(1, count + 1):
        grown = np.zeros(len(distribution) + rank)
        grown[: len(distribution)] += distribution
        grown[rank:] += distribution
        distribution = grown / 2
    return distribution
