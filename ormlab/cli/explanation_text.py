"""An explanation as text: the largest cause first, then the causes by size, then the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.documents.explanation import Stop
from ormlab.cli.page import Grid, Page

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.documents.explanation import Cause, Difference, Effect, ExplainedCell, Explanation

_UNKNOWN = "-"
_UNSEEN = Stop(
    trials=0,
    throughput=None,
    cpu_service=None,
    cpu_database=None,
    round_trips=None,
    statements=None,
)


def explanation_text(explanation: Explanation, bundle: Path) -> str:
    """The conclusion, and for each cell a table of causes and one of the way's subjects."""
    page = Page()
    page.line(explanation.conclusion)
    for cell in explanation.cells:
        whole = f"{cell.blocks} whole blocks"
        if cell.dropped:
            whole += f", {len(cell.dropped)} that lack a trial are left out"
        page.line()
        page.line(f"{cell.workload} under {cell.load}: {whole}")
        page.grid(_causes(cell, explanation))
        page.grid(_way(cell))
    page.line("The ratios multiply to the whole and the CPU times add up to it; intervals do")
    page.line("neither. CPU us/req: what the cause adds to (or takes from) one request.")
    page.line()
    page.line(f"bundle: {bundle}")
    page.line(f"verify: ormlab verify {bundle}")
    return page.text()


def _causes(cell: ExplainedCell, explanation: Explanation) -> Grid:
    grid = Grid()
    numbers = ("req/s x", "95 % interval", "share", "alone x", "CPU us/req service", "database")
    for name in ("cause", *numbers, "round trips", "what"):
        left = name in {"cause", "what"}
        grid.column(name, right=not left, wrap=name != "cause")
    # The residual has no rank: it stands below every step.
    for part in sorted(cell.parts, key=lambda part: part.rank or len(cell.parts)):
        grid.row(
            part.name,
            *_sized(part.throughput),
            _UNKNOWN if part.share is None else f"{100 * part.share:.0f} %",
            _sized(part.alone)[0],
            _added(part.cpu_service),
            _added(part.cpu_database),
            _round_trips(part, cell),
            part.what,
        )
    whole = cell.total
    grid.section()
    grid.row(
        "whole",
        *_sized(whole.throughput),
        "",
        "",
        _added(whole.cpu_service),
        _added(whole.cpu_database),
        "",
        f"{explanation.from_} to {explanation.to}",
    )
    return grid


def _way(cell: ExplainedCell) -> Grid:
    """The subjects in the order of the way, and those with one factor alone below them."""
    grid = Grid()
    numbers = ("req/s", "CPU us/req service", "database", "round trips", "statements", "trials")
    for name in ("on the way", *numbers):
        first = name == "on the way"
        grid.column(name, right=not first, wrap=not first)
    on_the_way = [cell.parts[0].before, *(part.after for part in cell.parts)]
    rest = [name for name in cell.subjects if name not in on_the_way]
    for name in (*on_the_way, *rest):
        stop = cell.subjects.get(name, _UNSEEN)
        grid.row(
            name if name in on_the_way else f"({name})",
            *map(_number, (stop.throughput, stop.cpu_service, stop.cpu_database)),
            _number(stop.round_trips, 1),
            _number(stop.statements, 1),
            str(stop.trials),
        )
    return grid


def _sized(effect: Effect | None) -> tuple[str, str]:
    if effect is None:
        return _UNKNOWN, _UNKNOWN
    if effect.low is None:
        return f"{effect.ratio:.3f}", _UNKNOWN
    return f"{effect.ratio:.3f}", f"{effect.low:.3f} to {effect.high:.3f}"


def _added(added: Difference | None) -> str:
    if added is None:
        return _UNKNOWN
    if added.low is None:
        return f"{added.mean:+.0f}"
    return f"{added.mean:+.0f} ({added.low:+.0f} to {added.high:+.0f})"


def _round_trips(part: Cause, cell: ExplainedCell) -> str:
    ends = cell.round_trips(part)
    return " to ".join(_number(each, 1) for each in ends) if ends else _UNKNOWN


def _number(value: float | None, digits: int = 0) -> str:
    return _UNKNOWN if value is None else f"{value:,.{digits}f}"
