"""The interval of a comparison, widened by what the null arm shows of the run.

With d_b and a_b of `sample`, n blocks, and z and t the normal and Student's quantiles,

    h(alpha) = sqrt[(t(1 - alpha/2, n - 1) s_d / sqrt(n))^2 + (z(1 - alpha/2) sqrt(c) beta)^2] + e
    e = max(0, |mean a| - t(.975, n_a - 1) s_a / sqrt(n_a))

The first term is the paired t interval. The second allows for beta, the standard deviation of what
one deployment keeps for all blocks of a run: B has it once and the mean of A and A' half of it
twice over, so the variance of d is 1 + 1/4 + 1/4 = 1.5 beta^2, and c is 1.5. With the null arm of a
third subject it is 1 + 1, and c is 2. e is the difference between the two deployments of one
service that chance does not explain: if one service differs from itself by e, so may two services.
Either way a is independent of d, because deployments of equal spread make B - (A + A') / 2 and
A' - A uncorrelated. ``python -m bench.nullarm`` says how often the interval is wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import scipy

from analysis.inference.estimators import moments
from analysis.inference.hypotheses import ALPHA, POWER
from analysis.inference.interval import interval_of, ratio_of
from analysis.inference.sample import OWN_NULL_ARM, PairedSample
from bundle.documents.plan import BETA
from bundle.documents.results import Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.inference.sample import ByBlock, LogRatios

NO_NULL_ARM = "no second deployment of the baseline was measured"
_FARTHEST_Z = 20.0  # two-sided p 6e-89; from 27 on scipy's quantiles of t are not monotone
_FEWEST_PAIRS = 2


class Lack(StrEnum):
    """Why a comparison has no widened interval."""

    NOT_FINITE = "not-finite"
    NOT_POSITIVE = "not-positive"
    NO_NULL_ARM = "no-null-arm"
    NO_BLOCK = "no-block"
    ONE_BLOCK = "one-block"
    NO_SPREAD = "no-spread"
    ONE_RUN = "one-run"
    ONE_NODE = "one-node"
    NOT_ESTIMABLE = "not-estimable"


@dataclass(frozen=True)
class Undefined:
    """A number that these measurements do not have."""

    lack: Lack  #: why, as a stable code
    what: str  #: why, in one sentence
    blocks: int = 0  #: how many hold all the trials that are there


@dataclass(frozen=True)
class HalfWidth:
    """h(alpha) of one comparison, in log units."""

    error: float  #: standard error of the mean of d, s_d / sqrt(n)
    blocks: int  #: n, at least two
    floor: float  #: sqrt(c) beta
    excess: float  #: e

    def at(self, alpha: float) -> float:
        """Return h(alpha)."""
        t = float(scipy.stats.t.isf(alpha / 2, self.blocks - 1))
        z = float(scipy.stats.norm.isf(alpha / 2))
        return math.hypot(t * self.error, z * self.floor) + self.excess

    def p(self, mean: float) -> float:
        """Return the alpha at which the interval around a mean log-ratio just reaches 0.

        Both quantiles fall strictly as alpha grows, and neither is negative for alpha <= 1. So
        h falls strictly from infinity to h(1) = e, and one alpha solves h(alpha) = |mean| if
        |mean| > e. If not, every interval includes 0 and p is 1. The root is sought over z, which
        spreads the small alphas out.

        Returns:
            In [0, 1]; 0 for what is below 1e-88.
        """

        def beyond(z: float) -> float:
            return self.at(2 * float(scipy.stats.norm.sf(z))) - abs(mean)

        if beyond(0.0) >= 0:
            return 1.0
        if beyond(_FARTHEST_Z) <= 0:
            return 0.0
        return 2 * float(scipy.stats.norm.sf(scipy.optimize.brentq(beyond, 0.0, _FARTHEST_Z)))


@dataclass(frozen=True)
class Widened:
    """One comparison with its null arm."""

    estimate: Estimate  #: the ratio with mean d +- h(.05) and mean d +- h(.10); its p inverts h
    mean: float  #: of d
    sd: float  #: of d
    half_width: HalfWidth  #: h
    #: of d between neighbouring blocks; None without two pairs of them. The intervals take it for
    #: 0; at 0.4 differences that are not there are found in 9 to 16 %
    autocorrelation: float | None

    @property
    def blocks(self) -> int:
        """How many blocks hold all three trials."""
        return self.half_width.blocks


def widen(
    baseline: ByBlock, candidate: ByBlock, null: ByBlock | None, *, beta: float = BETA
) -> Widened | Undefined:
    """Estimate candidate over baseline from one figure a block of A, B and A'.

    Args:
        baseline: figures of A.
        candidate: figures of B.
        null: figures of A', the second deployment of the baseline; None without a null arm.
        beta: standard deviation of what a deployment keeps for a whole run, in log units.

    Raises:
        ValueError: beta is negative.
    """
    for name, figures in (("A", baseline), ("B", candidate), ("A'", null or {})):
        for block, figure in figures.items():
            where = f"block {block}: the figure of {name} is {figure}"
            if figure is not None and not math.isfinite(figure):
                return Undefined(Lack.NOT_FINITE, f"{where}, which has no logarithm")
            if figure is not None and figure <= 0:
                return Undefined(Lack.NOT_POSITIVE, f"{where}, which has no logarithm")
    return widen_sample(PairedSample.of(baseline, candidate, null), beta=beta)


def widen_sample(sample: PairedSample, *, beta: float = BETA) -> Widened | Undefined:
    """Estimate candidate over baseline from paired log-ratios.

    Args:
        sample: of one metric.
        beta: as in `widen`.

    Raises:
        ValueError: beta is negative.
    """
    if not beta >= 0:
        raise ValueError(f"a standard deviation is not {beta}")
    d, a = sample.d, sample.a
    if a is None:
        return Undefined(Lack.NO_NULL_ARM, NO_NULL_ARM, len(d))
    if not len(d):
        return Undefined(Lack.NO_BLOCK, "no block holds the trials of A, A' and B")
    if len(d) == 1:
        return Undefined(Lack.ONE_BLOCK, "a single block has no spread, so no interval", 1)
    seen, nulls = moments(d.values), moments(a.values)
    for name, spread in (("B over A", seen), ("A' over A", nulls)):
        if not spread.sd:
            what = f"{name} is the same in all {spread.count} blocks, which no measurement gives"
            return Undefined(Lack.NO_SPREAD, what, len(d))
    floor = math.sqrt(sample.deployments) * beta
    half = HalfWidth(seen.error, seen.count, floor, excess(a.values))
    estimate = _estimate(seen.mean, half.at(0.05), half.at(0.10), half.p(seen.mean))
    return Widened(estimate, seen.mean, seen.sd, half, autocorrelation(d))


def excess(a: Sequence[float]) -> float:
    """Return e, the difference between A' and A that chance does not explain, in log units.

    Args:
        a: ln y_A' - ln y_A, one a block.

    Raises:
        ValueError: there are fewer than two.
    """
    seen = moments(a)
    chance = float(scipy.stats.t.isf(ALPHA / 2, seen.count - 1)) * seen.error
    return max(0.0, abs(seen.mean) - chance)


def autocorrelation(d: LogRatios) -> float | None:
    """Return the lag-1 autocorrelation of log-ratios, over pairs of neighbouring blocks.

    sum (d_b - mean)(d_b+1 - mean) / sum (d_b - mean)^2: Box, Jenkins and Reinsel, Time Series
    Analysis, section 2.1.5. A pair with a dropped block between its two does not count.
    """
    pairs = [at for at in range(len(d) - 1) if d.blocks[at + 1] == d.blocks[at] + 1]
    if len(pairs) < _FEWEST_PAIRS or not moments(d.values).sd:
        return None
    centred = np.asarray(d.values) - np.mean(d.values)
    products = [centred[at] * centred[at + 1] for at in pairs]
    return float(sum(products) / (centred @ centred))


def findable_effect(
    sd: float, blocks: int, *, beta: float = BETA, deployments: float = OWN_NULL_ARM
) -> float:
    """Return the smallest relative effect whose interval excludes 1 nine times in ten.

    exp(h(.05) + h(.20)) - 1 with e = 0: the mean of d has the spread that h allows for. No number
    of blocks finds less than exp((z(.975) + z(.90)) sqrt(1.5) beta) - 1, by default 2.0 %.

    Args:
        sd: standard deviation of d.
        blocks: at least two.
        beta: as in `widen`.
        deployments: as in `PairedSample`.

    Raises:
        ValueError: fewer than two blocks, or a negative spread.
    """
    if blocks < 2:  # noqa: PLR2004 - what a spread needs
        raise ValueError(f"a spread needs two blocks, not {blocks}")
    if not (sd >= 0 and beta >= 0):
        raise ValueError(f"standard deviations are not {sd} and {beta}")
    floor = math.sqrt(deployments) * beta
    half = HalfWidth(sd / math.sqrt(blocks), blocks, floor, 0.0)
    return math.expm1(half.at(ALPHA) + half.at(2 * (1 - POWER)))


def _estimate(mean: float, half95: float, half90: float, p: float | None) -> Estimate:
    ci95, ci90 = (interval_of(mean - half, mean + half) for half in (half95, half90))
    return Estimate("paired t with null arm", ratio_of(mean), ci95, ci90, p)
