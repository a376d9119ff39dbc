"""An explanation as text: the largest cause first, then the causes by size, then the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.tables import explanation as tables
from ormlab.cli.page import Page

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.documents.explanation import Explanation


def explanation_text(explanation: Explanation, bundle: Path) -> str:
    """The conclusion, and for each cell a table of causes and one of the way's subjects."""
    page = Page()
    page.line(explanation.conclusion)
    for cell in explanation.cells:
        page.line()
        page.line(tables.title(cell))
        page.table(tables.causes(explanation, cell, by_size=True))
        page.table(tables.way(cell))
    page.line("The ratios multiply to the whole and the CPU times add up to it; intervals do")
    page.line("neither. CPU us/req: what the cause adds to (or takes from) one request.")
    page.line()
    page.line(f"bundle: {bundle}")
    page.line(f"verify: ormlab verify {bundle}")
    return page.text()
