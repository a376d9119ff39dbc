"""How much a series scatters from window to window, and how far one window carries into the next.

Windows that follow each other are alike: a slow query, a collection of garbage or a neighbour
lasts longer than one. Whoever takes them for independent sees changes where there are none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_HIGHEST = 0.8  # beyond, a series of a hundred windows cannot tell noise from change
FEWEST = 3


@dataclass(frozen=True)
class Noise:
    """Noise of the first order: each window keeps ``rho`` of the deviation of the one before.

    Attributes:
        rho: 0 to 0.8; a negative dependence counts as none, which errs on the side of steady.
        variance: of one window.
    """

    rho: float
    variance: float

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
