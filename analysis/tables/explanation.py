"""The tables of an explanation: the causes of a difference, and the subjects on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.rounding import (
    UNKNOWN,
    count,
    figure,
    percent_interval,
    ratio_with_interval,
    with_interval,
)
from analysis.tables.table import Column, Row, Table, numbers
from bundle.display import quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bundle.documents.explanation import (
        Cause,
        Difference,
        Effect,
        ExplainedCell,
        Explanation,
        Stop,
    )

_CPU = numbers("Service CPU", "Database CPU", unit="us/req")
_TIME = ("Time", "us/req")


def title(cell: ExplainedCell) -> str:
    """``read-one under wrk, 12 whole blocks``, and how many are left out."""
    words = f"{cell.workload} under {cell.load}, {quantity(cell.blocks, 'whole block')}"
    if cell.dropped:
        left = quantity(len(cell.dropped), "that lacks a trial is", "that lack a trial are")
        words += f", {left} left out"
    return words


def causes(explanation: Explanation, cell: ExplainedCell, *, by_size: bool = False) -> Table:
    """What each cause contributes, in the order of the way or by size, then the whole."""
    named = (
        Column("Cause"),
        Column(*_TIME, number=True),
        *numbers("Share"),
        *numbers("Alone", unit="us/req"),
        *numbers("req/s x"),
        *_CPU,
        *numbers("Round trips"),
    )
    total = cell.total
    whole = Row(
        (
            f"whole\n{explanation.from_} to {explanation.to}",
            added(total.time),
            "",
            "",
            effect(total.throughput),
            added(total.cpu_service),
            added(total.cpu_database),
            "",
        )
    )
    parts = sized(cell) if by_size else cell.parts
    return Table(title(cell), named, (*(_cause(part, cell) for part in parts), whole))


def sized(cell: ExplainedCell) -> list[Cause]:
    """The causes by size; the residual has no rank and stands below every step."""
    return sorted(cell.parts, key=lambda part: part.rank or len(cell.parts))


def compared(explained: Sequence[tuple[str, Explanation, ExplainedCell]]) -> Table:
    """The causes of several explanations side by side, by their size in the first.

    Args:
        explained: each with a name that tells it from the others, and one of its cells.
    """
    _, _, first = explained[0]
    known = [{part.name: part for part in cell.parts} for _, _, cell in explained]
    names = [part.name for part in sized(first)]
    names += sorted({name for parts in known for name in parts}.difference(names))
    named = [Column("Cause")]
    for name, _, _ in explained:
        named += [Column(f"{name}: time", "us/req", number=True), *numbers("Share")]
    rows = [_beside(name, [parts.get(name) for parts in known]) for name in names]
    wholes = [(added(cell.total.time), "") for _, _, cell in explained]
    ratios = [(effect(cell.total.throughput), "") for _, _, cell in explained]
    ends = f"{explained[0][1].from_} to {explained[0][1].to}"
    rows += [
        Row((f"whole\n{ends}", *(cell for pair in wholes for cell in pair))),
        Row((f"whole, req/s x\n{ends}", *(cell for pair in ratios for cell in pair))),
    ]
    return Table("The causes side by side", tuple(named), tuple(rows))


def _beside(name: str, parts: Sequence[Cause | None]) -> Row:
    what = next(part.what for part in parts if part)
    cells = [(added(part.time), share(part)) if part else (UNKNOWN, UNKNOWN) for part in parts]
    return Row((f"{name}\n{what}", *(cell for pair in cells for cell in pair)))


def _cause(part: Cause, cell: ExplainedCell) -> Row:
    trips = cell.round_trips(part)
    return Row(
        (
            f"{part.name}\n{part.what}",
            added(part.time),
            share(part),
            added(part.alone_time),
            effect(part.throughput),
            added(part.cpu_service),
            added(part.cpu_database),
            " to ".join(map(count, trips)) if trips else UNKNOWN,
        )
    )


def share(part: Cause) -> str:
    """Its share of the whole way's time, with the interval."""
    if part.share is None:
        return UNKNOWN
    return percent_interval(part.share.value, part.share.low, part.share.high)


def effect(ratio: Effect | None) -> str:
    """A ratio with its interval."""
    return ratio_with_interval(ratio.ratio, ratio.low, ratio.high) if ratio else UNKNOWN


def added(difference: Difference | None) -> str:
    """What is more, or with a minus less, after a step than before it, with the interval."""
    if difference is None:
        return UNKNOWN
    sign = "+" if difference.mean > 0 else ""
    return sign + with_interval(difference.mean, difference.low, difference.high)


def way(cell: ExplainedCell) -> Table:
    """The subjects in the order of the way; below them, in brackets, those with one cause alone."""
    named = (
        Column("On the way"),
        *numbers("req/s"),
        *_CPU,
        *numbers("Round trips", "Statements", unit="/req"),
        *numbers("Trials"),
    )
    on_it = [cell.parts[0].before, *(part.after for part in cell.parts)]
    rest = [name for name in cell.subjects if name not in on_it]
    rows = (
        *(_stop(name, cell.subjects.get(name)) for name in on_it),
        *(_stop(f"({name})", cell.subjects[name]) for name in rest),
    )
    return Table(f"Subjects on the way: {title(cell)}", named, rows)


def _stop(name: str, stop: Stop | None) -> Row:
    if stop is None:
        return Row((name, *[UNKNOWN] * 5, "0"))
    return Row(
        (
            name,
            figure(stop.throughput),
            figure(stop.cpu_service),
            figure(stop.cpu_database),
            count(stop.round_trips),
            count(stop.statements),
            str(stop.trials),
        )
    )
