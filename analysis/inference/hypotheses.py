"""Tests beside the intervals: equivalence, and many comparisons at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import scipy

from analysis.inference.estimators import moments
from analysis.inference.interval import margin_band

if TYPE_CHECKING:
    from collections.abc import Sequence

ALPHA = 0.05


def tost(log_ratios: Sequence[float], margin: float) -> float:
    """Return p of the hypothesis that the ratio lies outside the margin: two one-sided t tests.

    Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987) 657. The p value is the larger of the two;
    it is below 0.05 exactly when the 90 % t interval lies inside 1/(1 + margin) to 1 + margin.

    Args:
        log_ratios: one a block, at least two.
        margin: theta as a fraction, such as 0.03.

    Raises:
        ValueError: fewer than two log-ratios, or a margin that is not positive.
    """
    m = moments(log_ratios)
    nearest = math.log(margin_band(margin).high) - abs(m.mean)
    if not m.error:
        return float(nearest <= 0)
    return float(scipy.stats.t.sf(nearest / m.error, m.count - 1))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjust the p values of a plan's primary comparisons, so that one false positive stays rare.

    Below alpha, the adjusted p values keep the chance of any false positive in the family at alpha:
    Holm, Scand. J. Statist. 6 (1979) 65. They have the order of those given.

    Raises:
        ValueError: a p value is not inside [0, 1].
    """
    if not p_values:
        return ()
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError(f"p values lie inside [0, 1]: {list(p_values)}")
    adjusted = list(p_values)
    least = 0.0
    ranked = sorted(range(len(p_values)), key=p_values.__getitem__)
    for place, index in enumerate(ranked):
        least = max(least, min(1.0, (len(ranked) - place) * p_values[index]))
        adjusted[index] = least
    return tuple(adjusted)
