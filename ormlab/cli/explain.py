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
from ormlab.cli.waterfall import waterfall

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bundle.documents.explanation import Explanation
    from ormlab.judging.explain import Explained


@click.command("explain")
@click.argument("bundles", type=options.PATH, nargs=-1, metavar="[BUNDLE]...")
@prints
def command(bundles: tuple[Path, ...]) -> Printout:
    """Say where the difference between two subjects comes from, by the trials of a BUNDLE.

    Without a BUNDLE the command takes the newest in bundles/ whose plan has an explanation. With
    several it puts their causes side by side.

    \b
    Examples:
      ormlab run explain && ormlab explain
      ormlab explain bundles/20261123T031500Z-1a2b3c4d
      ormlab explain bundles/20261123T031500Z-1a2b3c4d bundles/<another>
      ormlab explain --json | jq -r .explanation.conclusion
    """
    from ormlab.judging.explain import explain, newest

    explained = [explain(folder) for folder in bundles or (newest(checkout.BUNDLES),)]
    first, *others = [
        {"folder": str(each.folder), "explanation": plain(each.explanation)} for each in explained
    ]
    return Printout(
        schema="ormlab-explain/1",
        result={**first, "beside": others},
        text=lambda: _text(explained),
        failures=[each.problem for each in explained if each.problem],
    )


def _text(explained: Sequence[Explained]) -> str:
    texts = [explanation_text(each.explanation, each.folder) for each in explained]
    measured = [each for each in explained if each.explanation.cells]
    if len(measured) > 1:
        texts.append(side_by_side(measured))
    return "\n".join(texts)


def explanation_text(explanation: Explanation, bundle: Path) -> str:
    """The conclusion, and for each cell a waterfall, a table of causes and one of the subjects."""
    page = Page()
    page.line(explanation.conclusion)
    for cell in explanation.cells:
        page.line()
        page.line(f"{tables.title(cell)}: microseconds of one answer")
        page.line()
        for line in waterfall(explanation, cell):
            page.line(line)
        whole = tables.causes(explanation, cell, by_size=True)
        page.table(whole.without("req/s x", "Database CPU"))
        page.table(tables.way(cell))
    page.line("Time: of one answer, 1 / throughput, after the step less before it. Times add up to")
    page.line("the whole and ratios multiply to it; intervals do neither. Residual: what no step")
    page.line("switches. Alone: the same cause switched off with no other.")
    page.line()
    page.line(f"bundle: {bundle}")
    page.line(f"verify: ormlab verify {bundle}")
    return page.text()


def side_by_side(explained: Sequence[Explained]) -> str:
    """The causes of several bundles side by side, of the first cell of each."""
    stacks = [each.stack or each.explanation.bundle for each in explained]
    if len(set(stacks)) < len(stacks):
        stacks = [each.explanation.bundle for each in explained]
    page = Page()
    page.line(f"Side by side: {', '.join(stacks)}")
    page.table(
        tables.compared(
            [
                (stack, each.explanation, each.explanation.cells[0])
                for stack, each in zip(stacks, explained, strict=True)
            ]
        )
    )
    return page.text()
