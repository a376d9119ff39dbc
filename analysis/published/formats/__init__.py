"""The formats that `ormlab import` reads. Adding one is adding its name here, and its module.

A module has a `FORMAT`. Where no mark of it fits a file that it should read, `--format` chooses it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

from analysis.published.formats.base import ResultFormat

__all__ = ["FORMATS", "NAMES", "ResultFormat"]

NAMES: Final = (
    *("wrk", "wrk2", "k6", "oha", "hey", "bombardier", "pgbench", "techempower", "asv"),
)

FORMATS: Final[dict[str, ResultFormat]] = {
    name: import_module(f"{__name__}.{name}").FORMAT for name in NAMES
}
