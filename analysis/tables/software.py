"""The table of what the subjects of a run were made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.rounding import UNKNOWN
from analysis.tables.table import Row, Table, columns

if TYPE_CHECKING:
    from bundle.documents.results import Results, Software


def software(results: Results) -> Table:
    """A row for each set of versions, with the subjects that were made of it."""
    subjects: dict[Software, list[str]] = {}
    for name, versions in results.software.items():
        subjects.setdefault(versions, []).append(name)
    rows = (
        Row(
            (
                ", ".join(names),
                *(
                    each or UNKNOWN
                    for each in (
                        versions.interpreter,
                        versions.orm,
                        versions.driver,
                        versions.framework,
                        versions.database,
                    )
                ),
            )
        )
        for versions, names in subjects.items()
    )
    named = columns("Made of", "Interpreter", "ORM", "Driver", "Framework", "Database")
    return Table("Versions", named, tuple(rows))
