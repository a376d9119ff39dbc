"""A comparison of two bundles as text: the conclusion, the results, what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ormlab.cli.page import Grid, Page

if TYPE_CHECKING:
    from ormlab.judging.diff import Changed, Compared, Diff

_LONGEST = 60  # characters of a value
_MOST = 20  # changes of one area
_HELD = {"welch": "95 % interval", "prediction": "expected range"}


def diff_text(told: Diff) -> str:
    """Render it."""
    page = Page()
    page.line(told.conclusion)
    for number, bundle in enumerate(told.bundles, start=1):
        page.line(f"{number}: {bundle.id}, {bundle.status}")
    if told.relation.is_rerun:
        page.line("2 is a rerun of 1: it names its seal")
    if told.agreements:
        page.grid(_agreements(told.agreements))
    for grid in _changes(told.changes):
        page.grid(grid)
    return page.text()


def _agreements(agreements: list[Compared]) -> Grid:
    grid = Grid()
    numbers = ("1", "2", "2 / 1", _HELD[agreements[0].method])
    for name in ("ratio", "of", "on", *numbers, "verdict", "why"):
        grid.column(name, right=name in numbers)
    for each in agreements:
        held = "-" if each.low is None else f"{each.low:.3f} to {each.high:.3f}"
        grid.row(
            f"{each.candidate} / {each.baseline}",
            each.metric,
            f"{each.workload} under {each.load}",
            *(f"{run.ratio:.3f}" for run in each.runs),
            f"{each.ratio:.3f}",
            held,
            each.verdict,
            each.why,
        )
    return grid


def _changes(changes: list[Changed]) -> list[Grid]:
    grids = []
    for area in dict.fromkeys(each.area for each in changes):
        of_area = [each for each in changes if each.area == area]
        grid = Grid()
        for name in (f"{area}: {len(of_area)} changed", "1", "2"):
            grid.column(name, fold=True)
        for each in of_area[:_MOST]:
            grid.row(each.at, _short(each.before), _short(each.after))
        if len(of_area) > _MOST:
            grid.row(f"... and {len(of_area) - _MOST} more (--json has all)", "", "")
        grids.append(grid)
    return grids


def _short(value: object) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
