"""Where the noise lives: between blocks, between trials of one block, or inside a trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

LEVELS = ("block", "trial", "window")


def variances(logs: ArrayLike) -> dict[str, float]:
    """Split the variance of a pilot's figures over `LEVELS`.

    S_i^2 is the mean variance of the level's means; T_i^2 = S_i^2 - S_{i-1}^2 / r_{i-1} takes out
    of it what the levels below put there (Kalibera and Jones 2013). A negative T^2,
    which a level without variation of its own gives half the time, is returned as 0.

    Args:
        logs: natural logarithms of one subject's figures, shape (blocks, trials in a block,
            windows in a trial), each at least 2; A and A' are two trials of one subject.

    Returns:
        T^2 by level: what this level alone adds to a single figure, in squared log units.

    Raises:
        ValueError: the shape is another, or a figure is not finite.
    """
    means = np.asarray(logs, dtype=float)
    if means.ndim != len(LEVELS) or min(means.shape) < 2:  # noqa: PLR2004 - for a spread
        raise ValueError(f"not (blocks, trials, windows) of at least two each: {means.shape}")
    if not np.isfinite(means).all():
        raise ValueError("a figure is missing: drop its block")
    by_level: dict[str, float] = {}
    from_below = 0.0
    for name, repetitions in reversed([*zip(LEVELS, means.shape, strict=True)]):
        spread = float(means.var(axis=-1, ddof=1).mean())
        by_level[name] = max(0.0, spread - from_below)
        from_below = spread / repetitions
        means = means.mean(axis=-1)
    return {name: by_level[name] for name in LEVELS}


def variance_shares(logs: ArrayLike) -> dict[str, float]:
    """Return each level's share of the sum of `variances`, 0 to 1; all 0 without any variance.

    Raises:
        ValueError: as `variances`.
    """
    by_level = variances(logs)
    total = sum(by_level.values())
    return {name: variance / total if total else 0.0 for name, variance in by_level.items()}
