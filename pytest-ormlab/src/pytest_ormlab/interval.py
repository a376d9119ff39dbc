"""The interval of a median of differences that needs no normal distribution.

The estimate is that of Hodges and Lehmann: the median of the Walsh averages (d_i + d_j) / 2,
i <= j. The interval lies between two of these averages, found from the exact null distribution of
Wilcoxon's signed rank statistic: Hodges and Lehmann, Ann. Math. Stat. 34 (1963) 598; Hollander and
Wolfe, Nonparametric Statistical Methods, sections 3.2, 3.3. It assumes that the differences scatter
symmetrically.
"""

from __future__ import annotations

from itertools import accumulate, combinations_with_replacement
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST = 6  # differences of which a 95 % interval is finite
_TAIL = 40  # one in so many lies on each side of the interval


class Estimate(NamedTuple):
    """A centre with its 95 % interval, in the unit of the differences."""

    centre: float
    low: float
    high: float


def signed_rank(differences: Sequence[float]) -> Estimate:
    """Estimate the centre of at least `FEWEST` differences.

    Raises:
        ValueError: there are fewer.
    """
    count = len(differences)
    if count < FEWEST:
        raise ValueError(f"a 95 % interval needs at least {FEWEST} differences, not {count}")
    walsh = sorted((a + b) / 2 for a, b in combinations_with_replacement(differences, 2))
    below = accumulate(_ways(count))
    rank = sum(ways * _TAIL <= 2**count for ways in below)
    return Estimate(median(walsh), walsh[rank - 1], walsh[-rank])


def _ways(count: int) -> list[int]:
    """In how many of the 2 ** count choices of signs the positive ranks add up to 0, 1, 2, ..."""
    ways = [1]
    for rank in range(1, count + 1):
        without, with_ = ways + [0] * rank, [0] * rank + ways
        ways = [a + b for a, b in zip(without, with_, strict=True)]
    return ways
