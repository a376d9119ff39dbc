"""How many blocks a run needs."""

from __future__ import annotations

from analysis.inference.nullarm import findable_effect
from bundle.documents.plan import BETA

FEWEST_FOR_DIRECTION = 6
"""Blocks for FASTER and SLOWER; what is below the margin needs `FEWEST_BLOCKS`."""
FEWEST_BLOCKS = 10


def blocks_needed(sd: float, effect: float, *, beta: float = BETA) -> int | None:
    """Return the smallest number of blocks, from ten on, that finds an effect nine times in ten.

    Args:
        sd: standard deviation of the log-ratios of single blocks, from a pilot.
        effect: relative, above 0, such as 0.03.
        beta: as in `nullarm.widen`.

    Returns:
        None if no number of blocks finds it, because deployments may differ by as much.

    Raises:
        ValueError: the effect is not positive, or a spread is negative.
    """
    if not effect > 0:
        raise ValueError(f"there is no number of blocks for an effect of {effect}")
    if findable_effect(0.0, FEWEST_BLOCKS, beta=beta) > effect:
        return None
    few, many = FEWEST_BLOCKS - 1, FEWEST_BLOCKS
    while findable_effect(sd, many, beta=beta) > effect:
        few, many = many, 2 * many
    while many - few > 1:
        middle = (few + many) // 2
        if findable_effect(sd, middle, beta=beta) > effect:
            few = middle
        else:
            many = middle
    return many
