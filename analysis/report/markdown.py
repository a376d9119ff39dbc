"""A report as Markdown (CommonMark with tables): the same parts, the tables in place of charts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from analysis.report.blocks import (
    Badges,
    Caution,
    Code,
    CountBar,
    Facts,
    Figure,
    Heading,
    Links,
    Listing,
    Text,
)
from analysis.tables import Table
from analysis.tables.markdown import escaped, longest_ticks, span, table
from bundle.display import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.report.blocks import Block, Report


def markdown(report: Report) -> str:
    """Render the report; text of the bundle is escaped, so that none of it is markup."""
    lines = [f"# {escaped(report.title)}", _paragraph(report.kicker)]
    for number, part in enumerate(report.parts, start=1):
        lines.append(f"## {number}. {escaped(part.title)}")
        for block in part.blocks:
            lines += _lines(block)
    return "\n\n".join(lines) + "\n"


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Text():
            paragraph = _paragraph(block.text)
            yield f"**{paragraph}**" if block.lead else paragraph
        case Heading():
            yield f"### {escaped(block.text)}"
        case Listing():
            yield "\n".join(f"- {_paragraph(item)}" for item in block.items)
        case Facts():
            show = span if block.code else escaped
            yield "\n".join(f"- {escaped(term)}: {show(value)}" for term, value in block.rows)
        case Badges() | CountBar() | Caution():
            yield _told(block)
        case Code():
            fence = "`" * max(3, 1 + longest_ticks(block.text))
            yield f"{fence}sh\n{visible(block.text, keep='\n')}\n{fence}"
        case Links():
            yield "\n".join(f"- [{escaped(text)}](<{place}>)" for text, place in block.items)
        case Figure():
            yield from _table(block.table)
        case Table():
            yield from _table(block)


def _told(block: Badges | CountBar | Caution) -> str:
    """What a page shows as boxes and bars, in words."""
    match block:
        case Badges():
            badges = (f"{each.name}: {each.value} ({each.note})" for each in block.items)
            return "\n".join(f"- {escaped(badge)}" for badge in badges)
        case CountBar():
            told = ", ".join(f"{number} {kind}" for kind, number, _ in block.items)
            return _paragraph(f"{block.caption}: {told}.")
        case Caution():
            return _paragraph(f"What weakens this: {'; '.join(block.items)}.")


def _table(told: Table) -> Iterator[str]:
    yield f"{_paragraph(told.caption)}:"
    yield table(told)


def _paragraph(text: str) -> str:
    """Text that begins a line, where digits, dashes and signs can begin a list as well."""
    return re.sub(r"^(\d+)([.)])|^([-+=])", r"\1\\\2\3", escaped(text))
