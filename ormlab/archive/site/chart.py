"""What the chart of a trend shows; `analysis.report` draws it, as it draws those of a report."""

from __future__ import annotations

import os
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from analysis.report.charts import Look, TrendChart, TrendLine
from analysis.report.svg import embed
from ormlab.base import checkout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ormlab.archive.query import Point, Series
    from ormlab.archive.site.gather import Trends

_MIB: Final = 2**20

# matplotlib keeps a list of fonts; like everything of the lab it stays inside the checkout.
os.environ["MPLCONFIGDIR"] = str(checkout.STATE / "matplotlib")


def magnitude(unit: str) -> tuple[float, str]:
    """By what a value of a unit is divided, and the unit in which it is then shown."""
    return (_MIB, "MiB") if unit == "bytes" else (1.0, unit)


def drawn(trends: Trends) -> Markup:
    """The chart as an element of a page."""
    from analysis.report.drawing import draw  # noqa: PLC0415 - half a second that only this needs

    name = f"trend-{trends.number}"
    _, unit = magnitude(trends.shared.unit)
    subjects = ", ".join(series.subject for series in trends.series)
    element = embed(
        draw(chart(trends), name),
        name=name,
        title=f"{trends.shared.metric} in {unit} of {subjects} over {trends.bundles} bundles",
        description="The table below has the figures.",
    )
    return Markup(element)  # noqa: S704 - serialised as XML, with all text escaped


def chart(trends: Trends) -> TrendChart:
    """The figures of some series, in the unit in which they are shown."""
    divisor, unit = magnitude(trends.shared.unit)
    lines = (
        TrendLine(
            look=Look(series.subject, number),
            points=tuple(_place(point, divisor) for point in series.points),
            changes=tuple(_place(point, divisor) for point in series.points if point.changed),
            levels=tuple(_levels(series, divisor)),
        )
        for number, series in enumerate(trends.series)
    )
    return TrendChart(f"{trends.shared.metric}, {unit}", tuple(lines))


def _place(point: Point, divisor: float) -> tuple[float, float]:
    return point.created.timestamp(), point.value / divisor


def _levels(series: Series, divisor: float) -> Iterator[tuple[float, float, float]]:
    points: Sequence[Point] = series.points
    starts = [0, *(at for at, point in enumerate(points) if point.changed and at), len(points)]
    for start, end in pairwise(starts):
        level = median(point.value for point in points[start:end]) / divisor
        ends = points[start].created, points[end - 1].created
        yield ends[0].timestamp(), ends[1].timestamp(), level
