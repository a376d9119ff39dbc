"""Part 6: the SQL of one request, side by side, with its round trips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.report.blocks import Cell, Column, Heading, Listing, Row, Table, Text
from analysis.rounding import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analysis.report.blocks import Block
    from analysis.report.material import Material

_NONE = "This bundle holds no record of the SQL that its subjects sent."
_NOTE = (
    "Read from the server's own log in a pass outside the measured windows; round trips were "
    "counted by a proxy between service and database. Different SQL is what makes an ORM: it is "
    "shown, and forbids nothing. Subjects that sent the same stand together."
)
_COSTS = (
    ("Round trips per request", "round_trips_per_request"),
    ("Statements per request", "statements_per_request"),
    ("Rows per request", "rows_per_request"),
)


def blocks(material: Material) -> tuple[Block, ...]:
    """For each operation that the plan's workloads use, a column for each kind of SQL."""
    sent = material.work.sql
    names = [name for name in material.looks if name in sent]
    names += sorted(sent.keys() - set(names))
    if not names:
        return (Text(_NONE),)
    operations = dict.fromkeys(
        operation
        for workload in material.plan["workloads"]
        for name in names
        for operation in sent[name]["mixes"].get(workload, {})
    )
    made: list[Block] = [Text(_NOTE)]
    for operation in operations:
        made += _operation(operation, {n: sent[n]["operations"].get(operation) for n in names})
    if answers := tuple(_answers(material)):
        made += [Heading("Answers"), Listing(answers)]
    return tuple(made)


def _operation(
    operation: str, by_subject: Mapping[str, Mapping[str, Any] | None]
) -> Iterator[Block]:
    groups: dict[str, list[str]] = {}
    for name, cost in by_subject.items():
        if cost is not None:
            groups.setdefault(cost["digest"], []).append(name)
    costs = [_first(by_subject, names) for names in groups.values()]
    rows = [
        Row((label, *(Cell(f"{cost[key]:g}" if _known(cost, key) else UNKNOWN) for cost in costs)))
        for label, key in _COSTS
    ]
    rows.append(Row(("Statements in order", *(Cell(_statements(c), code=True) for c in costs))))
    varies = ["yes" if cost["varies"] else "no" for cost in costs]
    rows.append(Row(("Varies between requests", *varies)))
    named = (Column("One request"), *(Column(", ".join(names)) for names in groups.values()))
    yield Table(f"SQL of one {operation}", named, tuple(rows))


def _first(
    by_subject: Mapping[str, Mapping[str, Any] | None], names: list[str]
) -> Mapping[str, Any]:
    cost = by_subject[names[0]]
    return {} if cost is None else cost


def _known(cost: Mapping[str, Any], key: str) -> bool:
    return cost.get(key) is not None


def _statements(cost: Mapping[str, Any]) -> str:
    """One statement a line; how often where it is sent more than once."""
    lines = []
    for statement in cost["statements"]:
        times = f"{statement['count']:g} x " if statement["count"] != 1 else ""
        lines.append(times + statement["text"])
    return "\n".join(lines)


def _answers(material: Material) -> Iterator[str]:
    """Whether compared subjects answered the same bytes, and where they did not."""
    seen = set()
    for cell in material.results["cells"]:
        for pair in cell["work"]:
            key = (pair["baseline"], pair["candidate"])
            if key in seen:
                continue
            seen.add(key)
            said = f"{pair['candidate']} and {pair['baseline']} gave {pair['answers']} answers"
            yield ": ".join((said, *pair["differences"][:1]))
