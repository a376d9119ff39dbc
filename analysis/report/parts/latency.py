"""Part 5: latency by quantile, as response and service times, closed and open loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import generators
from analysis.report import trials
from analysis.report.blocks import Figure, Heading, Text
from analysis.report.charts import Curve, LatencyChart
from analysis.report.trials import LADDER, RESPONSE, SERVICE
from analysis.report.trials import named as named_of
from analysis.rounding import UNKNOWN, with_interval
from analysis.tables import Column, Row, Table
from analysis.tables.table import numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.report.blocks import Block
    from analysis.report.charts import Step
    from analysis.report.material import Material
    from bundle.documents.results import Cell

_NOTE = (
    "A line is the median of a subject's trials at each quantile. Its shade reaches from the "
    "lowest to the highest trial; the tables have these two in brackets. A quantile q is shown "
    "only where every trial has at least 10 / (1 - q) samples."
)
_CLOSED = (
    "In a closed loop each connection waits for its answer before it sends the next request, so a "
    "stall hides the requests that were not sent meanwhile. These are service times, not the times "
    "that users of a service wait."
)
_OPEN = (
    "In an open loop requests are due at instants drawn before the trial. Response time counts "
    "from that instant, service time from when the request was sent. Where the two differ, "
    "requests queued."
)
_QUEUED = (
    "This client starts its clock before a request waits for one of the client's connections, so "
    "most of this time is the client's own queue."
)
_NO_OPEN = "This run has no open loop, so it does not show response times at a given rate."


def blocks(material: Material) -> Iterator[Block]:
    """For each workload and load the quantiles, on one scale for all loads of a workload."""
    cells = [
        (number, cell, curves)
        for number, cell in enumerate(material.results.cells, start=1)
        if (curves := list(_curves(material, cell)))
    ]
    if not cells:
        yield Text("No trial has enough samples for a quantile of its latency.")
        return
    yield Text(_NOTE)
    for number, cell, curves in cells:
        steps = [
            step
            for _, other, beside in cells
            if other.workload == cell.workload
            for curve in beside
            for step in curve.steps
        ]
        yield from _cell(cell, _chart(curves, steps), f"latency-{number}")
    if not any(curve.response for _, _, curves in cells for curve in curves):
        yield Text(_NO_OPEN)


def _cell(cell: Cell, chart: LatencyChart, name: str) -> Iterator[Block]:
    yield Heading(cell.title)
    yield Text({generators.OPEN: _OPEN, generators.CLOSED: _CLOSED}.get(cell.latency_kind, _QUEUED))
    yield Figure(
        name=name,
        title=f"Latency by quantile: {cell.workload} under {cell.load}",
        description=_described(chart.curves),
        chart=chart,
        table=_table(cell.title, chart.curves),
    )


def _curves(material: Material, cell: Cell) -> Iterator[Curve]:
    by_subject = trials.of_cell(material.shown, cell.workload, cell.load)
    for subject, look in material.looks.items():
        for kind in (RESPONSE, SERVICE):
            steps = trials.steps(by_subject.get(subject, ()), kind)
            if steps:
                yield Curve(look, kind == RESPONSE, steps)


def _chart(curves: Sequence[Curve], steps: Sequence[Step]) -> LatencyChart:
    """A chart on the scale of all steps of its workload."""
    limits = min(step.lowest for step in steps) * 0.8, max(step.highest for step in steps) * 1.25
    return LatencyChart(tuple(curves), limits, max(step.quantile for step in steps))


def _described(curves: Sequence[Curve]) -> str:
    said = []
    for curve in curves:
        kind = "response" if curve.response else "service"
        first, last = curve.steps[0], curve.steps[-1]
        said.append(
            f"{curve.look.name}, {kind} time: {_ms(first)} ms at {named_of(first.quantile)}, "
            f"{_ms(last)} ms at {named_of(last.quantile)}"
        )
    return "; ".join(said) + "."


def _ms(step: Step) -> str:
    """The median of the trials, and between which of them it lies."""
    return with_interval(step.median, step.lowest, step.highest)


def _table(title: str, curves: Sequence[Curve]) -> Table:
    """A row for each subject and kind of time, as many quantiles as any of them has."""
    by_quantile = [{step.quantile: step for step in curve.steps} for curve in curves]
    quantiles = [each for each in LADDER if any(each in steps for steps in by_quantile)]
    both = len({curve.response for curve in curves}) > 1
    rows = []
    for curve, steps in zip(curves, by_quantile, strict=True):
        kind = f"\n{'response' if curve.response else 'service'} time" if both else ""
        figures = (_ms(steps[each]) if each in steps else UNKNOWN for each in quantiles)
        rows.append(Row((f"{curve.look.name}{kind}", *figures)))
    caption = f"Quantiles in ms, median of the trials (lowest to highest): {title}"
    named = (Column("Subject"), *numbers(*map(named_of, quantiles)))
    return Table(caption, named, tuple(rows))
