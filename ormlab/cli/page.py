"""Text for people, made of lines and tables. What it is given is text, and never markup."""

from __future__ import annotations

import io
import shutil
import sys
from typing import TYPE_CHECKING, Final, Literal

from rich import box
from rich.console import Console
from rich.table import Table

from bundle.display import visible

if TYPE_CHECKING:
    from typing import TextIO

_WIDTH: Final = 150  # where standard output is no terminal
_CUT: Final = "\u2026"
_NARROWEST: Final = 60  # below it a table would lose its figures; the terminal wraps them instead


class Grid:
    """A table whose headers and cells are plain text of one line each."""

    def __init__(self, *, expand: bool = False) -> None:
        self.table = Table(box=box.SIMPLE, pad_edge=False, expand=expand)

    def column(
        self,
        name: str,
        *,
        right: bool = False,
        wrap: bool = True,
        fold: bool = False,
        width: int | None = None,
    ) -> None:
        """Add a column.

        Args:
            name: its header.
            right: set flush right, as numbers are.
            wrap: between words where it is too narrow.
            fold: also inside a word, rather than cut it.
            width: in characters; None for what it needs.
        """
        self.table.add_column(
            visible(name),
            justify="right" if right else "left",
            no_wrap=not wrap,
            overflow="fold" if fold else "ellipsis",
            width=width,
        )

    def row(self, *cells: str) -> None:
        """Add a row."""
        self.table.add_row(*map(visible, cells))

    def section(self) -> None:
        """Draw a line below the last row."""
        self.table.add_section()


class Page:
    """Lines and tables in the order in which they are read."""

    def __init__(self) -> None:
        self._out = _Out(sys.stdout)
        width = max(shutil.get_terminal_size((_WIDTH, 0)).columns, _NARROWEST)
        self._console = plain_console(self._out, width)

    def line(self, text: str = "") -> None:
        """Add one line, however long; a line break inside it is shown as such."""
        self._console.print(visible(text), soft_wrap=True)

    def grid(self, grid: Grid) -> None:
        """Add a table."""
        self._console.print(grid.table)

    def text(self) -> str:
        """The whole, without space at the ends of lines."""
        lines = (line.rstrip() for line in self._out.getvalue().rstrip("\n").split("\n"))
        text = "\n".join(lines)
        # rich marks so what it cuts off, whatever the stream can show.
        return text if _shows(self._out.encoding, _CUT) else text.replace(_CUT, "~")


def _shows(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def plain_console(
    file: TextIO, width: int | None = None, colours: Literal["auto"] | None = None
) -> Console:
    """A console that takes text as it is: no markup, no names of emoji, nothing highlighted."""
    return Console(
        file=file, width=width, color_system=colours, highlight=False, markup=False, emoji=False
    )


class _Out(io.StringIO):
    """Collects a page; its encoding is that of the stream which is going to show it."""

    def __init__(self, shown_on: TextIO | None) -> None:
        super().__init__()
        self._encoding = getattr(shown_on, "encoding", None) or "utf-8"

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding
