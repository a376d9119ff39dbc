"""Limits by profile and tier: whether a value keeps one, and the verdict if it does not.

The declarations are `host.expectation.Limit` and `Rule`.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING

from analysis.rounding import given, percent
from bundle.documents.results import GateVerdict
from host.expectation import Severity

if TYPE_CHECKING:
    from host.expectation import Limit

_GIB = 1 << 30
_NONE = "none"


def judge(value: object, limit: Limit, severity: Severity, *, required: bool) -> GateVerdict:
    """Compare a value with a limit.

    Args:
        value: None or NaN is one that could not be read, and never passes.
        limit: the value should keep.
        severity: of a breach.
        required: whether an unreadable value is as bad as a breach, where that is fatal.
    """
    fatal = severity is Severity.FATAL
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return GateVerdict.FAILED if fatal and required else GateVerdict.UNKNOWN
    if holds(limit, value):
        return GateVerdict.PASSED
    return GateVerdict.FAILED if fatal else GateVerdict.WARNING


def holds(limit: Limit, value: object) -> bool:
    """Whether a value that could be read keeps a limit: one of its conditions, if it has any."""
    kept: list[bool] = []
    if limit.low is not None or limit.high is not None:
        number = _number(value)
        kept.append(number is not None and excess(limit, number) == 0)
    if limit.among:
        each_of = value if isinstance(value, list) else [value]
        kept.append(bool(each_of) and all(each in limit.among for each in each_of))
    if limit.other_than is not None:
        kept.append(value != limit.other_than)
    if limit.begins is not None:
        kept.append(isinstance(value, str) and value.startswith(limit.begins))
    if limit.empty:
        kept.append(value == [])
    return any(kept) or not kept


def excess(limit: Limit, number: float) -> float:
    """How far a number lies outside of a limit's bounds; 0 inside of them."""
    below = limit.low - number if limit.low is not None else 0.0
    above = number - limit.high if limit.high is not None else 0.0
    return max(0.0, below, above)


def says(limit: Limit, unit: str | None = None) -> str:
    """A limit in words, after "should be"."""
    if limit.said:
        return limit.said
    bounds = {"at least": limit.low, "at most": limit.high}
    words = [f"{word} {shown(bound, unit)}" for word, bound in bounds.items() if bound is not None]
    alternatives = [shown(each) for each in limit.among]
    alternatives += [" and ".join(words)] if words else []
    alternatives += [f"not {limit.other_than}"] if limit.other_than is not None else []
    alternatives += [f"{limit.begins}..."] if limit.begins is not None else []
    alternatives += [_NONE] if limit.empty else []
    return " or ".join(alternatives)


def shown(value: object, unit: str | None = None) -> str:
    """A value as people read it: yes and no, lists by commas, bytes as GiB, shares as percent."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        words = ", ".join(str(each) for each in value) or _NONE
        return f"{words} {unit}" if unit and value else words
    if isinstance(value, int | float):
        return _shown_number(value, unit)
    return f"{value} {unit}" if unit and value != _NONE else str(value)


def _shown_number(value: float, unit: str | None) -> str:
    if value == 0:
        return "0"
    if unit == "bytes":
        return f"{value / _GIB:.1f} GiB"
    if unit == "share":
        return percent(value, 1)
    return f"{given(value)} {unit}" if unit else given(value)


def _number(value: object) -> float | None:
    """A number, or a text that is one, as some limits of control groups are told."""
    if isinstance(value, bool) or not isinstance(value, Real | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None
