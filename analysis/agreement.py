"""Do two bundles agree about a ratio: on one host by its size, on two by its direction and range.

Blocks of two runs have nothing in common that would pair them, so a run is known by the mean of
its log-ratios, their standard deviation and their number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import scipy

from analysis.inference import Interval, margin_band
from analysis.inference.interval import interval_of, ratio_of
from analysis.rounding import amount
from bundle.codec import Part

if TYPE_CHECKING:
    from collections.abc import Sequence

HOST_SD = 0.1
"""Standard deviation over hosts of the logarithm of one ratio, where nobody knows better.

A judgement, not a measurement: two hosts cannot show how much hosts differ. It is printed with
every result that rests on it.
"""

_ROUNDING = 1e-12

type Verdict = Literal["agree", "differ", "open"]


@dataclass(frozen=True)
class Side:
    """What one run says of a ratio: mean and standard deviation of its log-ratios, one a block.

    The standard deviation is None with a single block.
    """

    mean: float
    sd: float | None
    blocks: int


class Agreement(Part, frozen=True):
    """Whether two runs agree about a ratio.

    Attributes:
        verdict: agree, differ, or open where these blocks cannot say.
        ratio: the second run's ratio over the first one's.
        low, high: what `ratio` was held against, by the method; null where a run has one block.
        why: one clause.
    """

    verdict: Verdict
    method: Literal["welch", "prediction"]
    ratio: float
    low: float | None
    high: float | None
    why: str


def on_one_host(first: Side, second: Side, margin: float) -> Agreement:
    """Compare the sizes of one ratio in two runs on the same host.

    The difference of the means has Welch's interval, with the degrees of freedom of Satterthwaite:
    B. L. Welch, Biometrika 34 (1947) 28; F. E. Satterthwaite, Biometrics Bulletin 2 (1946) 110.
    The runs agree if its 90 % interval lies inside the margin (two one-sided tests: D. J.
    Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987) 657), and differ if its 95 % interval lies
    wholly outside: what two sessions of one host differ by for no reason must fit in the margin.

    Args:
        first: the earlier run.
        second: the later one.
        margin: theta as a fraction, such as 0.03.
    """
    ratio = ratio_of(second.mean - first.mean)
    spread = _spread((first, second), extra=0.0)
    if spread is None:
        return Agreement("open", "welch", ratio, None, None, "one block has no interval")
    ci95, ci90 = (_around(second.mean - first.mean, spread, p) for p in (0.95, 0.90))
    band = margin_band(margin)
    if ci90.inside(band):
        verdict: Verdict = "agree"
        why = f"the 90 % interval lies inside the margin of {amount(100 * margin, '%')}"
    elif ci95.beyond(band):
        verdict, why = (
            "differ",
            f"the 95 % interval lies beyond the margin of {amount(100 * margin, '%')}",
        )
    else:
        verdict, why = (
            "open",
            f"the interval reaches across the margin of {amount(100 * margin, '%')}",
        )
    return Agreement(verdict, "welch", ratio, ci95.low, ci95.high, why)


def on_two_hosts(first: Side, second: Side, host_sd: float = HOST_SD) -> Agreement:
    """Compare one ratio in runs on two hosts: its direction, and what the other host may show.

    Hosts differ. With tau for the spread of hosts around their common mean, the estimate of the
    second host lies with 95 % probability in

        mean_1 +- t(.975, f) sqrt(2 tau^2 + s_1^2 / n_1 + s_2^2 / n_2)

    which is the prediction interval for a further study of J. P. T. Higgins, S. G. Thompson and
    D. J. Spiegelhalter, J. R. Statist. Soc. A 172 (2009) 137, with one study known and
    tau stated instead of estimated; f by Satterthwaite, tau being known. Without the term in tau
    it would be Welch's test, which takes every difference of hosts for a contradiction.

    The runs differ if their directions are opposite or the estimate lies outside; they agree if
    it lies inside and both have one direction. A run has a direction if its own 95 % interval
    excludes 1.

    Args:
        first: the earlier run.
        second: the later one.
        host_sd: tau, of the logarithm of the ratio.

    Raises:
        ValueError: host_sd is negative.
    """
    if host_sd < 0:
        raise ValueError(f"a standard deviation is not negative: {host_sd}")
    ratio = ratio_of(second.mean - first.mean)
    spread = _spread((first, second), extra=2 * host_sd**2)
    if spread is None:
        return Agreement("open", "prediction", ratio, None, None, "one block has no interval")
    expected, assumed = _around(0.0, spread, 0.95), amount(100 * host_sd, "%")
    directions = (_direction(first), _direction(second))
    verdict: Verdict = "open"
    if directions[0] * directions[1] < 0:
        verdict, why = "differ", "the directions are opposite"
    elif expected.excludes(ratio):
        verdict = "differ"
        why = f"a host may differ by {assumed} (1 sd), and this is more"
    elif all(directions):
        verdict = "agree"
        why = f"one direction, and within what hosts that differ by {assumed} (1 sd) show"
    else:
        why = "not both runs have a direction"
    return Agreement(verdict, "prediction", ratio, expected.low, expected.high, why)


class _Spread(NamedTuple):
    error: float
    freedom: float


def _spread(sides: Sequence[Side], *, extra: float) -> _Spread | None:
    """Standard error of the difference of two means and its degrees of freedom.

    Args:
        sides: the two runs.
        extra: a variance that is known and so has infinite degrees of freedom.
    """
    variances = []
    for side in sides:
        if side.sd is None:
            return None
        variances.append((side.sd**2 / side.blocks, side.blocks - 1))
    total = extra + sum(variance for variance, _ in variances)
    unknown = sum(variance**2 / free for variance, free in variances)
    freedom = total**2 / unknown if unknown > _ROUNDING * total**2 else math.inf
    return _Spread(math.sqrt(total), freedom)


def _around(centre: float, spread: _Spread, confidence: float) -> Interval:
    half = _t(confidence, spread.freedom) * spread.error
    return interval_of(centre - half, centre + half)


def _direction(side: Side) -> int:
    """1 or -1 if the interval of the run's own ratio excludes 1, else 0."""
    if side.sd is None:
        return 0
    half = _t(0.95, side.blocks - 1) * side.sd / math.sqrt(side.blocks)
    return int(side.mean - half > 0) - int(side.mean + half < 0)


def _t(confidence: float, freedom: float) -> float:
    return float(scipy.stats.t.ppf((1 + confidence) / 2, freedom))
