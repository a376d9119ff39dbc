"""What a figure does in a second of a trial."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy

from analysis.steadiness.noise import noise_of

if TYPE_CHECKING:
    from analysis.steadiness.series import Series

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Slope:
    """Change per second, relative to the median of the windows, with its 95 % interval.

    0.01 is a figure that grows by one hundredth of itself in a second, whether or not that is
    for the better.
    """

    per_second: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval leaves no doubt about the direction."""
        return self.low > 0 or self.high < 0


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
