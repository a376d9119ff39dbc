"""A table before it is text, HTML or Markdown.

Cells are formatted already, by ``analysis.rounding`` where they are figures, and plain text: each
rendering escapes them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Column:
    """A column; its unit is empty where its numbers have none, or stand in several.

    Cells that hold a ``number`` are set flush right and never broken.
    """

    name: str
    unit: str = ""
    number: bool = False

    @property
    def head(self) -> str:
        """Name and unit, as they stand above the column."""
        return f"{self.name} {self.unit}" if self.unit else self.name


@dataclass(frozen=True)
class Cell:
    """One cell: its text, whose lines after the first say more about it."""

    text: str
    code: bool = False  #: the text is SQL, a digest or a name
    mark: str = ""  #: good, bad, open or none: how the cell is set off, beside what it says

    @property
    def lines(self) -> list[str]:
        """The lines of its text."""
        return self.text.split("\n")


@dataclass(frozen=True)
class Row:
    """A row; its first cell names it, its anchor is what a link may point at.

    Without an anchor of its own it may point at that of another row, its ``target``.
    """

    cells: tuple[str | Cell, ...]
    anchor: str = ""
    target: str = ""

    @property
    def whole(self) -> tuple[Cell, ...]:
        """Its cells, those of plain text as `Cell` too."""
        return tuple(each if isinstance(each, Cell) else Cell(each) for each in self.cells)


@dataclass(frozen=True)
class Table:
    """A table; each row has as many cells as there are columns.

    A page shows only the caption of a ``folded`` one until someone asks for the rest.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    folded: bool = False

    def without(self, *names: str) -> Table:
        """The table without some of its columns."""
        kept = [at for at, column in enumerate(self.columns) if column.name not in names]
        rows = [replace(row, cells=tuple(row.cells[at] for at in kept)) for row in self.rows]
        return replace(self, columns=tuple(self.columns[at] for at in kept), rows=tuple(rows))


def numbers(*names: str, unit: str = "") -> tuple[Column, ...]:
    """Columns of numbers, all in one unit."""
    return tuple(Column(name, unit, number=True) for name in names)


def columns(*names: str, numbers: Iterable[str] = ()) -> tuple[Column, ...]:
    """Columns without units by name; those in ``numbers`` hold numbers."""
    numeric = set(numbers)
    return tuple(Column(name, number=name in numeric) for name in names)
