"""The table of load that switches between services: how it measured, and what its rounds check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.rounding import UNKNOWN, given, percent, ratio, ratio_with_interval, significant
from analysis.tables.table import Cell, Row, Table, columns
from bundle.display import quantity

if TYPE_CHECKING:
    from bundle.documents.results import Cell as Measured
    from bundle.documents.results import Comparison
    from bundle.documents.sliced import CheckedRatio, SlicedChecks

_FIGURES = (
    "Rounds",
    "Slices",
    "Rests",
    "Of all answers",
    "Middle of the rounds",
    "Without disturbed rounds",
    "After the candidate",
)


def checks(cell: Measured) -> Table:
    """A row for each comparison by throughput; none of a cell under another load."""
    told = [(each, each.sliced) for each in cell.comparisons if each.sliced]
    rows = tuple(_row(each, sliced) for each, sliced in told)
    named = columns("Ratio", *_FIGURES, numbers=_FIGURES)
    return Table(f"What the rounds say of the ratios of throughput: {cell.title}", named, rows)


def lacking(cell: Measured) -> list[str]:
    """What the rounds could not check of a comparison, and why, a sentence each."""
    told = (
        f"{each.candidate} / {each.baseline}, {what}: {why}"
        for each in cell.comparisons
        if each.sliced
        for what, why in (
            ("without disturbed rounds", each.sliced.undisturbed_lacks),
            ("after the candidate", each.sliced.carry_over_lacks),
        )
        if why
    )
    return sorted(set(told))


def _row(each: Comparison, told: SlicedChecks) -> Row:
    middle = _ratio(told.hodges_lehmann)
    if told.beyond_margin:
        middle += "\nbeyond the margin"
    without = _checked(told.undisturbed)
    if told.disturbed is not None:
        without += f"\n{told.disturbed} left out"
    rests = (
        f"{name} {significant(percentage, 2) if percentage is not None else UNKNOWN} %"
        for name, percentage in told.resting.items()
    )
    return Row(
        (
            f"{each.candidate} / {each.baseline}",
            f"{told.rounds}\nin {quantity(told.blocks, 'block')}",
            f"{given(told.slice_s)} s\n{percent(told.measured)} of the time",
            "\n".join(rests),
            _ratio(told.totals),
            Cell(middle, mark="open" if told.beyond_margin else ""),
            without,
            _checked(told.carry_over),
        )
    )


def _ratio(value: float | None) -> str:
    return UNKNOWN if value is None else ratio(value)


def _checked(told: CheckedRatio | None) -> str:
    return ratio_with_interval(told.ratio, told.low, told.high) if told else UNKNOWN
