"""A report as Markdown (CommonMark with tables): the same parts, the tables in place of charts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from analysis.report.blocks import Cell, Code, Facts, Figure, Heading, Listing, Table, Text
from bundle.display import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.report.blocks import Block, Report, Row

_SPECIAL = re.compile(r"[\\`*_\[\]|~#$]")
_SPACE = re.compile(r"[ \t\n]+")
_TICKS = re.compile(r"`+")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def markdown(report: Report) -> str:
    """Render the report; text of the bundle is escaped, so that none of it is markup."""
    lines = [f"# {_escaped(report.title)}"]
    for number, part in enumerate(report.parts, start=1):
        lines.append(f"## {number}. {_escaped(part.title)}")
        for block in part.blocks:
            lines += _lines(block)
    return "\n\n".join(lines) + "\n"


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Text():
            said = _paragraph(block.text)
            yield f"**{said}**" if block.lead else said
        case Heading():
            yield f"### {_escaped(block.text)}"
        case Listing():
            yield "\n".join(f"- {_paragraph(item)}" for item in block.items)
        case Facts():
            show = _span if block.code else _escaped
            yield "\n".join(f"- {_escaped(term)}: {show(value)}" for term, value in block.rows)
        case Code():
            fence = "`" * max(3, 1 + _longest_ticks(block.text))
            yield f"{fence}sh\n{visible(block.text, keep='\n')}\n{fence}"
        case Figure():
            yield from _table(block.table)
        case Table():
            yield from _table(block)


def _table(block: Table) -> Iterator[str]:
    yield f"{_paragraph(block.caption)}:"
    rows = [
        " | ".join(_escaped(column.name) for column in block.columns),
        " | ".join("---:" if column.number else "---" for column in block.columns),
        *(_row(row) for row in block.rows),
    ]
    yield "\n".join(f"| {row} |" for row in rows)


def _row(row: Row) -> str:
    cells = (each if isinstance(each, Cell) else Cell(each) for each in row.cells)
    return " | ".join(
        "<br>".join((_span if cell.code else _escaped)(line) for line in cell.text.split("\n"))
        for cell in cells
    )


def _paragraph(text: str) -> str:
    """Text that begins a line, where digits, dashes and signs can begin a list as well."""
    return re.sub(r"^(\d+)([.)])|^([-+=])", r"\1\\\2\3", _escaped(text))


def _escaped(text: str) -> str:
    """One line of plain text."""
    line = _one_line(text)
    line = _SPECIAL.sub(r"\\\g<0>", line)
    return "".join(_ENTITIES.get(char, char) for char in line)


def _span(text: str) -> str:
    """One line of code, also inside a table."""
    line = _one_line(text)
    if not line:
        return ""
    ticks = "`" * (1 + _longest_ticks(line))
    pad = " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{ticks}{pad}{line}{pad}{ticks}".replace("|", "\\|")


def _one_line(text: str) -> str:
    return visible(_SPACE.sub(" ", text).strip())


def _longest_ticks(text: str) -> int:
    return max((len(run) for run in _TICKS.findall(text)), default=0)
