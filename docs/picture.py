"""The README's picture: the orders that the article publishes, beside the measured ratios.

It has a row for every published order of which a valid run measured the ratio: nobody chooses.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING

from analysis import rounding
from analysis.claims.ledger import Absolute, Ordering, Ratio
from analysis.report.charts import OrderChart, PublishedOrder
from analysis.report.drawing import draw
from analysis.report.svg import standalone
from docs import sample
from docs.finding import LOADS, ROOT, between_marks, judgement, under
from ormlab.base import checkout
from ormlab.judging import ledger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from analysis.claims.ledger import Claim
    from bundle.documents.verdicts import Judgement, StandingClaim

# matplotlib keeps a list of fonts; like everything of the lab it stays inside the checkout.
os.environ["MPLCONFIGDIR"] = str(checkout.STATE / "matplotlib")

NAME = "finding"
TITLE = "Orders that the article publishes, and the ratios that were measured"
_LABEL = 43  # characters of a line
_MARKS = {"upheld": "good", "refuted": "bad"}
_DIFFERENCES = {"error_rate"}  # metrics whose orders are decided by a difference, not by a ratio


@dataclass(frozen=True)
class Row:
    """One published order: its ratio as published and as measured, with the 95 % interval."""

    says: str  #: the claim, and the load where it is not the published one
    #: ratio of the published figures, the larger over the smaller as published
    published: float | None
    measured: float
    low: float
    high: float
    verdict: str

    @property
    def figure(self) -> str:
        """``0.510 (0.500 to 0.521)``."""
        return rounding.with_interval(self.measured, self.low, self.high)


def pages() -> dict[str, str]:
    """The picture, and the README with the words around it, by their paths relative to docs/."""
    told = judgement()
    readme = between_marks((ROOT / "README.md").read_text(), NAME, list(_words(told)))
    return {f"{NAME}.svg": svg(told), "../README.md": sample.filled(readme)}


def _words(told: Judgement) -> Iterator[str]:
    """The picture with its alternative text, and what can be read from it."""
    drawn = rows(told)
    count = Counter(row.verdict for row in drawn)
    first = drawn[0]
    yield "It began with the article of the demo (dev.to/johalputt). The article says that"
    yield f"SQLAlchemy serves **{first.published}** times the requests per second of Tortoise."
    yield "The lab ran the same versions, on CPython 3.12 because they do not run on the"
    yield f"article's 3.13, and measured **{first.figure}** times:"
    yield ""
    yield (
        f"![A chart with {len(drawn)} rows. {TITLE}. The first row: {_sentence(first)}. "
        f"In all {count['refuted']} rows are refuted, {count['upheld']} upheld, "
        f"{count['inconclusive']} inconclusive.](docs/{NAME}.svg)"
    )
    yield ""
    yield "Each row is one order that the article publishes: which of two figures is larger."
    yield ""
    yield f"- **Refuted** ({count['refuted']} rows): the whole 95 % interval of the measured ratio"
    yield "  lies on the other side of 1."
    yield f"- **Upheld** ({count['upheld']}): it lies on the article's side."
    yield f"- **Inconclusive** ({count['inconclusive']}): the interval contains 1, or nobody"
    yield "  measured a second deployment, which a verdict needs."
    yield ""
    yield "The lab judges only the order here, not the size of the ratio, because it measured on"
    yield f"a virtual machine with 2 cores. {undrawn(told)} more published orders have no row,"
    yield "because no valid run gave a ratio of them."


def rows(told: Judgement) -> list[Row]:
    """The rows of the picture, in the order of the ledger."""
    return list(_rows(told.claims))


def undrawn(told: Judgement) -> int:
    """How many published orders have no row."""
    orders = [claim for claim in told.claims if claim.kind == "ordering"]
    return sum(not any(_rows([claim])) for claim in orders)


def svg(told: Judgement) -> str:
    """The file."""
    drawn = [
        PublishedOrder(
            label=fill(row.says, _LABEL),
            published=row.published,
            measured=row.measured,
            low=row.low,
            high=row.high,
            mark=_MARKS.get(row.verdict, "open"),
            note=f"{row.verdict} {row.figure}",
        )
        for row in rows(told)
    ]
    source = draw(OrderChart(tuple(drawn)), NAME)
    return standalone(source, name=NAME, title=TITLE, description=description(told))


def description(told: Judgement) -> str:
    """Every row in words, for those who do not see it."""
    return " ".join(f"{_sentence(row)}." for row in rows(told))


def _sentence(row: Row) -> str:
    published = "" if row.published is None else f"published {row.published:.2f}, "
    return f"{row.says}: {published}measured {row.figure}, {row.verdict}"


def _rows(claims: Sequence[StandingClaim]) -> Iterator[Row]:
    written = ledger.load("article").ledger.claims
    for claim in claims:
        said = written[claim.id]
        if not isinstance(said, Ordering) or said.metric in _DIFFERENCES:
            continue
        for variant, load in LOADS.items():
            judged = under(claim, variant)
            measured = judged.measured if judged else None
            if judged is None or measured is None or measured.ci95 is None:
                continue
            yield Row(
                says=f"{said.says}, {load}" if variant else said.says,
                published=_published(said, written),
                measured=measured.value,
                low=measured.ci95.low,
                high=measured.ci95.high,
                verdict=judged.verdict,
            )


def _published(order: Ordering, claims: Mapping[str, Claim]) -> float | None:
    """The ratio of an order: of its two figures, or the one that is printed where there are none.

    Figures come first, because a printed ratio may contradict them.
    """
    larger, smaller = order.subjects
    printed = None
    for entry in order.entailed_by:
        match [claims[name] for name in ([entry] if isinstance(entry, str) else entry)]:
            case [Absolute() as first, Absolute() as second]:
                figures = {first.subjects[0]: first.value, second.subjects[0]: second.value}
                return figures[larger] / figures[smaller]
            case [Ratio() as ratio]:
                printed = ratio.value if ratio.subjects == order.subjects else 1 / ratio.value
    return printed
