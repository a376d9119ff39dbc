"""A ratio with its intervals, and the band that a margin draws around 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interval:
    """A closed interval of ratios."""

    low: float
    high: float

    def excludes(self, ratio: float) -> bool:
        """Whether a ratio lies outside; the ends themselves belong to the interval."""
        return self.low > ratio or self.high < ratio

    def inside(self, band: Interval) -> bool:
        """Whether all of this lies inside a band without touching its ends."""
        return band.low < self.low and self.high < band.high

    def beyond(self, band: Interval) -> bool:
        """Whether all of this lies on one side of a band without touching it."""
        return self.low > band.high or self.high < band.low


@dataclass(frozen=True)
class Estimate:
    """Candidate over baseline as one method sees it.

    Attributes:
        method: its name, as a report prints it.
        ratio: 1.25 means that the candidate's figure is 25 % larger.
        ci95: the 95 % interval, None where the method has none for so few blocks.
        ci90: the 90 % interval, whose place in the margin is the equivalence test; None likewise.
        p: two-sided, of the hypothesis that the ratio is 1; None where the method has none.
    """

    method: str
    ratio: float
    ci95: Interval | None
    ci90: Interval | None
    p: float | None


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
