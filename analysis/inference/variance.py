"""Where the noise lives: between blocks, between trials of one block, or inside a trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

LEVELS = ("block", "trial", "window")


@dataclass(frozen=True)
class Level:
    """One level of repetition.

    Attributes:
        name: block, trial or window.
        repetitions: how often it was repeated inside the level above.
        variance: what this level alone adds to a single figure, T^2, in squared log units.
        share: of the sum over all levels, 0 to 1.
    """

    name: str
    repetitions: int
    variance: float
    share: float


@dataclass(frozen=True)
class VarianceTable:
    """The levels of a pilot, from block to window."""

    block: Level
    trial: Level
    window: Level


def variance_table(logs: ArrayLike) -> VarianceTable:
    """Split the variance of a pilot's figures over its levels.

    S_i^2 is the mean variance of the level's means; T_i^2 = S_i^2 - S_{i-1}^2 / r_{i-1} takes out
    of it what the levels below put there (Kalibera and Jones 2013). A negative T^2,
    which a level without variation of its own gives half the time, is returned as 0.

    Args:
        logs: natural logarithms of one subject's figures, shape (blocks, trials in a block,
            windows in a trial), each at least 2; A and A' are two trials of one subject.

    Raises:
        ValueError: the shape is another, or a figure is not finite.
    """
    means = np.asarray(logs, dtype=float)
    if means.ndim != len(LEVELS) or min(means.shape) < 2:  # noqa: PLR2004 - for a spread
        raise ValueError(f"not (blocks, trials, windows) of at least two each: {means.shape}")
    if not np.isfinite(means).all():
        raise ValueError("a figure is missing: drop its block")
    repetitions = dict(zip(LEVELS, means.shape, strict=True))
    variances: dict[str, float] = {}
    from_below = 0.0
    for name in reversed(LEVELS):
        spread = float(means.var(axis=-1, ddof=1).mean())
        variances[name] = max(0.0, spread - from_below)
        from_below = spread / repetitions[name]
        means = means.mean(axis=-1)
    total = sum(variances.values())
    return VarianceTable(
        *(
            Level(
                name,
                repetitions[name],
                variances[name],
                variances[name] / total if total else 0.0,
            )
            for name in LEVELS
        )
    )
