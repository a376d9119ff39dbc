"""Forest plots: ratios of comparisons, of controls, and of claims, a row each on one scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from analysis.inference import PairedSample, margin_band
from analysis.metrics import PRIMARY
from analysis.report.blocks import Figure
from analysis.report.charts import ForestChart, Ratio
from analysis.rounding import measured, ratio_with_interval
from analysis.tables import Cell, Column, Row, Table
from analysis.tables import results as tables
from analysis.tables import verdicts as claim_tables
from bundle.documents.results import ControlArm

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from analysis.report.charts import Range
    from analysis.report.material import Material
    from bundle.documents.results import Cell as Measured
    from bundle.documents.results import Comparison, Judged
    from bundle.documents.verdicts import JudgedClaim

type Values = Mapping[str, Mapping[int, float]]
"""One figure a trial, by subject and block."""

LEADING = (PRIMARY, "capacity", "p99", "p50")
_NAMED = (Column("Ratio"), Column("Value (95 % interval)", number=True), Column("Verdict"))
_CLAIMED = (Column("Claim"), Column("Measured (95 % interval)", number=True), Column("Verdict"))
_NOTHING: Values = {}
_RATIOS = frozenset({"ratio", "ordering"})
_MOST_CONTROLS = 3


def charted(cell: Measured) -> str:
    """The metric by which a cell is shown: the first of the leading ones that it compares."""
    metrics = {each.metric for each in (*cell.comparisons, *cell.controls)}
    return next((metric for metric in LEADING if metric in metrics), PRIMARY)


def of_cells(cells: Sequence[Measured], name: str, title: str, *, most: int) -> Figure | None:
    """The comparisons of some cells and their controls, each by what it is shown by."""
    rows = [
        (each, _where(cell, cells))
        for kind in ("comparisons", "controls")
        for cell in cells
        for each in getattr(cell, kind)
        if each.metric == charted(cell)
    ]
    return _figure([*rows[:most]], name, title)


def of_cell(
    material: Material, cell: Measured, metric: str, values: Values, name: str
) -> Figure | None:
    """The ratios of one figure of a cell, with those of its blocks."""
    rows = [(e, "") for e in (*cell.comparisons, *cell.controls) if e.metric == metric]
    title = f"Ratios of {metric}: {cell.workload} under {cell.load}"
    return _figure(rows, name, title, material=material, values=values)


def of_claims(
    claims: Sequence[JudgedClaim], cells: Sequence[Measured], name: str, title: str
) -> Figure | None:
    """Claims that have a ratio, with the controls of the run beside them; None without one."""
    drawn = [(claim, ratio) for claim in claims if (ratio := claimed(claim))]
    if not drawn:
        return None
    controls = [
        (each, _where(cell, cells))
        for cell in cells
        for each in cell.controls
        if math.isfinite(each.ratio)
    ][:_MOST_CONTROLS]
    rows = [
        Row(
            (f"{claim.id}\n{claim.says}", measured(claim.measured), said(claim)),
            target=claim_tables.anchor(claim.id),
        )
        for claim, _ in drawn
    ]
    rows += [_row(each, where) for each, where in controls]
    return Figure(
        name=name,
        title=title,
        description="",
        chart=ForestChart(
            axis=axis(claims),
            ratios=(*(ratio for _, ratio in drawn), *(_ratio(each) for each, _ in controls)),
            band=_band(each for each, _ in controls),
        ),
        table=Table(title, _CLAIMED, tuple(rows)),
    )


def axis(claims: Iterable[JudgedClaim]) -> str:
    """What the scale of `claimed` is of."""
    ratios = all(claim.kind in _RATIOS for claim in claims)
    return "measured ratio" if ratios else "ratio, or measured over published"


def claimed(claim: JudgedClaim) -> Ratio | None:
    """A judged claim as a row; None where its figure has no place on a scale of ratios.

    A ratio and an order stand there as they are. Another figure is divided by the published one.
    """
    found, band = claim.measured, claim.band
    if found is None or band is None:
        return None
    unit = 1.0 if claim.kind in _RATIOS else _published(band.low, band.high)
    ends = (found.ci95.low, found.ci95.high) if found.ci95 else (None, None)
    figures = (unit, found.value, *(end for end in ends if end is not None))
    if not all(0 < each < math.inf for each in figures) or band.low == 0 or band.high == 0:
        return None  # an order that a difference decides
    low, high = (None if end is None else end / unit for end in ends)
    published: Range = tuple(None if e is None else e / unit for e in (band.low, band.high))  # type: ignore[assignment]
    mark = claim_tables.MARKS.get(claim.verdict, "")
    return Ratio(found.value / unit, low, high, published=published, mark=mark)


def said(claim: JudgedClaim) -> Cell:
    """The verdict on a claim, set off."""
    return Cell(
        claim.judgement.said.replace("_", " "), mark=claim_tables.MARKS.get(claim.verdict, "none")
    )


def _where(cell: Measured, cells: Sequence[Measured]) -> str:
    """The workload and the load, where there are others."""
    return f"{cell.workload} under {cell.load}" if len(cells) > 1 else ""


def _published(low: float | None, high: float | None) -> float:
    ends = [end for end in (low, high) if end is not None]
    return sum(ends) / len(ends) if ends else 0.0


def _figure(
    told: Sequence[tuple[Judged, str]],
    name: str,
    title: str,
    *,
    material: Material | None = None,
    values: Values = _NOTHING,
) -> Figure | None:
    # An infinite ratio has no place in a chart.
    rows = [(each, note) for each, note in told if math.isfinite(each.ratio)]
    if not rows:
        return None
    ratios = tuple(
        _ratio(each, _points(material, each, values) if material else ()) for each, _ in rows
    )
    compared = [each for each, _ in rows if not isinstance(each, ControlArm)]
    return Figure(
        name=name,
        title=title,
        description="",
        chart=ForestChart("candidate over baseline", ratios, _band(compared)),
        table=Table(title, _NAMED, tuple(_row(each, note) for each, note in rows)),
    )


def _row(each: Judged, note: str) -> Row:
    words = [f"{each.candidate} / {each.baseline}"]
    if isinstance(each, ControlArm):
        passed = each.outcome.passed
        verdict = Cell("passed" if passed else "failed", mark="good" if passed else "bad")
        words.append(f"{each.outcome.name} control")
    else:
        verdict = Cell(each.verdict, mark=tables.MARKS.get(each.verdict, "none"))
    if each.metric != PRIMARY:
        words.append(each.metric)
    lines = "\n".join((words[0], ", ".join(filter(None, (*words[1:], note)))))
    return Row((lines.strip(), ratio_with_interval(each.ratio, each.low, each.high), verdict))


def _ratio(each: Judged, points: tuple[float, ...] = ()) -> Ratio:
    control = isinstance(each, ControlArm)
    mark = "" if control else tables.MARKS.get(each.verdict, "")
    return Ratio(each.ratio, each.low, each.high, points, control=control, mark=mark)


def _points(material: Material, each: Judged, values: Values) -> tuple[float, ...]:
    """The ratios of the blocks that hold all trials of a comparison."""
    null = f"{each.baseline}-null"
    has_null = null in material.sealed.arms and each.candidate != null
    baseline, candidate = (values.get(of, {}) for of in (each.baseline, each.candidate))
    paired = PairedSample.of(baseline, candidate, values.get(null, {}) if has_null else None)
    return tuple(math.exp(value) for value in paired.d.values)


def _band(judged: Iterable[Comparison | Judged]) -> tuple[float, float] | None:
    """The margin around 1, if there is only one."""
    margins = {each.margin for each in judged}
    if len(margins) != 1:
        return None
    band = margin_band(margins.pop())
    return band.low, band.high
