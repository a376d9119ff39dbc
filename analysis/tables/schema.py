"""What the schema by a tool of an ORM is, beside the lab's: a sentence, and every difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.tables.table import Cell, Row, Table, columns
from bundle.display import quantity

if TYPE_CHECKING:
    from bundle.documents.services import SchemaOutcome


def sentence(made: SchemaOutcome) -> str:
    """Whether it is the lab's schema, without a period."""
    counting = sum(not each.harmless for each in made.differences)
    said = f"equal to schema.sql but for {quantity(len(made.differences), 'harmless difference')}"
    if made.failure:
        said = f"none: {made.failure}"
    elif counting:
        said = f"not schema.sql, for {quantity(counting, 'difference')}"
    elif not made.differences:
        said = "equal to schema.sql"
    return f"schema by {made.tool}: {said}"


def differences(made: SchemaOutcome) -> Table:
    """A row for each difference; none where there is no schema, or an equal one."""
    named = columns("Differs", "Where", "schema.sql", made.tool, "Changes a measurement")
    rows = (
        Row(
            (
                each.kind,
                each.where,
                each.expected or "nothing",
                each.found or "nothing",
                "no" if each.harmless else Cell("it may", mark="bad"),
            )
        )
        for each in made.differences
    )
    return Table(f"Schema by {made.tool}", named, tuple(rows))
