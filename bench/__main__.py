"""``python -m bench [NAME ...]``: run the benchmarks, print a table, write ``.lab/bench.json``.

Each benchmark is a module here with ``run() -> dict``: a figure, or the reason why there is none,
by name. What is aimed at stands below; a missed aim is shown, and is no error, because machines
differ and are noisy.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

_MODULES = (
    "bundle",
    "catalog",
    "client",
    "switchback",
    "memory",
    "dataset",
    "precision",
    "report",
    "demo",
)
_MIB = 2**20
# Name: (at most or at least, aim).
_AIMS: dict[str, tuple[str, float]] = {
    "bundle.verify_over_sha256sum": ("<=", 1.5),
    "bundle.pack_over_tar_zstd": ("<=", 1.5),
    "catalog.query_s": ("<=", 1.0),
    "catalog.peak_many_over_few": ("<=", 1.1),
    "client.over_wrk": (">=", 0.8),
    "client.over_article": (">=", 8.0),
    "switchback.slices_over_closed": ("<=", 1.1),
    "memory.client_peak_bytes": ("<=", 300 * _MIB),
    "memory.orchestrator_peak_bytes": ("<=", 300 * _MIB),
    "dataset.seed_over_copy": ("<=", 1.25),
    "dataset.clone_over_seed": ("<=", 0.35),
    "precision.blocks_over_rows": ("<=", 0.35),
    "report.html_s": ("<=", 5.0),
    "report.html_bytes": ("<=", 2_000_000),
    "demo.measured_over_wall": (">=", 0.6),
    "demo.sampler_core_share": ("<=", 0.01),
}


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; returns the exit code."""
    if unknown := set(names) - set(_MODULES):
        sys.stderr.write(f"no benchmark {sorted(unknown)}; there are {', '.join(_MODULES)}\n")
        return 2
    figures: dict[str, object] = {}
    for name in names or _MODULES:
        sys.stderr.write(f"- {name}\n")
        figures |= import_module(f"bench.{name}").run()
        _save(figures)  # one that fails must not take the others along
    Console(width=100, markup=False, emoji=False).print(_table(figures))
    return 0


def _save(figures: dict[str, object]) -> None:
    document = {
        "schema": "bench/1",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "figures": figures,
        "aims": {name: f"{sign} {aim}" for name, (sign, aim) in _AIMS.items() if name in figures},
        "missed": [name for name in figures if _verdict(name, figures[name]) == "missed"],
    }
    path = Path(".lab/bench.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")


def _table(figures: dict[str, object]) -> Table:
    table = Table("figure", "value", "aim", "", title="benchmarks of the lab itself")
    for name, value in figures.items():
        sign, aim = _AIMS.get(name, ("", None))
        shown = f"{value:,.4g}" if isinstance(value, int | float) else str(value)
        table.add_row(name, shown, f"{sign} {aim:,.4g}" if aim else "", _verdict(name, value))
    return table


def _verdict(name: str, value: object) -> str:
    if name not in _AIMS or not isinstance(value, int | float):
        return ""
    sign, aim = _AIMS[name]
    return "met" if (value <= aim if sign == "<=" else value >= aim) else "missed"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
