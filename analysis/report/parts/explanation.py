"""Part 6: where the difference comes from, one cause switched at a time."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING

from analysis.report.blocks import Code, Figure, Heading, Text
from analysis.report.charts import Bar, WaterfallChart
from analysis.tables import explanation as tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.report.blocks import Block
    from analysis.report.material import Material
    from bundle.documents.explanation import Effect, ExplainedCell, Explanation

_REST = ("Alone x", "Service CPU", "Database CPU", "Round trips")
_NONE = (
    "The plan of this run switches no cause, so the run shows a difference and not where it comes "
    "from. A plan that switches causes:"
)
_NOTE = (
    "Each step switches one cause, in the same blocks as all other trials. The ratios multiply to "
    "the whole and the CPU times add up to it; intervals do neither. The residual is what no step "
    "switches."
)


def blocks(material: Material) -> Iterator[Block]:
    """The waterfall of each workload and load; a pointer where the plan explains nothing."""
    explained = material.explanation
    if explained is None:
        yield Text(_NONE)
        yield Code("ormlab run explain && ormlab explain")
        return
    yield Text(explained.conclusion)
    yield Text(_NOTE)
    for number, cell in enumerate(explained.cells, start=1):
        yield from _cell(explained, cell, f"causes-{number}")


def _cell(explained: Explanation, cell: ExplainedCell, name: str) -> Iterator[Block]:
    title = tables.title(cell)
    yield Heading(title)
    steps = [(part.name, part.throughput) for part in cell.parts if part.throughput]
    whole = cell.total.throughput
    if whole is None or len(steps) < len(cell.parts):
        yield Text("No block holds every step, so nothing is explained here.")
        return
    told = tables.causes(explained, cell)
    way = f"From {explained.from_} to {explained.to}, one cause at a time"
    yield Figure(
        name=name,
        title=way,
        description="; ".join(f"{step} x {tables.effect(effect)}" for step, effect in steps) + ".",
        chart=WaterfallChart(tuple(_bars(steps, whole, f"{explained.to} / {explained.from_}"))),
        table=replace(told.without(*_REST), caption=way),
    )
    rest = told.without("req/s x (95 % interval)", "Share")
    yield replace(rest, caption="Each cause alone, and what it costs")


def _bars(steps: list[tuple[str, Effect]], whole: Effect, label: str) -> Iterator[Bar]:
    ends = accumulate((effect.ratio for _, effect in steps), lambda a, b: a * b)
    start = 1.0
    for (name, effect), end in zip(steps, ends, strict=True):
        low, high = (_scaled(side, start) for side in (effect.low, effect.high))
        yield Bar(name, start, end, low, high, whole=False)
        start = end
    yield Bar(label, 1.0, whole.ratio, whole.low, whole.high, whole=True)


def _scaled(ratio: float | None, start: float) -> float | None:
    return None if ratio is None else start * ratio
