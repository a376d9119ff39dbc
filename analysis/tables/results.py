"""The tables of one workload under one load: its subjects, what a request costs, its ratios."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from analysis.rounding import (
    UNKNOWN,
    amount,
    count,
    figure,
    percent,
    ratio_with_interval,
    with_interval,
)
from analysis.tables import growth, sliced
from analysis.tables.table import Cell, Column, Row, Table, columns, numbers
from bundle.documents.results import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bundle.documents.results import Cell as Measured
    from bundle.documents.results import Comparison, Estimate, Subject

type Spread = Mapping[str, Mapping[str, tuple[float | None, float | None]]]
"""The ends of a median's 95 % interval by subject and metric, as far as they are known."""

DOUBTS = "Gates in doubt"
_MIB = 2**20
MARKS = {
    Verdict.FASTER: "good",
    Verdict.SLOWER: "bad",
    Verdict.VOID: "bad",
    Verdict.INCONCLUSIVE: "open",
}


def of(cell: Measured) -> list[Table]:
    """All tables of a cell; those without rows are left out."""
    tables = (
        subjects(cell),
        costs(cell),
        growth.rates(cell),
        comparisons(cell),
        sliced.checks(cell),
    )
    return [table for table in tables if table.rows]


def subjects(cell: Measured, spread: Spread | None = None) -> Table:
    """The medians of each subject's trials, with the intervals of ``spread`` if it is given."""
    named = (
        Column("Subject"),
        *numbers("req/s"),
        *numbers("p50", "p90", "p99", unit="ms"),
        *numbers("Errors", "Trials"),
        Column(DOUBTS),
    )
    ends = spread or {}
    rows = (_subject(name, told, ends.get(name, {})) for name, told in cell.subjects.items())
    given = " with 95 % intervals" if spread else ""
    return Table(f"Medians of the trials{given}: {cell.title}", named, tuple(rows))


def _subject(
    name: str, told: Subject, ends: Mapping[str, tuple[float | None, float | None]]
) -> Row:
    medians = {name: getattr(told, name) for name in ("throughput", "p50", "p90", "p99")}
    cells = (with_interval(value, *ends.get(of, (None, None))) for of, value in medians.items())
    doubts = ", ".join(told.doubts) or "none"
    return Row((name, *cells, f"{told.errors:,}", str(told.trials), doubts))


def costs(cell: Measured) -> Table:
    """What a request costs each subject."""
    named = (
        Column("Subject"),
        *numbers("Service CPU", "Database CPU", "Generator CPU", unit="us/req"),
        *numbers("RSS", unit="MiB"),
        *numbers("Round trips", "Statements", unit="/req"),
    )
    rows = tuple(
        Row(
            (
                name,
                figure(told.cpu_service),
                figure(told.cpu_database),
                figure(told.cpu_load),
                figure(told.rss_service / _MIB if told.rss_service else None),
                count(told.round_trips),
                count(told.statements),
            )
        )
        for name, told in cell.subjects.items()
    )
    return Table(f"What a request costs, medians of the trials: {cell.title}", named, rows)


def comparisons(cell: Measured) -> Table:
    """The ratios of the compared subjects, with their verdicts."""
    figures = ("Value (95 % interval)", "Blocks", "Margin", "Found 9 times in 10")
    named = columns("Ratio", "Of", *figures, "Verdict", numbers=figures)
    rows = tuple(_comparison(each) for each in cell.comparisons)
    return Table(f"Comparisons: {cell.title}", named, rows)


def intervals(cell: Measured) -> Table:
    """What the intervals of the ratios are made of, and the methods that check them."""
    parts = ("SD of a block", "A' / A", "Beyond chance", "Neighbouring blocks")
    checks = ("Paired t", "Bootstrap", "Signed rank")
    named = columns("Ratio", "Of", *parts, *checks, numbers=(*parts, *checks))
    caption = f"What widens the intervals, and checks that decide no size: {cell.title}"
    return Table(caption, named, tuple(map(_interval, cell.comparisons)), folded=True)


def _interval(each: Comparison) -> Row:
    correlated = UNKNOWN if each.autocorrelation is None else f"{each.autocorrelation:+.2f}"
    return Row(
        (
            f"{each.candidate} / {each.baseline}",
            each.metric,
            percent(each.sd, 1),
            _estimate(each.null) if each.null else UNKNOWN,
            UNKNOWN if each.excess is None else percent(math.expm1(each.excess), 1),
            correlated,
            *map(_estimate, each.estimates),
        )
    )


def _estimate(each: Estimate) -> str:
    ci95 = each.ci95
    return ratio_with_interval(each.ratio, ci95.low if ci95 else None, ci95.high if ci95 else None)


def _comparison(each: Comparison) -> Row:
    verdict: str = each.verdict
    if each.size_resolved is False:
        verdict += ", size unresolved"
    return Row(
        (
            f"{each.candidate} / {each.baseline}",
            f"{each.metric}\n{each.better} is better",
            ratio_with_interval(each.ratio, each.low, each.high),
            str(each.blocks),
            amount(100 * each.margin, "%"),
            percent(each.detectable, 1),
            Cell(verdict, mark=MARKS.get(each.verdict, "none")),
        )
    )
