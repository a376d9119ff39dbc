"""Where the marks of a trend lie: pure geometry, which the template draws as inline SVG.

The charts take their colours from the page's style sheet, so one drawing serves light, dark and
print, and there is no script.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Final

from analysis import rounding
from ormlab.archive.site.wording import magnitude

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ormlab.archive.query import Point, Series
    from ormlab.archive.site.gather import Trends

LOOKS: Final = 6
"""How many colours and shapes there are; a seventh subject looks like the first."""

_WIDTH, _HEIGHT = 720, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 12, 28
_STEPS: Final = (1.0, 2.0, 5.0, 10.0)
_INTERVALS: Final = 4  # between ticks, about


@dataclass(frozen=True)
class Mark:
    """The median of one bundle.

    Attributes:
        x: in the chart's units.
        y: likewise.
        changed: a new level begins here.
        says: bundle and value.
    """

    x: float
    y: float
    changed: bool
    says: str


@dataclass(frozen=True)
class Line:
    """One subject: its marks, and the median of each level as a line from x to x at y."""

    name: str
    look: int
    marks: tuple[Mark, ...]
    levels: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Chart:
    """One metric of several subjects over time.

    Attributes:
        width: of the whole, in the chart's units.
        height: likewise.
        left: where the marks begin, after the labels.
        unit: of the labels.
        values: place and label of each tick, from the bottom.
        days: place and label of the first and the last day.
        lines: the subjects.
    """

    width: int
    height: int
    left: int
    unit: str
    values: tuple[tuple[float, str], ...]
    days: tuple[tuple[float, str], ...]
    lines: tuple[Line, ...]


def chart(trends: Trends) -> Chart:
    """Place the points of some series."""
    divisor, unit = magnitude(trends.shared.unit)
    points = [point for series in trends.series for point in series.points]
    times = [point.created.timestamp() for point in points]
    first, last = min(times), max(times)
    ticks = _ticks([point.value / divisor for point in points])
    low, high = ticks[0], ticks[-1]

    def x(point: Point) -> float:
        share = (point.created.timestamp() - first) / ((last - first) or 1)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(value: float) -> float:
        share = (value - low) / (high - low)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)

    def value(point: Point) -> str:
        return rounding.figure(point.value / divisor)

    def line(position: int, series: Series) -> Line:
        marks = tuple(
            Mark(
                x(point),
                y(point.value / divisor),
                point.changed,
                f"{series.subject}, {point.bundle}: {value(point)} {unit}",
            )
            for point in series.points
        )
        levels = tuple(
            (x(level[0]), x(level[-1]), y(median(point.value for point in level) / divisor))
            for level in _levels(series.points)
        )
        return Line(series.subject, position % LOOKS, marks, levels)

    ends = {times.index(first): first, times.index(last): last}
    return Chart(
        _WIDTH,
        _HEIGHT,
        _LEFT,
        unit,
        tuple((y(tick), f"{tick:,.6g}") for tick in ticks),
        tuple((x(points[at]), f"{points[at].created:%Y-%m-%d}") for at in ends),
        tuple(line(position, series) for position, series in enumerate(trends.series)),
    )


def _levels(points: Sequence[Point]) -> Iterator[Sequence[Point]]:
    starts = [0, *(at for at, point in enumerate(points) if point.changed and at), len(points)]
    for start, end in pairwise(starts):
        yield points[start:end]


def _ticks(values: Sequence[float]) -> list[float]:
    """Round numbers around all values, a step of one, two or five times a power of ten apart."""
    low, high = min(values), max(values)
    spread = (high - low) or abs(high) or 1.0
    rough = spread / _INTERVALS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in _STEPS if factor * power >= rough)
    start = math.floor(low / step)
    end = max(math.ceil(high / step), start + 1)
    return [at * step for at in range(start, end + 1)]
