"""Figures as people read them, rounded to the digits that are known of them; never as ``1e+04``.

A figure with an interval is rounded to two digits of the interval's half-width, which is what its
uncertainty is good for. Source: JCGM 100:2008 (GUM), 7.2.6.
A figure without one is given to three digits.
"""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bundle.documents.verdicts import Measured

UNKNOWN = "-"
_DIGITS = 3
_MOST_DECIMALS = 12
_MOST_DIGITS = 12
_FIVE_DIGITS = 10_000
_TIMES = 10  # a share from which nobody reads a percentage
_LEAST_P = 0.0001
_TAIL = 0.025  # on either side of a 95 % interval


def places(half_width: float) -> int:
    """Decimal places of a figure that is known to plus or minus this; negative left of the point.

    Raises:
        ValueError: the half-width is not positive and finite.
    """
    if not 0 < half_width < math.inf:
        raise ValueError(f"nothing is known to plus or minus {half_width}")
    return 1 - math.floor(math.log10(half_width))


def figure(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """A figure to the decimal places that its interval allows; to three digits without one."""
    if value is None:
        return UNKNOWN
    if low is None or high is None or not low < high:
        return significant(value)
    return fixed(value, places((high - low) / 2))


def interval(low: float | None, high: float | None) -> str:
    """``1.85 to 2.04``, rounded to itself."""
    if low is None or high is None:
        return UNKNOWN
    if not low < high:
        return f"{significant(low)} to {significant(high)}"
    digits = places((high - low) / 2)
    return f"{fixed(low, digits)} to {fixed(high, digits)}"


def ratio(value: float, low: float | None = None, high: float | None = None) -> str:
    """A ratio as `figure` gives it, but with one digit where that would be 0."""
    shown = figure(value, low, high)
    return significant(value, 1) if _is_zero(shown) else shown


def ratio_interval(low: float, high: float) -> str:
    """An interval of a ratio as `interval` has it, but neither end as 0."""
    ends = interval(low, high).split(" to ")
    return " to ".join(
        significant(value, 1) if _is_zero(shown) else shown
        for value, shown in zip((low, high), ends, strict=True)
    )


def ratio_with_interval(value: float, low: float | None, high: float | None) -> str:
    """A ratio as `with_interval` gives it, but neither it nor an end as 0."""
    if low is None or high is None:
        return ratio(value)
    return f"{ratio(value, low, high)} ({ratio_interval(low, high)})"


def rate(value: float | None) -> str:
    """Events per second as a whole number, and never as 0 where there were some."""
    if value is None:
        return UNKNOWN
    shown = fixed(value, 0)
    return significant(value, 1) if _is_zero(shown) else shown


def _is_zero(shown: str) -> bool:
    return not shown.strip("0.")


def with_interval(value: float | None, low: float | None, high: float | None) -> str:
    """``1.94 (1.85 to 2.04)``; the figure alone where there is no interval."""
    if value is None or low is None or high is None:
        return figure(value)
    return f"{figure(value, low, high)} ({interval(low, high)})"


def significant(value: float, digits: int = _DIGITS) -> str:
    """A figure at so many digits, never fewer than those left of the point."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return fixed(value, max(0, digits - 1 - math.floor(math.log10(abs(value)))))


def fixed(value: float, digits: int) -> str:
    """A figure at so many decimal places; rounded left of the point if negative."""
    digits = min(digits, _MOST_DECIMALS)
    rounded = round(value, digits) + 0.0  # no negative zero
    return f"{rounded:,.{max(0, digits)}f}"


def brief(value: float, digits: int = _DIGITS) -> str:
    """A figure as `significant` gives it, without zeros at the end of a fraction.

    Four digits have no comma: they may be those of a year or of a port.
    """
    shown = significant(value, digits)
    if abs(value) < _FIVE_DIGITS:
        shown = shown.replace(",", "")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def count(value: float | None) -> str:
    """What is counted for each request, as `brief` gives it."""
    return UNKNOWN if value is None else brief(value)


def given(value: float) -> str:
    """A number that somebody chose or a kernel counts, such as a limit, with all its digits."""
    return brief(value, _MOST_DIGITS)


def percent(share: float | None, digits: int = 0) -> str:
    """``12 %``, with at most so many decimal places and three digits; from 10 on ``12.3 times``."""
    if share is None:
        return UNKNOWN
    if abs(share) >= _TIMES:
        return f"{brief(share)} times"
    left = math.floor(math.log10(abs(100 * share))) if share else 0
    return f"{fixed(100 * share, max(0, min(digits, _DIGITS - 1 - left)))} %"


def amount(value: float, unit: str, digits: int = _DIGITS) -> str:
    """A figure with its unit; from 1000 % on as ``12.3 times`` what the unit names."""
    if unit.startswith("%") and abs(value) >= 100 * _TIMES:
        return f"{brief(value / 100, digits)} times{unit[1:].replace(' of', '', 1)}"
    return f"{brief(value, digits)} {unit}".rstrip()


def p_value(p: float) -> str:
    """``p 0.03``, or ``p < 0.0001``."""
    return f"p {brief(p, 2)}" if p >= _LEAST_P else f"p < {given(_LEAST_P)}"


def percent_interval(share: float, low: float | None, high: float | None) -> str:
    """``56.1 % (52.2 to 60.0 %)``; the figure alone where there is no interval."""
    if low is None or high is None:
        return percent(share)
    shown = f"{figure(100 * share, 100 * low, 100 * high)} %"
    return f"{shown} ({interval(100 * low, 100 * high)} %)"


def median_interval(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """The median with its 95 % interval, whatever the distribution; none with five values or fewer.

    The interval reaches from the k-th smallest to the k-th largest value, with the largest k for
    which a binomial (n, 1/2) lies below k in at most 2.5 % of cases.
    Source: Conover, Practical Nonparametric Statistics, 3rd edition, section 3.2.

    Raises:
        StatisticsError: there are no values.
    """
    ordered, count = sorted(values), len(values)
    below, reach = 0, 0
    while (below := below + math.comb(count, reach)) <= _TAIL * 2**count:
        reach += 1
    ends = (ordered[reach - 1], ordered[count - reach]) if reach else (None, None)
    return median(ordered), *ends


def measured(found: Measured | None) -> str:
    """What a claim was measured to be, with its interval."""
    if found is None:
        return UNKNOWN
    low, high = (found.ci95.low, found.ci95.high) if found.ci95 else (None, None)
    return with_interval(found.value, low, high)
