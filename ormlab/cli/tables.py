"""Results as text: the conclusion first, then tables."""

from __future__ import annotations

import io
import shutil
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from pathlib import Path

_WIDTH = 150  # where standard output is no terminal
_MIB = 2**20
_UNKNOWN = "-"
_BAD = ("warning", "failed")
_ORDER_P = 0.01  # what is less likely by chance is told; several are looked at
_TRENDS = {
    "position": "from the earliest to the latest place in a block",
    "drift": "from the first block to the last",
}


def results_text(results: dict[str, Any], bundle: Path) -> str:
    """The conclusion, a table of figures and one of ratios for each cell, and where it lies."""
    out = io.StringIO()
    width = shutil.get_terminal_size((_WIDTH, 0)).columns
    console = Console(file=out, width=width, highlight=False, color_system=None)
    console.print(results["conclusion"], soft_wrap=True)
    for cell in results["cells"]:
        console.print(f"\n{cell['workload']} under {cell['load']} ({cell['latency_kind']})")
        console.print(_figures(cell))
        if cell["comparisons"]:
            console.print(_ratios(cell))
        for control in cell["controls"]:
            console.print(_control(control), soft_wrap=True)
        for line in (*_undeclared(cell), *_order(cell), *_gates(cell)):
            console.print(line, soft_wrap=True)
    for gate in results["gates"]:
        if gate["verdict"] in _BAD:
            console.print(f"gate {gate['verdict']}: {gate['said']}", soft_wrap=True)
    for failure in results["failures"]:
        console.print(f"failed: {failure['trial']}: {failure['what']}", soft_wrap=True)
    for omission in results["omitted"]:
        console.print(f"left out: {omission['path']}: {omission['reason']}", soft_wrap=True)
    console.print(f"\nbundle: {bundle}", soft_wrap=True)
    console.print(f"verify: ormlab verify {bundle}", soft_wrap=True)
    return out.getvalue().rstrip("\n")


def _undeclared(cell: dict[str, Any]) -> list[str]:
    """The subjects whose requests cost the database something else than their services declare."""
    return [
        f"not as declared, {name}: {said}"
        for name, figures in cell["subjects"].items()
        for said in figures["undeclared"]
    ]


def _order(cell: dict[str, Any]) -> list[str]:
    """Comparisons on which the order of the trials has left a trace beyond chance."""
    found = []
    for each in cell["comparisons"]:
        effects, of = each["order"], f"{each['candidate']} / {each['baseline']}, {each['metric']}"
        for name, words in _TRENDS.items():
            trend = effects[name]
            if trend and trend["p"] is not None and trend["p"] < _ORDER_P:
                found.append(f"order, {of}: x {trend['ratio']:.3f} {words} (p {trend['p']:.1g})")
        carried = effects["carry_over"]["p"]
        if carried is not None and carried < _ORDER_P:
            found.append(f"order, {of}: it depends on who ran before (p {carried:.1g})")
    return found


def _gates(cell: dict[str, Any]) -> list[str]:
    """The gates that did not pass, each with its worst finding, and those without a reading."""
    bad = [
        f"gate {gate['verdict']} ({gate['counts'][gate['verdict']]} trials): {gate['said']}"
        for gate in cell["gates"]
        if gate["verdict"] in _BAD
    ]
    bad += [
        f"gate {gate['verdict']}, {gate['candidate']} / {gate['baseline']}: {gate['said']}"
        for gate in cell["pair_gates"]
        if gate["verdict"] in _BAD
    ]
    unknown = [gate["code"] for gate in cell["gates"] if gate["verdict"] == "unknown"]
    return [*bad, f"gates without a reading: {', '.join(unknown)}"] if unknown else bad


def _figures(cell: dict[str, Any]) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    columns = ("subject", "req/s", "p50 ms", "p90 ms", "p99 ms", "errors")
    roles = ("CPU us/req service", "database", "load")
    for name in (*columns, *roles, "RSS MiB", "round trips", "trials"):
        first = name == "subject"
        table.add_column(name, justify="left" if first else "right", no_wrap=first)
    for name, figures in cell["subjects"].items():
        rss = figures["rss_service"]
        table.add_row(
            name,
            f"{figures['throughput']:,.0f}",
            *(_number(figures[quantile], 1) for quantile in ("p50", "p90", "p99")),
            f"{figures['errors']:,}",
            *(_number(figures[f"cpu_{role}"], 0) for role in ("service", "database", "load")),
            _number(rss / _MIB if rss else None, 1),
            _number(figures["round_trips"], 1),
            str(figures["trials"]),
        )
    return table


def _ratios(cell: dict[str, Any]) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    numbers = ("value", "95 % interval", "blocks", "found 9 times in 10")
    for name in ("ratio", "of", *numbers, "verdict"):
        table.add_column(name, justify="right" if name in numbers else "left")
    for ratio in cell["comparisons"]:
        interval = _UNKNOWN
        if ratio["low"] is not None:
            interval = f"{ratio['low']:.3f} to {ratio['high']:.3f}"
        effect = ratio["detectable"]
        table.add_row(
            f"{ratio['candidate']} / {ratio['baseline']}",
            f"{ratio['metric']} ({ratio['better']} is better)",
            f"{ratio['ratio']:.3f}",
            interval,
            str(ratio["blocks"]),
            f"{100 * effect:.1f} %" if effect is not None else _UNKNOWN,
            ratio["verdict"],
        )
    return table


def _control(control: dict[str, Any]) -> str:
    """``null control of a, throughput: passed: ... (a-null judged as a subject: EQUIVALENT)``."""
    outcome, scatter = control["outcome"], control.get("scatter")
    why = f"; {scatter['what']}" if scatter and not outcome["passed"] else ""
    return (
        f"{outcome['name']} control of {control['baseline']}, {control['metric']}: "
        f"{'passed' if outcome['passed'] else 'failed'}: {outcome['what']} "
        f"({control['candidate']} judged as a subject: {control['verdict']})"
        f"{why}"
    )


def _number(value: float | None, digits: int) -> str:
    return _UNKNOWN if value is None else f"{value:,.{digits}f}"
