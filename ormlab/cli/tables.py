"""Results as text: the conclusion first, then tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.rounding import p_value, ratio
from analysis.tables import growth, sliced
from analysis.tables import results as tables
from analysis.tables import software as versions
from bundle.display import quantity
from bundle.documents.results import GateVerdict
from ormlab.cli.page import Page

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.documents.results import Cell, ControlArm, Results, Trend

_ORDER_P = 0.01  # an effect of the order is printed below this p, since several are tested


def results_text(results: Results, bundle: Path) -> str:
    """The conclusion, the tables of each cell, and where the bundle lies."""
    page = Page()
    page.line(results.conclusion)
    for cell in results.cells:
        page.line()
        page.line(cell.title)
        for table in tables.of(cell):
            page.table(table.without(tables.DOUBTS))  # which have lines of their own below
        for control in cell.controls:
            page.line(_control(control))
        lacking = (*growth.lacking(cell), *sliced.lacking(cell))
        for line in (*lacking, *_undeclared(cell), *_order(cell), *_gates(cell)):
            page.line(line)
    page.table(versions.software(results))
    for gate in results.gates:
        if gate.verdict is not GateVerdict.PASSED:
            page.line(f"gate {gate.verdict}: {gate.said}")
    for failure in results.failures:
        page.line(f"failed: {failure.trial}: {failure.what}")
    for omission in results.omitted:
        page.line(f"left out: {omission.path}: {omission.reason}")
    page.line()
    page.line(f"bundle: {bundle}")
    page.line(f"verify: ormlab verify {bundle}")
    return page.text()


def _undeclared(cell: Cell) -> list[str]:
    """The subjects whose requests cost the database something else than their services declare."""
    return [
        f"not as declared, {name}: {said}"
        for name, figures in cell.subjects.items()
        for said in figures.undeclared
    ]


def _order(cell: Cell) -> list[str]:
    """Comparisons on which the order of the trials has left a trace beyond chance."""
    lines = []
    for each in cell.comparisons:
        if each.order is None:
            continue
        pair = f"order, {each.candidate} / {each.baseline}, {each.metric}"
        lines += _moved(
            pair, each.order.position, "from the earliest to the latest place in a block"
        )
        lines += _moved(pair, each.order.drift, "from the first block to the last")
        carried = each.order.carry_over.p
        if carried is not None and carried < _ORDER_P:
            lines.append(f"{pair}: it depends on who ran before ({p_value(carried)})")
    return lines


def _moved(of: str, trend: Trend | None, words: str) -> list[str]:
    if trend is None or trend.p is None or trend.p >= _ORDER_P:
        return []
    return [f"{of}: x {ratio(trend.ratio)} {words} ({p_value(trend.p)})"]


def _gates(cell: Cell) -> list[str]:
    """The gates that did not pass, each with its worst finding."""
    of_trials = [
        f"gate {gate.verdict} ({quantity(gate.counts[gate.verdict], 'trial')}): {gate.said}"
        for gate in cell.gates
        if gate.verdict is not GateVerdict.PASSED
    ]
    of_pairs = [
        f"gate {gate.verdict}, {gate.candidate} / {gate.baseline}: {gate.said}"
        for gate in cell.pair_gates
        if gate.verdict is not GateVerdict.PASSED
    ]
    return [*of_trials, *of_pairs]


def _control(control: ControlArm) -> str:
    """``positive control of a, throughput: passed: ... (a-slow judged as a subject: SLOWER)``."""
    outcome = control.outcome
    return (
        f"{outcome.name} control of {control.baseline}, {control.metric}: "
        f"{'passed' if outcome.passed else 'failed'}: {outcome.what} "
        f"({control.candidate} judged as a subject: {control.verdict})"
    )
