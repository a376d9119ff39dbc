"""Part 3: every trial as a dot in its block, with intervals, and the null arm beside them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from analysis import generators
from analysis.inference import PairedSample, margin_band
from analysis.report import trials
from analysis.report.blocks import Figure, Heading, Listing, Text
from analysis.report.charts import Dots, Ratio, TrialChart
from analysis.report.parts import slices
from analysis.rounding import UNKNOWN, median_interval, significant, with_interval
from analysis.tables import Row, Table, columns
from analysis.tables import results as tables
from bundle.documents.results import ControlArm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from analysis.report.blocks import Block
    from analysis.report.material import Material
    from analysis.report.trials import Shown
    from analysis.tables.results import Spread
    from bundle.documents.results import Cell as Measured
    from bundle.documents.results import Comparison, Judged, Trend

_NOTE = (
    "A trial measures fresh processes once. A block measures every subject once, in random order, "
    "and ratios are taken within blocks. Figures of a subject are medians of its trials, with a "
    "95 % interval that assumes no distribution and needs six trials. The interval of a ratio is "
    "the paired t interval of its logarithms, widened by what two deployments of the baseline "
    "differ in. Overlapping intervals of two subjects say nothing "
    "about their ratio."
)


_AXES = {
    "capacity": "capacity, requests per second",
    "p99": "p99 of the response time, ms",
    "p50": "median of the response time, ms",
    "throughput": "requests per second",
}
_LEAST_P = 1e-4  # shown as below it


def blocks(material: Material) -> Iterator[Block]:
    """For each workload and load: the dots, the subjects, the ratios and the controls."""
    cells = material.results.cells
    yield Text(_NOTE if cells else "No trial was completed whose figures may be used.")
    for number, cell in enumerate(cells, start=1):
        yield from _cell(material, cell, f"trials-{number}")


def _cell(material: Material, cell: Measured, name: str) -> Iterator[Block]:
    by_subject = trials.of_cell(material.shown, cell.workload, cell.load)
    by_subject = {
        subject: by_subject[subject] for subject in material.looks if subject in by_subject
    }
    title = cell.title
    yield Heading(title)
    if by_subject:
        yield _figure(material, cell, by_subject, name)
        yield tables.subjects(cell, _spread(by_subject))
        yield tables.costs(cell)
    if cell.comparisons:
        yield tables.comparisons(cell)
        yield tables.intervals(cell)
    yield from slices.blocks(cell)
    if reasons := tuple(_reasons(cell.comparisons)):
        yield Listing(reasons)
    if ordered := tuple(_ordered((*cell.comparisons, *cell.controls))):
        yield _order(title, ordered)
    if controls := tuple(_control(control) for control in cell.controls):
        yield Listing(controls)


def _figure(
    material: Material,
    cell: Measured,
    by_subject: Mapping[str, Sequence[Shown]],
    name: str,
) -> Figure:
    metric = _charted([each for shown in by_subject.values() for each in shown])
    axis = _AXES[metric]
    values = {subject: trials.by_block(shown, metric) for subject, shown in by_subject.items()}
    values = {subject: by_block for subject, by_block in values.items() if by_block}
    dots = tuple(
        Dots(
            material.looks[subject],
            tuple(sorted(by_block.items())),
            *median_interval(list(by_block.values())),
        )
        for subject, by_block in values.items()
    )
    ratios = tuple(_ratios(material, cell, values, metric))
    compared = [each for each in cell.comparisons if each.metric == metric]
    band = margin_band(compared[0].margin) if compared else None
    title = f"{axis[0].upper()}{axis[1:]}: {cell.workload} under {cell.load}"
    return Figure(
        name=name,
        title=title,
        description=_described(dots, ratios),
        chart=TrialChart(axis, dots, ratios, (band.low, band.high) if band else None),
        table=_behind(title, values),
    )


def _charted(shown: Sequence[Shown]) -> str:
    """The metric of the dots: an open loop's rate is given, and its response time is measured."""
    metrics = _AXES if shown[0].kind == generators.OPEN else ("capacity",)
    of_all = (metric for metric in metrics if all(metric in each.values for each in shown))
    return next(of_all, "throughput")


def _ratios(
    material: Material,
    cell: Measured,
    values: Mapping[str, Mapping[int, float]],
    metric: str,
) -> Iterator[Ratio]:
    """The ratios of the charted figure, block by block, those of controls last."""
    for judged in (*cell.comparisons, *cell.controls):
        # An infinite ratio has no place in a chart.
        if judged.metric != metric or not math.isfinite(judged.ratio):
            continue
        null = f"{judged.baseline}-null"
        has_null = null in material.sealed.arms and judged.candidate != null
        baseline, candidate = (values.get(of, {}) for of in (judged.baseline, judged.candidate))
        paired = PairedSample.of(baseline, candidate, values.get(null, {}) if has_null else None)
        yield Ratio(
            label=f"{judged.candidate} / {judged.baseline}",
            points=tuple(math.exp(each) for each in paired.d.values),
            centre=judged.ratio,
            low=judged.low,
            high=judged.high,
            control=isinstance(judged, ControlArm),
        )


def _described(dots: Iterable[Dots], ratios: Iterable[Ratio]) -> str:
    sentences = [
        f"{each.look.name}: median {with_interval(each.middle, each.low, each.high)} "
        f"in {len(each.points)} trials"
        for each in dots
    ]
    sentences += [
        f"ratio {each.label}: {with_interval(each.centre, each.low, each.high)}" for each in ratios
    ]
    return "; ".join(sentences) + "."


def _behind(title: str, values: Mapping[str, Mapping[int, float]]) -> Table:
    every = sorted({block for by_block in values.values() for block in by_block})
    figures_of = {
        block: [
            significant(by_block[block], 4) if block in by_block else UNKNOWN
            for by_block in values.values()
        ]
        for block in every
    }
    rows = tuple(Row((str(block), *row)) for block, row in figures_of.items())
    names = ("Block", *values)
    return Table(f"{title}, trial by trial", columns(*names, numbers=names), rows, folded=True)


def _spread(by_subject: Mapping[str, Sequence[Shown]]) -> Spread:
    """The intervals of the medians, by subject and metric."""
    return {
        subject: {
            metric: median_interval(values)[1:]
            for metric in ("throughput", "p50", "p90", "p99")
            if (values := [each.values[metric] for each in shown if metric in each.values])
        }
        for subject, shown in by_subject.items()
    }


def _ordered(judged: Iterable[Judged]) -> Iterator[Row]:
    for each in judged:
        if each.order:
            who = f"{each.candidate} / {each.baseline}"
            trends = (_trend(each.order.position), _trend(each.order.drift))
            yield Row((who, each.metric, *trends, _p(each.order.carry_over.p)))


def _order(title: str, rows: tuple[Row, ...]) -> Table:
    """Effects of the trials' order, which balanced, randomised blocks keep out of the ratios."""
    numbers = ("By position in the block", "Over the run", "By the subject before it")
    caption = f"Effects of the order of the trials, which decide no verdict: {title}"
    return Table(caption, columns("Ratio", "Of", *numbers, numbers=numbers), rows, folded=True)


def _trend(trend: Trend | None) -> str:
    """By how much a ratio changed from one end of the regressor to the other."""
    if trend is None:
        return UNKNOWN
    return f"x {with_interval(trend.ratio, trend.ci95.low, trend.ci95.high)}\n{_p(trend.p)}"


def _p(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return f"p {significant(value, 2)}" if value >= _LEAST_P else f"p < {_LEAST_P:g}"


def _reasons(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """Why each verdict, those that share a reason together."""
    by_reason: dict[str, list[str]] = {}
    for each in comparisons:
        who = f"{each.candidate} / {each.baseline} {each.metric}"
        for reason in each.reasons:
            by_reason.setdefault(reason.what, []).append(who)
    for what, whom in by_reason.items():
        which = "every comparison" if len(whom) == len(comparisons) > 1 else ", ".join(whom)
        yield f"{what}: {which}."


def _control(control: ControlArm) -> str:
    outcome = control.outcome
    result = "passed" if outcome.passed else "failed"
    return (
        f"{outcome.name} control of {control.baseline}, {control.metric}: "
        f"{result}; {outcome.what}. Judged as a subject, {control.candidate} is: "
        f"{control.verdict}."
    )
