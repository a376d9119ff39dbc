"""What a bundle says of a release against the one before it: figures, memory, SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bundle.documents.results import Cell, Comparison, OperationPair, Results


@dataclass(frozen=True)
class SqlChange:
    """An operation whose SQL is not what it was; means of a request, before and now."""

    operation: str
    statements: tuple[float, float]
    round_trips: tuple[float, float]


@dataclass(frozen=True)
class CellChanges:
    """One workload under one load."""

    workload: str
    load: str
    comparisons: tuple[Comparison, ...]  #: one by each metric, in the order of the metrics
    #: operations whose SQL differs; None if the bundle has not the SQL of both
    sql: tuple[SqlChange, ...] | None


def of(results: Results) -> tuple[CellChanges, ...]:
    """What the results of a comparison of two releases say, cell by cell."""
    return tuple(
        CellChanges(cell.workload, cell.load, tuple(cell.comparisons), _sql(cell))
        for cell in results.cells
    )


def _sql(cell: Cell) -> tuple[SqlChange, ...] | None:
    if not cell.work:
        return None
    return tuple(
        _changed(each) for pair in cell.work for each in pair.operations if each.sql == "different"
    )


def _changed(pair: OperationPair) -> SqlChange:
    before, now = pair.baseline, pair.candidate
    return SqlChange(
        pair.operation,
        (before.statements_per_request, now.statements_per_request),
        (before.round_trips_per_request, now.round_trips_per_request),
    )
