"""What the chart of a trend shows; `analysis.report` draws it, as it draws those of a report."""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Final

from analysis.report.charts import Look, TrendChart, TrendLine, TrendPoint
from analysis.report.plot import draw
from bundle.display import quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.report.plot import Plot
    from ormlab.archive.query import Point, Series
    from ormlab.archive.site.gather import Trends

_MIB: Final = 2**20


def magnitude(unit: str) -> tuple[float, str]:
    """By what a value of a unit is divided, and the unit in which it is then shown."""
    return (_MIB, "MiB") if unit == "bytes" else (1.0, unit)


def drawn(trends: Trends) -> Plot:
    """The chart as an element of a page, with its legend."""
    _, unit = magnitude(trends.shared.unit)
    subjects = ", ".join(series.subject for series in trends.series)
    return draw(
        chart(trends),
        name=f"trend-chart-{trends.number}",
        title=f"{trends.shared.metric} in {unit} of {subjects} "
        f"over {quantity(trends.bundles, 'bundle')}",
        description="The table below has the figures.",
    )


def chart(trends: Trends) -> TrendChart:
    """The figures of some series, in the unit in which they are shown."""
    divisor, unit = magnitude(trends.shared.unit)
    lines = (
        TrendLine(
            look=Look(series.subject, number),
            points=tuple(_point(series.subject, point, divisor) for point in series.points),
            levels=tuple(_levels(series, divisor)),
        )
        for number, series in enumerate(trends.series)
    )
    days = sorted({point.created for series in trends.series for point in series.points})
    ends = dict.fromkeys((days[0], days[-1]))
    ticks = tuple((day.timestamp(), f"{day:%Y-%m-%d}") for day in ends)
    return TrendChart(f"{trends.shared.metric}, {unit}", tuple(lines), ticks)


def _point(subject: str, point: Point, divisor: float) -> TrendPoint:
    return TrendPoint(
        at=point.created.timestamp(),
        value=point.value / divisor,
        low=None,
        high=None,
        said=f"{subject}, {point.created:%Y-%m-%d}",
        is_new_level=point.changed,
    )


def _levels(series: Series, divisor: float) -> Iterator[tuple[float, float, float]]:
    points: Sequence[Point] = series.points
    starts = [0, *(at for at, point in enumerate(points) if point.changed and at), len(points)]
    for start, end in pairwise(starts):
        level = median(point.value for point in points[start:end]) / divisor
        ends = points[start].created, points[end - 1].created
        yield ends[0].timestamp(), ends[1].timestamp(), level
