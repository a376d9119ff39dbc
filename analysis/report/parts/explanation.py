"""Part 5: where the difference comes from, one cause switched at a time."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

from analysis.report.blocks import Code, Figure, Heading, Row, Table, Text, columns
from analysis.report.charts import Bar, WaterfallChart
from analysis.rounding import UNKNOWN, figure, percent, with_interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from analysis.report.blocks import Block
    from analysis.report.material import Material

_NONE = (
    "The plan of this run switches no cause, so it shows that there is a difference and not where "
    "it comes from. One that does:"
)
_NOTE = (
    "Each step switches one cause, in the same blocks as everything else. The ratios multiply to "
    "the whole and the CPU times add up to it; intervals do neither. The residual is what no step "
    "switches."
)


def blocks(material: Material) -> tuple[Block, ...]:
    """The waterfall of each workload and load; a pointer where the plan explains nothing."""
    told = material.explanation
    if told is None:
        return (Text(_NONE), Code("ormlab run explain && ormlab explain"))
    made: list[Block] = [Text(str(told["conclusion"])), Text(_NOTE)]
    for number, cell in enumerate(told["cells"], start=1):
        made += _cell(told, cell, f"causes-{number}")
    return tuple(made)


def _cell(told: Mapping[str, Any], cell: Mapping[str, Any], name: str) -> Iterator[Block]:
    title = f"{cell['workload']} under {cell['load']}, {cell['blocks']} whole blocks"
    yield Heading(title)
    effects = [part["throughput"] for part in cell["parts"]]
    whole = cell["total"]["throughput"]
    if whole is None or any(effect is None for effect in effects):
        yield Text("No block holds every step, so nothing is explained here.")
        return
    bars = tuple(_bars(told, cell, whole))
    yield Figure(
        name=name,
        title=f"From {told['from']} to {told['to']}: {title}",
        description="; ".join(_said(part) for part in cell["parts"]) + ".",
        chart=WaterfallChart(bars),
        table=_table(told, cell, title),
    )


def _bars(
    told: Mapping[str, Any], cell: Mapping[str, Any], whole: Mapping[str, Any]
) -> Iterator[Bar]:
    parts: Sequence[Mapping[str, Any]] = cell["parts"]
    ends = accumulate((part["throughput"]["ratio"] for part in parts), lambda a, b: a * b)
    start = 1.0
    for part, end in zip(parts, ends, strict=True):
        low, high = (_scaled(part["throughput"][side], start) for side in ("low", "high"))
        yield Bar(part["name"], start, end, low, high, whole=False)
        start = end
    label = f"{told['to']} / {told['from']}"
    yield Bar(label, 1.0, whole["ratio"], whole["low"], whole["high"], whole=True)


def _scaled(ratio: float | None, start: float) -> float | None:
    return None if ratio is None else start * ratio


def _said(part: Mapping[str, Any]) -> str:
    effect = part["throughput"]
    return f"{part['name']} x {with_interval(effect['ratio'], effect['low'], effect['high'])}"


def _table(told: Mapping[str, Any], cell: Mapping[str, Any], title: str) -> Table:
    rows = [
        Row(
            (
                f"{part['name']}\n{part['what']}",
                _effect(part["throughput"]),
                percent(part["share"]),
                _effect(part["alone"]),
                *_costs(part, cell),
            )
        )
        for part in cell["parts"]
    ]
    whole = cell["total"]
    rows.append(
        Row(
            (
                f"whole\n{told['from']} to {told['to']}",
                _effect(whole["throughput"]),
                "",
                "",
                _added(whole["cpu_service"]),
                _added(whole["cpu_database"]),
                "",
            )
        )
    )
    numbers = (
        "req/s x (95 % interval)",
        "Share",
        "Alone x",
        "CPU us/request: service",
        "database",
        "Round trips",
    )
    return Table(title, columns("Cause", *numbers, numbers=numbers), tuple(rows))


def _costs(part: Mapping[str, Any], cell: Mapping[str, Any]) -> tuple[str, str, str]:
    ends = [cell["subjects"].get(part[end], {}).get("round_trips") for end in ("before", "after")]
    trips = UNKNOWN if None in ends else " to ".join(f"{each:g}" for each in ends)
    return _added(part["cpu_service"]), _added(part["cpu_database"]), trips


def _effect(effect: Mapping[str, Any] | None) -> str:
    if effect is None:
        return UNKNOWN
    return with_interval(effect["ratio"], effect["low"], effect["high"])


def _added(told: Mapping[str, Any] | None) -> str:
    if told is None:
        return UNKNOWN
    sign = "+" if told["mean"] > 0 else ""
    if told["low"] is None:
        return sign + figure(told["mean"])
    return sign + with_interval(told["mean"], told["low"], told["high"])
