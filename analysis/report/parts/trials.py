"""Part 4: every trial as a dot in its block, with intervals, and the null arm beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import generators
from analysis.report import trials
from analysis.report.blocks import Figure, Heading, Listing, Text
from analysis.report.charts import Dots, TrialChart
from analysis.report.parts import forest, slices
from analysis.rounding import (
    UNKNOWN,
    median_interval,
    p_value,
    ratio_with_interval,
    significant,
    with_interval,
)
from analysis.tables import Row, Table, columns, growth
from analysis.tables import results as tables
from bundle.display import quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from analysis.report.blocks import Block
    from analysis.report.material import Material
    from analysis.report.trials import Shown
    from analysis.tables.results import Spread
    from bundle.documents.results import Cell as Measured
    from bundle.documents.results import Comparison, ControlArm, Judged, Trend

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


def blocks(material: Material) -> Iterator[Block]:
    """For each workload and load: the dots, the subjects, the ratios and the controls."""
    cells = material.results.cells
    yield Text(_NOTE if cells else "No trial was completed whose figures may be used.")
    for number, cell in enumerate(cells, start=1):
        yield from _cell(material, cell, str(number))


def _cell(material: Material, cell: Measured, name: str) -> Iterator[Block]:
    by_subject = trials.of_cell(material.shown, cell.workload, cell.load)
    by_subject = {
        subject: by_subject[subject] for subject in material.looks if subject in by_subject
    }
    title = cell.title
    yield Heading(title)
    if by_subject:
        yield from _figures(material, cell, by_subject, name)
        yield tables.subjects(cell, _spread(by_subject))
        yield tables.costs(cell)
    yield from _growth(cell)
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


def _growth(cell: Measured) -> Iterator[Block]:
    """How memory grew, where the windows are long enough to show it."""
    rates = growth.rates(cell)
    if rates.rows:
        yield rates
        yield Text(growth.NOTE)
    if lacking := tuple(growth.lacking(cell)):
        yield Listing(lacking)


def _figures(
    material: Material,
    cell: Measured,
    by_subject: Mapping[str, Sequence[Shown]],
    name: str,
) -> Iterator[Figure]:
    """The ratios of what the cell is shown by, and the trials that they come from."""
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
    if ratios := forest.of_cell(material, cell, metric, values, f"ratios-{name}"):
        yield ratios
    title = f"{axis[0].upper()}{axis[1:]}: {cell.workload} under {cell.load}"
    yield Figure(
        name=f"trials-{name}",
        title=title,
        description=_described(dots),
        chart=TrialChart(axis, dots),
        table=_behind(title, values),
    )


def _charted(shown: Sequence[Shown]) -> str:
    """The metric of the dots: an open loop's rate is given, and its response time is measured."""
    metrics = _AXES if shown[0].kind == generators.OPEN else ("capacity",)
    of_all = (metric for metric in metrics if all(metric in each.values for each in shown))
    return next(of_all, "throughput")


def _described(dots: Iterable[Dots]) -> str:
    sentences = (
        f"{each.look.name}: median {with_interval(each.middle, each.low, each.high)} "
        f"in {quantity(len(each.points), 'trial')}"
        for each in dots
    )
    return f"{'; '.join(sentences)}."


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
    return f"x {ratio_with_interval(trend.ratio, trend.ci95.low, trend.ci95.high)}\n{_p(trend.p)}"


def _p(value: float | None) -> str:
    return UNKNOWN if value is None else p_value(value)


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
