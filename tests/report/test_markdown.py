from __future__ import annotations

from markdown_it import MarkdownIt

from analysis import report
from analysis.report.blocks import Figure
from analysis.tables import Table
from tests.report.test_html import EVIL, NAMES, evil


def tokens(text):
    """What a reader of CommonMark with tables makes of it, inner tokens included."""
    found = MarkdownIt("commonmark").enable("table").parse(text)
    return [*found, *(child for token in found for child in token.children or ())]


def test_the_parts_and_tables_are_those_of_the_page(made):
    text = report.markdown(made)
    found = tokens(text)
    assert sum(token.type == "heading_open" and token.tag == "h2" for token in found) == len(NAMES)
    tables = [each for part in made.parts for each in part.blocks if isinstance(each, Table)]
    charts = [each for part in made.parts for each in part.blocks if isinstance(each, Figure)]
    assert sum(token.type == "table_open" for token in found) == len(tables) + len(charts)
    cells = sum(len(row.cells) for table in tables for row in table.rows)
    cells += sum(len(row.cells) for figure in charts for row in figure.table.rows)
    assert sum(token.type == "td_open" for token in found) == cells


def test_it_is_the_same_each_time(made):
    assert report.markdown(made) == report.markdown(made)


def test_whatever_a_bundle_holds_is_text():
    found = tokens(report.markdown(evil()))
    kinds = {token.type for token in found}
    assert not kinds & {"html_block", "link_open", "image", "em_open"}
    breaks = {token.content for token in found if token.type == "html_inline"}
    assert breaks == {"<br>"}
    said = EVIL.replace("\x00", r"\x00").replace("\x1b", r"\x1b")
    headings = [found[at + 1] for at, token in enumerate(found) if token.type == "heading_open"]
    for heading in headings:
        assert "".join(child.content for child in heading.children).endswith(said)
    assert sum(token.type == "table_open" for token in found) == 3
    assert sum(token.type == "td_open" for token in found) == 12
