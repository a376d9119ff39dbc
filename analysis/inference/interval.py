"""From logarithms to ratios and their intervals, and the band that a margin draws around 1."""

from __future__ import annotations

import numpy as np

from bundle.documents.results import Interval


def margin_band(margin: float) -> Interval:
    """Return the ratios that a margin takes for no difference worth having.

    Symmetric in the logarithm, so that swapping the subjects cannot change a verdict.

    Args:
        margin: theta as a fraction, such as 0.03.

    Raises:
        ValueError: the margin is not positive.
    """
    if not margin > 0:
        raise ValueError(f"a margin is positive, not {margin}")
    return Interval(1 / (1 + margin), 1 + margin)


def ratio_of(log_ratio: float) -> float:
    """Return exp of a log-ratio; infinity where it is beyond a float."""
    with np.errstate(over="ignore"):
        return float(np.exp(log_ratio))


def interval_of(low: float, high: float) -> Interval:
    """Return the interval of ratios between two log-ratios."""
    return Interval(ratio_of(low), ratio_of(high))
