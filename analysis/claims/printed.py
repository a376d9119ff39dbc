"""Printed figures as intervals: every value that a tool may have printed that way.

A tool may round a value to the nearest unit of the last digit that it prints (wrk, hey), cut it
off (``free -m``, locust's mean), or round it up (``du -h``). So a figure with the precision p
stands for everything less than p away from it, and never for less than half of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from analysis.rounding import brief
from bundle.documents.results import Interval
from bundle.documents.verdicts import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.claims.fields import Status


@dataclass(frozen=True)
class Figure:
    """A printed figure: the lowest and the highest value that it may stand for.

    Without a precision it ``is_taken_as_exact``.
    """

    low: float
    high: float
    status: Status
    is_taken_as_exact: bool = False

    @classmethod
    def of(cls, value: float, precision: float | None, status: Status) -> Figure:
        """A figure as printed; a size that cannot be negative stays at zero or above."""
        if precision is None:
            return cls(value, value, status, is_taken_as_exact=True)
        low = value - precision
        return cls(max(0.0, low) if value >= 0 else low, value + precision, status)

    def rounded(self) -> Figure:
        """The figure if it was rounded as far as its digits allow: 12,000 to thousands."""
        if not self.is_taken_as_exact:
            return self
        digits = Decimal(repr(self.value)).normalize().as_tuple()
        return Figure.of(self.value, 10.0 ** int(digits.exponent), self.status)

    @property
    def value(self) -> float:
        """The middle of what it may stand for: the printed figure, unless that is next to zero."""
        return (self.low + self.high) / 2


@dataclass(frozen=True)
class Answer:
    """What the arithmetic of a check gives, in one sentence and as numbers by name."""

    outcome: Outcome
    what: str
    numbers: Mapping[str, float]


def undecided(what: str) -> Answer:
    """An answer without numbers."""
    return Answer(Outcome.UNDECIDED, what, {})


def quotient(top: Figure, bottom: Figure) -> Interval | None:
    """All quotients of two figures; None where the divisor may be zero or one is negative."""
    if bottom.low <= 0 or top.low < 0:
        return None
    return Interval(top.low / bottom.high, top.high / bottom.low)


def widened(due: Interval, slack: float) -> Interval:
    """An interval with a relative slack at both ends."""
    if not slack:
        return due
    return Interval(due.low - slack * abs(due.low), due.high + slack * abs(due.high))


def against(readings: list[Interval] | None, stated: Figure, what: str, unit: str = "") -> Answer:
    """Compare a stated figure with what it should be.

    Args:
        readings: what it should be, one interval for each meaning that its words may have; None
            where the figures define none.
        stated: as printed.
        what: its name in a sentence.
        unit: of both, with a space before it.
    """
    if readings is None:
        return undecided(f"{what} of such figures is not defined")
    fits = any(due.low <= stated.high and stated.low <= due.high for due in readings)
    ranges = " or ".join(
        f"between {brief(due.low, 4)}{unit} and {brief(due.high, 4)}{unit}" for due in readings
    )
    first = readings[0]
    return Answer(
        Outcome.HOLDS if fits else Outcome.CONTRADICTS,
        f"{what} lies {ranges}, and {brief(stated.value, 4)}{unit} is stated",
        {"low": first.low, "high": first.high, "stated": stated.value},
    )
