"""The tables of an explanation: the causes of a difference, and the subjects on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.rounding import UNKNOWN, count, figure, percent, with_interval
from analysis.tables.table import Column, Row, Table, numbers

if TYPE_CHECKING:
    from bundle.documents.explanation import (
        Cause,
        Difference,
        Effect,
        ExplainedCell,
        Explanation,
        Stop,
    )

_CPU = numbers("Service CPU", "Database CPU", unit="us/req")


def title(cell: ExplainedCell) -> str:
    """``read-one under wrk, 12 whole blocks``, and how many are left out."""
    words = f"{cell.workload} under {cell.load}, {cell.blocks} whole blocks"
    if cell.dropped:
        words += f", {len(cell.dropped)} that lack a trial are left out"
    return words


def causes(explanation: Explanation, cell: ExplainedCell, *, by_size: bool = False) -> Table:
    """What each cause contributes, in the order of the way or by size, then the whole."""
    parts = list(cell.parts)
    if by_size:  # the residual has no rank: it stands below every step
        parts.sort(key=lambda part: part.rank or len(parts))
    named = (
        Column("Cause"),
        *numbers("req/s x (95 % interval)", "Share", "Alone x"),
        *_CPU,
        *numbers("Round trips"),
    )
    whole = Row(
        (
            f"whole\n{explanation.from_} to {explanation.to}",
            effect(cell.total.throughput),
            "",
            "",
            _added(cell.total.cpu_service),
            _added(cell.total.cpu_database),
            "",
        )
    )
    return Table(title(cell), named, (*(_cause(part, cell) for part in parts), whole))


def _cause(part: Cause, cell: ExplainedCell) -> Row:
    trips = cell.round_trips(part)
    return Row(
        (
            f"{part.name}\n{part.what}",
            effect(part.throughput),
            percent(part.share),
            effect(part.alone),
            _added(part.cpu_service),
            _added(part.cpu_database),
            " to ".join(map(count, trips)) if trips else UNKNOWN,
        )
    )


def effect(ratio: Effect | None) -> str:
    """A ratio with its interval."""
    return with_interval(ratio.ratio, ratio.low, ratio.high) if ratio else UNKNOWN


def _added(difference: Difference | None) -> str:
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
