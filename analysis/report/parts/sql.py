"""Part 7: the SQL of one request, side by side, with its round trips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.report.blocks import Text, listed
from analysis.rounding import count
from analysis.tables import Cell, Column, Row, Table
from analysis.tables.work import sent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analysis.report.blocks import Block
    from analysis.report.material import Material
    from bundle.documents.services import Cost

_NONE = "This bundle has no record of the SQL that its subjects sent."
_NOTE = (
    "The statements come from the server's own log, in a pass outside the measured windows. A "
    "proxy between service and database counted the round trips. ORMs differ in their SQL: the "
    "report shows it, and it forbids nothing. Subjects that sent the same SQL share a column."
)


def blocks(material: Material) -> Iterator[Block]:
    """For each operation that the plan's workloads use, a column for each kind of SQL."""
    sql = material.work.sql
    names = [name for name in material.looks if name in sql]
    names += sorted(sql.keys() - set(names))
    if not names:
        yield Text(_NONE)
        return
    operations = dict.fromkeys(
        operation
        for workload in material.plan.workloads
        for name in names
        for operation in sql[name].mixes.get(workload, {})
    )
    yield Text(_NOTE)
    for operation in operations:
        costs = {name: sql[name].operations.get(operation) for name in names}
        yield _operation(operation, {name: cost for name, cost in costs.items() if cost})
    yield from listed("Answers", _answers(material))


def _operation(operation: str, by_subject: Mapping[str, Cost]) -> Table:
    groups: dict[str, list[str]] = {}
    for name, cost in by_subject.items():
        groups.setdefault(cost.digest, []).append(name)
    costs = [by_subject[names[0]] for names in groups.values()]
    rows = (
        Row(("Round trips per request", *(count(cost.round_trips_per_request) for cost in costs))),
        Row(("Statements per request", *(count(cost.statements_per_request) for cost in costs))),
        Row(("Rows per request", *(count(cost.rows_per_request) for cost in costs))),
        Row(("Statements in order", *(_statements(cost) for cost in costs))),
        Row(("Varies between requests", *("yes" if cost.varies else "no" for cost in costs))),
    )
    named = (Column("One request"), *(Column(", ".join(names)) for names in groups.values()))
    return Table(f"SQL of one {operation}", named, rows)


def _statements(cost: Cost) -> Cell:
    return Cell("\n".join(sent(cost.statements)), code=True)


def _answers(material: Material) -> Iterator[str]:
    """Whether compared subjects answered the same bytes, and where they did not."""
    seen = set()
    for cell in material.results.cells:
        for pair in cell.work:
            key = (pair.baseline, pair.candidate)
            if key in seen:
                continue
            seen.add(key)
            said = f"{pair.candidate} and {pair.baseline} gave {pair.answers} answers"
            yield ": ".join((said, *pair.differences[:1]))
