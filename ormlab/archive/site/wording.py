"""How the site says figures, times and foreign text; figures are rounded as in the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from analysis import rounding
from bundle.display import visible

if TYPE_CHECKING:
    from datetime import datetime

    from bundle.documents.verdicts import Measured


_MIB: Final = 2**20
_SPACE: Final = "\n\t"


def magnitude(unit: str) -> tuple[float, str]:
    """By what a value of a unit is divided, and the unit in which it is then shown."""
    return (_MIB, "MiB") if unit == "bytes" else (1.0, unit)


def measured(found: Measured | None) -> str:
    """A measured figure with its interval, and how many blocks it rests on."""
    said = rounding.measured(found)
    return f"{said}, {found.blocks} blocks" if found else said


def instant(time: datetime) -> str:
    """``2026-11-23 03:15 UTC``."""
    return f"{time:%Y-%m-%d %H:%M} UTC"


def plain(value: object) -> object:
    """Name in foreign text what no reader can see, such as a reversal of direction."""
    foreign = isinstance(value, str) and not isinstance(value, Markup)
    return visible(str(value), keep=_SPACE) if foreign else value
