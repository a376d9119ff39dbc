"""What a report is made of, before it is HTML or Markdown: parts, and blocks of eleven kinds.

Text in blocks is plain text, whatever a bundle put into it; each rendering escapes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from analysis.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from analysis.report.charts import Chart
    from analysis.tables import Column, Row
    from bundle.codec import Json


@dataclass(frozen=True)
class Text:
    """A paragraph; ``lead`` sets off the conclusion of the report."""

    text: str
    lead: bool = False
    mark: str = ""  #: good, bad or open: how ``marked`` is set off
    marked: str = ""  #: words of the text to set off, where they stand first

    def parts(self) -> tuple[str, str, str]:
        """What stands before the marked words, they themselves, and what follows them."""
        if not self.marked:
            return self.text, "", ""
        return self.text.partition(self.marked)


@dataclass(frozen=True)
class Heading:
    """A heading inside a part."""

    text: str


@dataclass(frozen=True)
class Listing:
    """Sentences that belong together."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """Terms with their values; ``code`` sets the values as code."""

    rows: tuple[tuple[str, str], ...]
    code: bool = False


@dataclass(frozen=True)
class Badge:
    """One thing about a run that decides how far to believe it."""

    name: str
    value: str
    note: str
    mark: str  #: good, bad, open or none


@dataclass(frozen=True)
class Badges:
    """What a reader looks for before reading."""

    items: tuple[Badge, ...]


@dataclass(frozen=True)
class CountBar:
    """How many there are of each kind, as one bar."""

    caption: str
    items: tuple[tuple[str, int, str], ...]  #: kind, number and mark; none of them 0

    @property
    def total(self) -> int:
        """How many there are in all."""
        return sum(number for _, number, _ in self.items)


@dataclass(frozen=True)
class Caution:
    """Why to believe a result less; the part about limits has the rest."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """Lines to be typed, or read, as they stand."""

    text: str


@dataclass(frozen=True)
class Links:
    """Files that stand beside the report, with their relative addresses."""

    items: tuple[tuple[str, str], ...]  #: text and address of each


@dataclass(frozen=True)
class Figure:
    """A chart and the table with the same figures.

    A forest plot or a waterfall stands in its table, a mark in each row.
    """

    name: str  #: unique in the report; letters, digits and hyphens
    title: str  #: what is drawn, as a heading would say it
    description: str  #: what can be seen, for those who do not see it
    chart: Chart
    table: Table


type Block = (
    Text | Heading | Listing | Facts | Badges | CountBar | Caution | Code | Links | Table | Figure
)


@dataclass(frozen=True)
class Part:
    """One of the parts; its name is its anchor."""

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """A whole report; its data are what it was made of, as the document ``report/1``."""

    title: str
    parts: tuple[Part, ...]
    data: Mapping[str, Json] = field(repr=False)
    kicker: str = "ormlab report"  #: above the title: which bundle this is of


def listed(heading: str, items: Iterable[str]) -> Iterator[Heading | Listing]:
    """Sentences under a heading; nothing without a sentence."""
    if sentences := tuple(items):
        yield Heading(heading)
        yield Listing(sentences)


def counted(
    caption: str, named: tuple[Column, ...], rows: Iterable[Row], *, folded: bool = False
) -> Iterator[Table]:
    """A table whose caption ends with the number of its rows; nothing without a row."""
    if whole := tuple(rows):
        yield Table(f"{caption}: {len(whole)}", named, whole, folded=folded)
