"""Of part 4: how load that switches between services measured, and what its rounds check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.report.blocks import Listing, Text
from analysis.tables import sliced as tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.report.blocks import Block
    from bundle.documents.results import Cell

_NOTE = (
    "All subjects of a block were alive together, and the load switched between them in slices. A "
    "ratio is that of all answers over the time of all slices. Its rounds, each of which visits "
    "every subject once, check it and make none: their middle tells whether few rounds decide the "
    "ratio; leaving out those in which steal or other programs took more CPU time than usual must "
    "not change the verdict; a slice that follows the candidate instead of the baseline should be "
    "none the faster for it. Rests say what a service used of a core while nobody asked it."
)


def blocks(cell: Cell) -> Iterator[Block]:
    """The table of its rounds with a note, and what could not be checked; nothing without rounds.

    Args:
        cell: of results.
    """
    table = tables.checks(cell)
    if not table.rows:
        return
    yield Text(_NOTE)
    yield table
    if lacking := tables.lacking(cell):
        yield Listing(tuple(f"{each}." for each in lacking))
