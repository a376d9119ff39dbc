"""``ormlab explain``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from analysis.tables import explanation as tables
from bundle.codec import plain
from ormlab.base import checkout
from ormlab.cli import options
from ormlab.cli.output import Printout, prints
from ormlab.cli.page import Page

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.documents.explanation import Explanation


@click.command("explain")
@click.argument("bundle", type=options.PATH, required=False)
@prints
def command(bundle: Path | None) -> Printout:
    """Say where the difference between two subjects comes from, by the trials of a BUNDLE.

    Without a BUNDLE the command takes the newest in bundles/ whose plan has an explanation.

    \b
    Examples:
      ormlab run explain && ormlab explain
      ormlab explain bundles/20261123T031500Z-1a2b3c4d
      ormlab explain --json | jq -r .explanation.conclusion
    """
    from ormlab.judging.explain import explain, newest

    folder = bundle or newest(checkout.BUNDLES)
    explanation, problem = explain(folder)
    return Printout(
        schema="ormlab-explain/1",
        result={"folder": str(folder), "explanation": plain(explanation)},
        text=lambda: explanation_text(explanation, folder),
        failures=[problem] if problem else [],
    )


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
