"""What the runs of a fleet say together, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.metrics import PRIMARY
from analysis.rounding import UNKNOWN, figure, p_value, percent, ratio, ratio_with_interval
from analysis.tables import Cell, Row, Table, columns
from analysis.tables.results import MARKS
from bundle.display import quantity
from ormlab.cli.page import Page
from ormlab.fleet.outcomes import summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from analysis.fleet import FleetComparison
    from ormlab.fleet.combined import FleetResult
    from ormlab.fleet.outcomes import RunOutcome


def fleet_text(outcomes: Sequence[RunOutcome], combined: FleetResult, folder: Path) -> str:
    """The main comparisons in a sentence each, the tables, and what became of each run."""
    page = Page()
    primary = [each for each in combined.comparisons if each.metric == PRIMARY]
    for each in primary:
        page.line(_sentence(each))
    page.table(_comparisons(combined.comparisons))
    for each in primary:
        page.table(_nodes(each))
        for line in _notes(each):
            page.line(line)
    page.line(summary(outcomes))
    for outcome in outcomes:
        page.line(f"  run {outcome.run} {outcome.said}")
    page.line()
    page.line(f"fleet:  {folder}")
    for path in combined.bundles:
        page.line(f"bundle: {path}")
    return page.text()


def _sentence(each: FleetComparison) -> str:
    on = f"{each.candidate} / {each.baseline}, {each.metric}, {each.workload} under {each.load}"
    measured = ""
    if each.estimate:
        measured = f" is {_ratio(each)}, by {each.estimate.method}"
    return f"{each.verdict}: {on}{measured}. Why: {each.reasons[0].what}."


def _ratio(each: FleetComparison) -> str:
    if each.estimate is None:
        return UNKNOWN
    ends = each.estimate.ci95
    low, high = (ends.low, ends.high) if ends else (None, None)
    return ratio_with_interval(each.estimate.ratio, low, high)


def _comparisons(comparisons: Sequence[FleetComparison]) -> Table:
    numbers = ("Value (95 % interval)", "Between nodes", "Runs", "Nodes", "Blocks")
    named = columns("Ratio", "Of", "On", *numbers, "Verdict", numbers=numbers)
    rows = (
        Row(
            (
                f"{each.candidate} / {each.baseline}",
                f"{each.metric}\n{each.better} is better",
                f"{each.workload} under {each.load}",
                _ratio(each),
                UNKNOWN if each.between is None else percent(each.between, 1),
                str(each.runs),
                str(len(each.nodes)),
                str(each.blocks),
                Cell(_verdict(each), mark=MARKS.get(each.verdict, "none")),
            )
        )
        for each in comparisons
    )
    return Table("All runs together", named, tuple(rows))


def _verdict(each: FleetComparison) -> str:
    unresolved = ", size unresolved" if each.size_resolved is False else ""
    return f"{each.verdict}{unresolved}"


def _nodes(each: FleetComparison) -> Table:
    level = f"{each.baseline} req/s"
    numbers = ("Runs", f"{each.candidate} / {each.baseline}", "A' / A", level)
    rows = (
        Row(
            (
                node.node,
                str(node.runs),
                ratio(node.ratio),
                UNKNOWN if node.null is None else ratio(node.null),
                figure(node.level),
            )
        )
        for node in each.nodes
    )
    return Table("Node by node", columns("Node", *numbers, numbers=numbers), tuple(rows))


def _notes(each: FleetComparison) -> Iterator[str]:
    """How the nodes differ, and which runs do not count."""
    levels = [node.level for node in each.nodes if node.level]
    if len(levels) > 1:
        apart = percent(max(levels) / min(levels) - 1, 1)
        said = f"the nodes differ by up to {apart} in the {each.metric} of {each.baseline}"
        if each.nodes_p is not None:
            said += f", and in the ratio by what chance explains with {p_value(each.nodes_p)}"
        yield said
    for reason in each.left_out:
        yield f"left out: {reason}"
    if each.left_out:
        yield f"{quantity(each.runs, 'run counts', 'runs count')}"
