"""The table of how the work of two subjects differs: SQL, round trips and rows of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.rounding import count
from analysis.tables.table import Column, Row, Table, numbers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bundle.documents.results import Costs, OperationPair, SideBySide
    from bundle.documents.services import Statement


def changed(work: SideBySide) -> Table:
    """A row for each operation that `differing` has; ``2 to 3`` where a count differs."""
    named = (Column("One request"), *numbers("Round trips", "Statements", "Rows"), Column("SQL"))
    rows = tuple(map(_row, differing(work)))
    return Table(f"The work of {work.baseline}, to that of {work.candidate}", named, rows)


def differing(work: SideBySide) -> list[OperationPair]:
    """The operations for which two subjects send other SQL, or cost the database something else."""
    return [
        pair
        for pair in work.operations
        if pair.sql == "different" or _counts(pair.baseline) != _counts(pair.candidate)
    ]


def sent(statements: Iterable[Statement]) -> list[str]:
    """A line for each statement of a request, with how often where that is not once."""
    return [f"{each.count:,} x " * (each.count != 1) + each.text for each in statements]


def _row(pair: OperationPair) -> Row:
    both = zip(_counts(pair.baseline), _counts(pair.candidate), strict=True)
    return Row((pair.operation, *(_moved(*counts) for counts in both), pair.sql))


def _counts(costs: Costs) -> tuple[float, float, float]:
    return costs.round_trips_per_request, costs.statements_per_request, costs.rows_per_request


def _moved(before: float, after: float) -> str:
    return count(before) if before == after else f"{count(before)} to {count(after)}"
