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
    """Test that the ratio lies inside the margin: two one-sided t tests.

    Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987) 657. The p value is the larger of the two;
    it is below 0.05 exactly when the 90 % t interval lies inside 1/(1 + margin) to 1 + margin.

    Args:
        log_ratios: one a block, at least two.
        margin: theta as a fraction, such as 0.03.

    Returns:
        The p value of the hypothesis that the ratio lies outside the margin.

    Raises:
        ValueError: fewer than two log-ratios, or a margin that is not positive.
    """
    seen = moments(log_ratios)
    reach = math.log(margin_band(margin).high)
    nearest = reach - abs(seen.mean)
    if not seen.error:
        return float(nearest <= 0)
    return float(scipy.stats.t.sf(nearest / seen.error, seen.count - 1))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjust the p values of a family so that a false positive anywhere in it stays at alpha.

    Holm, Scand. J. Statist. 6 (1979) 65.

    Args:
        p_values: of the primary comparisons of a plan, fixed before the run.

    Returns:
        The adjusted p values, in the same order; each at least as large as before.

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
