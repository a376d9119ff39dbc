"""Text for people, made of lines and tables. What it is given is text, and never markup.

Every table of every command is drawn here. Its width is that of the terminal, or `PIPE` where
standard output is none; the variable ``COLUMNS`` sets another one. However narrow that is, no word
with a digit in it is broken and none is left out: a table that is too wide wraps its words, and one
that is wider still becomes a paragraph for each row.
"""

from __future__ import annotations

import re
import shutil
import sys
from typing import TYPE_CHECKING, Final, Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as Drawn

from bundle.display import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TextIO

    from analysis.tables import Cell, Column, Table

PIPE: Final = 150
"""Characters of a line where standard output is no terminal."""

_NARROWEST: Final = 20
_GAP: Final = 3  # characters between two columns
_EDGES: Final = 2  # characters at both ends of a line
_LONG: Final = 30  # characters; a longer word without a digit may go on in the next line
_INDENT: Final = "  "
_EMPTY: Final = re.compile(r"\n{3,}")


def width() -> int:
    """Characters of a line of standard output."""
    return max(shutil.get_terminal_size((PIPE, 0)).columns, _NARROWEST)


class Page:
    """Lines and tables in the order in which they are read."""

    def __init__(self) -> None:
        self._width = width()
        # It draws for the encoding of standard output, and prints nothing there.
        self._console = plain_console(sys.stdout, self._width)
        self._console.begin_capture()

    def line(self, text: str = "") -> None:
        """Add one line, however long; a line break inside it is shown as such."""
        self._console.print(visible(text), soft_wrap=True)

    def table(self, table: Table) -> None:
        """Add a table without its caption, if it has a row.

        Words wrap where it is too narrow. One that would have to break a figure becomes a paragraph
        for each row.
        """
        if not table.rows:
            return
        rows = [[_said(cell) for cell in row.whole] for row in table.rows]
        heads = [visible(column.head) for column in table.columns]
        widths = _widths(table.columns, [heads, *rows], self._width)
        if widths is None:
            self._paragraphs(table.columns, rows)
            return
        drawn = Drawn(box=box.SIMPLE, pad_edge=False)
        for column, head, width in zip(table.columns, heads, widths, strict=True):
            justify: Literal["right", "left"] = "right" if column.number else "left"
            drawn.add_column(head, justify=justify, overflow="fold", width=width)
        for row in rows:
            drawn.add_row(*row)
        self._console.print(drawn)

    def _paragraphs(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
        self.line()
        for name, *cells in rows:
            self.line(name)
            said = [
                f"{visible(column.name)}: {cell}{f' {column.unit}' if column.unit else ''}"
                for column, cell in zip(columns[1:], cells, strict=True)
                if cell
            ]
            for line in _packed([f"{each};" for each in said[:-1]] + said[-1:], self._width):
                self.line(line)
        self.line()

    def text(self) -> str:
        """The whole, once, without space at the ends of lines and with one empty line at a time."""
        lines = map(str.rstrip, self._console.end_capture().split("\n"))
        return _EMPTY.sub("\n\n", "\n".join(lines)).strip("\n")


def _said(cell: Cell) -> str:
    """The lines of a cell as one: what is said of the first stands in brackets."""
    first, *more = map(visible, cell.lines)
    return f"{first} ({'; '.join(more)})" if more else first


def _packed(parts: Iterable[str], width: int) -> Iterator[str]:
    """Indented lines of the parts: each part whole if it fits into a line, else word by word."""
    line, room = "", width - len(_INDENT)
    for part in parts:
        for piece in [part] if cell_len(part) <= room else part.split():
            longer = f"{line} {piece}" if line else piece
            if line and cell_len(longer) > room:
                yield _INDENT + line
                longer = piece
            line = longer
    if line:
        yield _INDENT + line


def _widths(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int
) -> list[int] | None:
    """The widths of columns that fit; None where a figure or a short word would be broken.

    The first row has the heads; ``width`` is that of the page, in characters.
    """
    room = width - _EDGES - _GAP * (len(columns) - 1)
    heads, below = rows[0], list(zip(*rows[1:], strict=True)) or [()] * len(columns)
    cells = [max(map(cell_len, column), default=0) for column in below]
    for wanted in (cell_len, _in_two_lines):
        whole = [max(wanted(head), longest) for head, longest in zip(heads, cells, strict=True)]
        if sum(whole) <= room:
            return whole
    words = [max(map(_word, column), default=0) for column in below]
    least = [
        max(_word(head), longest if column.number else word)
        for column, head, longest, word in zip(columns, heads, cells, words, strict=True)
    ]
    # What is left goes to the columns that lack most.
    for _ in range(room - sum(least)):
        at = max(range(len(least)), key=lambda at: whole[at] - least[at])
        least[at] += 1
    return least if sum(least) <= room else None


def _in_two_lines(text: str) -> int:
    """The width at which a text takes two lines at most."""
    words = text.split()
    halves = ((" ".join(words[:at]), " ".join(words[at:])) for at in range(len(words) + 1))
    return min((max(map(cell_len, both)) for both in halves), default=0)


def _word(text: str) -> int:
    """The length of the longest word, so far as it must not be broken."""
    words = ((cell_len(word), any(map(str.isdigit, word))) for word in text.split())
    return max((long if figure else min(_LONG, long) for long, figure in words), default=0)


def plain_console(
    file: TextIO, width: int | None = None, colours: Literal["auto"] | None = None
) -> Console:
    """A console that takes text as it is: no markup, no names of emoji, nothing highlighted."""
    return Console(
        file=file, width=width, color_system=colours, highlight=False, markup=False, emoji=False
    )
