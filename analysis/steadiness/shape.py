"""The course of a trial in one word."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.steadiness.segments import Segment

TOLERANCE = 0.02  # a judgement: below the smallest margin of any profile for throughput
_LAST_SHARE = 0.25


class Shape(StrEnum):
    """What the levels of a trial do.

    The classes of Barrett, Bolz-Tereick, Killick, Mount and Tratt, Virtual machine warmup blows
    hot and cold, Proc. ACM Program. Lang. 1 (2017), OOPSLA, 52.
    """

    FLAT = "flat"
    WARMUP = "warmup"
    SLOWDOWN = "slowdown"
    NO_STEADY_STATE = "no steady state"


def classify(
    levels: Sequence[Segment],
    *,
    better: Literal["higher", "lower"],
    tolerance: float = TOLERANCE,
) -> Shape:
    """Name the course of a trial by its levels.

    Levels within the tolerance of the last one count as equal to it. The trial is steady if all
    levels that reach into its last quarter are; it is flat if all levels are, a warm-up if every
    other level is worse than the last, a slowdown if one is better. The paper takes the variance
    of the last segment for its tolerance, of iterations a second long; here a window's variance
    depends on how many requests fall into it, so the tolerance is a fraction of the level.

    Args:
        levels: of the whole trial, at least one.
        better: which way the figure is better.
        tolerance: relative to the last level.

    Raises:
        ValueError: there is no level.
    """
    if not levels:
        raise ValueError("a trial has at least one level")
    last = levels[-1]
    late = last.end * (1 - _LAST_SHARE)
    others = [each for each in levels if abs(each.mean - last.mean) > tolerance * abs(last.mean)]
    if not others:
        return Shape.FLAT
    if any(each.end > late for each in others):
        return Shape.NO_STEADY_STATE
    worse = [(each.mean < last.mean) == (better == "higher") for each in others]
    return Shape.WARMUP if all(worse) else Shape.SLOWDOWN
