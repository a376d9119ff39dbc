"""The levels of all tests, and many comparisons at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ALPHA = 0.05
POWER = 0.90


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
