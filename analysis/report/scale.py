"""Places of values along an axis, as percentages of its length, and the round figures on it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

_ROOM: Final = 0.05  # of the axis, beyond the outermost values
_ROUND: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_WIDE: Final = 5.0  # high over low, from which even steps would crowd at one end


class Scale(NamedTuple):
    """An axis from ``low`` to ``high``, even or logarithmic."""

    low: float
    high: float
    log: bool

    @classmethod
    def around(cls, values: Iterable[float], *, log: bool = False) -> Self:
        """The scale that holds these values with some room; at least one value is needed."""
        known = [math.log(value) if log else value for value in values]
        low, high = min(known), max(known)
        room = (high - low) * _ROOM or (0.05 if log else abs(high) * _ROOM or 1.0)
        low, high = low - room, high + room
        return cls(math.exp(low), math.exp(high), log) if log else cls(low, high, log)

    def at(self, value: float) -> float:
        """Per cent of the axis, at an end for what lies beyond it."""
        ends = (self.low, value, self.high)
        low, here, high = map(math.log, ends) if self.log else ends
        return min(100.0, max(0.0, 100 * (here - low) / (high - low)))

    def ticks(self, most: int = 6) -> list[float]:
        """Round figures on the axis; at most so many on an even one."""
        if self.log and self.high / self.low > _WIDE:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            for steps in ((1, 2, 5), (1, 3), (1,)):
                found = self._on([step * 10.0**decade for decade in decades for step in steps])
                if len(found) <= most + 2:
                    return found
            return found[:: math.ceil(len(found) / most)]
        span = (self.high - self.low) / most
        magnitude = 10.0 ** math.floor(math.log10(span))
        step = next(each * magnitude for each in _ROUND if each * magnitude >= span)
        first = math.ceil(self.low / step)
        return self._on([round((first + at) * step, 12) for at in range(most + 1)])

    def _on(self, values: Iterable[float]) -> list[float]:
        return [value for value in values if self.low <= value <= self.high]


def labelled(value: float) -> str:
    """A round figure without zeros at its end."""
    return f"{value:,.6g}" if value < 1e6 else f"{value:,.0f}"  # noqa: PLR2004 - six digits
