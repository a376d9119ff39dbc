"""Tables on a terminal: words wrap, and no digit is lost however narrow it is."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from analysis.tables import Column, Row, Table
from ormlab.cli.page import Page

NUMBERS = st.integers(0, 10**12).map("{:,}".format) | st.floats(0, 1e6).map("{:,.3f}".format)
WORDS = st.text("abcdefghij-", min_size=1, max_size=12) | st.text(
    "表は幅 ab", min_size=1, max_size=60
)
NAMES = ("req/s", "p50", "p99", "Errors", "Service CPU", "Found 9 times in 10")


def shown(table, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    page = Page()
    page.table(table)
    return page.text()


@st.composite
def tables(draw):
    count = draw(st.integers(1, len(NAMES)))
    named = (Column("Subject"), *(Column(name, "ms", number=True) for name in NAMES[:count]))
    rows = [
        Row((draw(WORDS), *(draw(NUMBERS) for _ in range(count))))
        for _ in range(draw(st.integers(1, 4)))
    ]
    return Table("Figures", named, tuple(rows))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=tables(), columns=st.integers(1, 200))
def test_every_figure_stands_whole_on_a_terminal_of_any_width(table, columns, monkeypatch):
    text = shown(table, columns, monkeypatch)
    said = text.replace(";", "").split()
    for row in table.rows:
        for figure in row.cells[1:]:
            assert figure in said, figure
    drawn = [line for line in text.splitlines() if line.startswith(" ") and len(line.split()) > 1]
    assert [line for line in drawn if cell_len(line) > max(columns, 20)] == []


FIGURES = Table(
    "Figures",
    (Column("Subject"), Column("req/s", number=True), Column("p50", "ms", number=True)),
    (Row(("tortoise", "12,345", "1.5")), Row(("asyncpg", "23,456", "0.7"))),
)


def test_a_table_that_fits_is_one():
    page = Page()
    page.table(FIGURES)
    assert [line.split() for line in page.text().splitlines() if "," in line] == [
        ["tortoise", "12,345", "1.5"],
        ["asyncpg", "23,456", "0.7"],
    ]


def test_one_that_does_not_fit_becomes_a_paragraph_for_each_row(monkeypatch):
    assert shown(FIGURES, 20, monkeypatch).splitlines() == [
        "tortoise",
        "  req/s: 12,345;",
        "  p50: 1.5 ms",
        "asyncpg",
        "  req/s: 23,456;",
        "  p50: 0.7 ms",
    ]


@pytest.mark.parametrize("columns", [20, 200])
def test_more_about_a_cell_stands_in_brackets(columns, monkeypatch):
    table = Table("Of", (Column("Ratio"), Column("Of")), (Row(("b / a", "p50\nlower is better")),))
    said = " ".join(shown(table, columns, monkeypatch).split())
    assert "p50 (lower is better)" in said
