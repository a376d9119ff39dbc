"""A comparison of two bundles as text: the conclusion, the results, what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import rounding
from analysis.tables import Row, Table, columns
from ormlab.cli.page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        page.table(_agreements(told.agreements))
    for table in _changes(told.changes):
        page.table(table)
    return page.text()


def _agreements(agreements: list[Compared]) -> Table:
    numbers = ("1", "2", "2 / 1", _HELD[agreements[0].method])
    named = columns("Ratio", "Of", "On", *numbers, "Verdict", "Why", numbers=numbers)
    rows = (
        Row(
            (
                f"{each.candidate} / {each.baseline}",
                each.metric,
                f"{each.workload} under {each.load}",
                *(rounding.ratio(run.ratio, run.low, run.high) for run in each.runs),
                rounding.ratio(each.ratio, each.low, each.high),
                rounding.interval(each.low, each.high),
                each.verdict,
                each.why,
            )
        )
        for each in agreements
    )
    return Table("Comparisons that both have", named, tuple(rows))


def _changes(changes: list[Changed]) -> Iterator[Table]:
    for area in dict.fromkeys(each.area for each in changes):
        of_area = [each for each in changes if each.area == area]
        rows = [Row((each.at, _short(each.before), _short(each.after))) for each in of_area[:_MOST]]
        if len(of_area) > _MOST:
            rows.append(Row((f"... and {len(of_area) - _MOST} more (--json has all)", "", "")))
        named = columns(f"{area}: {len(of_area)} changed", "1", "2")
        yield Table(f"What changed of {area}", named, tuple(rows))


def _short(value: object) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
