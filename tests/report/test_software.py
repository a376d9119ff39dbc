"""The versions that the subjects of a run were made of."""

from __future__ import annotations

from analysis.tables.software import software
from bundle.documents.results import Software


def test_every_part_of_a_stack_stands_in_the_results_with_its_version(material):
    told = material.results.software
    assert told["tortoise"] == Software(
        interpreter="CPython 3.13.0",
        orm="tortoise-orm 1.1.9",
        driver="asyncpg 0.32.0",
        framework="aiohttp 3.14.5",
        database="PostgreSQL 16.11",
    )
    assert told["asyncpg"].orm == "none"
    assert set(told) == set(material.sealed.plan.subjects)


def test_the_table_has_one_row_for_the_subjects_that_are_alike(material):
    table = software(material.results)
    rows = {row.cells[0]: row.cells[1:] for row in table.rows}
    assert len(rows) == 2
    assert all("CPython 3.13.0" in cells and "PostgreSQL 16.11" in cells for cells in rows.values())
