"""A comparison of two bundles as text: the conclusion, the results, what changed."""

from __future__ import annotations

import io
import shutil
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

_WIDTH = 150  # where standard output is no terminal
_LONGEST = 60  # characters of a value
_MOST = 20  # changes of one area
_HELD = {"welch": "95 % interval", "prediction": "expected range"}


def diff_text(told: Mapping[str, Any]) -> str:
    """Render a document of `ormlab.diff`."""
    out = io.StringIO()
    width = shutil.get_terminal_size((_WIDTH, 0)).columns
    console = Console(file=out, width=width, highlight=False, color_system=None)
    console.print(told["conclusion"], soft_wrap=True)
    for number, bundle in enumerate(told["bundles"], start=1):
        console.print(f"{number}: {bundle['id']}, {bundle['status']}", soft_wrap=True)
    if told["relation"]["is_rerun"]:
        console.print("2 is a rerun of 1: it names its seal")
    if told["agreements"]:
        console.print(_agreements(told["agreements"]))
    if told["changes"]:
        for table in _changes(told["changes"]):
            console.print(table)
    return out.getvalue().rstrip("\n")


def _agreements(agreements: list[dict[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    numbers = ("1", "2", "2 / 1", _HELD[agreements[0]["method"]])
    for name in ("ratio", "of", "on", *numbers, "verdict", "why"):
        table.add_column(name, justify="right" if name in numbers else "left")
    for each in agreements:
        held = "-" if each["low"] is None else f"{each['low']:.3f} to {each['high']:.3f}"
        table.add_row(
            f"{each['candidate']} / {each['baseline']}",
            each["metric"],
            f"{each['workload']} under {each['load']}",
            *(f"{run['ratio']:.3f}" for run in each["runs"]),
            f"{each['ratio']:.3f}",
            held,
            each["verdict"],
            each["why"],
        )
    return table


def _changes(changes: list[dict[str, Any]]) -> list[Table]:
    tables = []
    for area in dict.fromkeys(each["area"] for each in changes):
        of_area = [each for each in changes if each["area"] == area]
        table = Table(box=box.SIMPLE, pad_edge=False)
        for name in (f"{area}: {len(of_area)} changed", "1", "2"):
            table.add_column(name, overflow="fold")
        for each in of_area[:_MOST]:
            table.add_row(each["at"], _short(each["before"]), _short(each["after"]))
        if len(of_area) > _MOST:
            table.add_row(f"... and {len(of_area) - _MOST} more (--json has all)", "", "")
        tables.append(table)
    return tables


def _short(value: object) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
