"""Tables and words as Markdown (CommonMark with tables); text is escaped, and never markup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bundle.display import visible

if TYPE_CHECKING:
    from analysis.tables.table import Row, Table

_SPECIAL = re.compile(r"[\\`*_\[\]|~#$]")
_SPACE = re.compile(r"[ \t\n]+")
_TICKS = re.compile(r"`+")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def table(source: Table) -> str:
    """The rows of a table, without its caption."""
    rows = [
        " | ".join(escaped(column.head) for column in source.columns),
        " | ".join("---:" if column.number else "---" for column in source.columns),
        *map(_row, source.rows),
    ]
    return "\n".join(f"| {row} |" for row in rows)


def _row(row: Row) -> str:
    return " | ".join(
        "<br>".join((span if cell.code else escaped)(line) for line in cell.lines)
        for cell in row.whole
    )


def escaped(text: str) -> str:
    """One line of plain text."""
    line = _SPECIAL.sub(r"\\\g<0>", _one_line(text))
    return "".join(_ENTITIES.get(char, char) for char in line)


def span(text: str) -> str:
    """One line of code, also inside a table."""
    line = _one_line(text)
    if not line:
        return ""
    ticks = "`" * (1 + longest_ticks(line))
    pad = " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{ticks}{pad}{line}{pad}{ticks}".replace("|", "\\|")


def longest_ticks(text: str) -> int:
    """How many backticks stand in a row at most."""
    return max((len(run) for run in _TICKS.findall(text)), default=0)


def _one_line(text: str) -> str:
    return visible(_SPACE.sub(" ", text).strip())
