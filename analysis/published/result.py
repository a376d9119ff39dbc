"""What a load generator or a benchmark suite printed of one run: figures, settings, doubts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

from analysis.claims.fields import LARGEST, SMALLEST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MS: Final[Mapping[str, float]] = {
    "ns": 1e-6,
    "us": 1e-3,
    "µs": 1e-3,
    "μs": 1e-3,
    "ms": 1.0,
    "s": 1e3,
    "sec": 1e3,
    "secs": 1e3,
    "m": 6e4,
    "h": 3.6e6,
}
"""Milliseconds of each unit of time that the tools print."""
NUMBER: Final = r"-?[0-9][0-9.]*(?:[eE][-+]?[0-9]+)?"
COUNT: Final = r"[0-9]{1,15}"
_LONGEST: Final = 40  # characters of a number
# Programs print a float with more digits than their own arithmetic keeps.
_ARITHMETIC: Final = 1e-9


class ResultError(ValueError):
    """A file holds no result of the format; ``line`` is where, 0 for the whole file."""

    def __init__(self, what: str, line: int = 0) -> None:
        super().__init__(what)
        self.what = what
        self.line = line


@dataclass(frozen=True)
class Reported:
    """A figure as it was printed. ``precision`` is the size of its last digit, 0 for a count."""

    value: float
    precision: float
    unit: str
    note: str = ""
    interval: tuple[float, float] | None = None  #: that the tool prints of it

    @classmethod
    def of(cls, written: str | float, unit: str, *, scale: float = 1.0) -> Reported:
        """Read a number; ``scale`` converts it to ``unit``.

        A text has the digits that somebody chose to print. A float comes from a JSON document,
        where programs write every digit that they have.

        Raises:
            ResultError: it is no number, or of a size that nothing measures.
        """
        text = repr(written) if isinstance(written, float) else str(written)
        digits = _digits(text)
        if digits is None:
            raise ResultError(f"{text[:_LONGEST]!r} is no number that a benchmark prints")
        number, exponent = digits
        value = float(number * Decimal(repr(scale)))
        if number and not SMALLEST < abs(value) < LARGEST:
            raise ResultError(f"{text[:_LONGEST]!r} is no number that a benchmark prints")
        noise = _ARITHMETIC * max(1.0, abs(value))
        if isinstance(written, int) or (isinstance(written, str) and written.isdecimal()):
            last = 0.0 if scale == 1 else noise
        else:
            last = noise if isinstance(written, float) else max(10.0**exponent * scale, SMALLEST)
        return cls(value, last, unit)


def _digits(text: str) -> tuple[Decimal, int] | None:
    """A finite number with its exponent; None for any other text, or one beyond all measures."""
    try:
        number = Decimal(text) if len(text) <= _LONGEST else Decimal("NaN")
    except ArithmeticError:
        return None
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or not max(abs(exponent), abs(number.adjusted())) <= _LONGEST:
        return None
    return number, exponent


type Setting = str | int | float
type Loop = Literal["closed", "open", "unknown"]


@dataclass(frozen=True)
class PublishedRun:
    """One run of a tool as its output tells of it.

    Figures have these names, where the tool prints them: ``throughput`` (req/s), ``latency_mean``,
    ``latency_min``, ``latency_max``, ``latency_stdev`` and percentiles such as ``p99`` (ms),
    ``error_rate`` (%); any other name is for what only this tool prints.
    """

    tool: str  #: and its version where the output tells
    locator: str  #: where in the file
    figures: Mapping[str, Reported]
    #: by the name of a condition; what the file does not tell is left out
    settings: Mapping[str, Setting] = field(default_factory=dict)
    subject: str = ""  #: what was measured, if the file names it
    workload: str = ""  #: which part of a larger benchmark
    loop: Loop = "closed"
    wrk_prints: bool = False  #: whether the latencies are wrk's, which adds samples to them
    requests: Reported | None = None  #: that the throughput is of ...
    seconds: Reported | None = None  #: ... and the time
    #: how far the throughput may be from requests over seconds, and why; None for the digits alone
    slack: tuple[float, str] | None = None
    #: how far a percentile may be from a value of the tool's histogram, and why; likewise
    bins: tuple[float, str] | None = None
    #: the most requests that can be under way at once, where it is no number of connections
    most_at_once: Reported | None = None
    in_flight: int | None = None  #: requests on a connection at once, where the tool tells
    #: by figure, why its method is doubtful
    doubts: Mapping[str, str] = field(default_factory=dict)
    untestable: str = ""  #: why no run of the lab can test any of it; empty if one can


class Lines:
    """The lines of a text, searched one after the other; lines are counted from 1."""

    def __init__(self, text: str, what: str, *, before: int = 0) -> None:
        self._lines = text.splitlines()
        self._what = what
        self._before = before
        self.last = before + len(self._lines)  #: number of the last line

    def find(self, pattern: str) -> re.Match[str] | None:
        """The first line that matches from its beginning, spaces aside."""
        return next(iter(self.all(pattern)), None)

    def all(self, pattern: str) -> list[re.Match[str]]:
        """Every line that matches from its beginning, spaces aside."""
        known = re.compile(pattern)
        return [found for line in self._lines if (found := known.match(line.strip()))]

    def need(self, pattern: str, named: str) -> re.Match[str]:
        """As `find`, for what every output of the tool has.

        Raises:
            ResultError: no line matches.
        """
        if found := self.find(pattern):
            return found
        raise ResultError(
            f"the output of {self._what} has no line {named!r}: it is cut off, or of another tool",
            self.last,
        )

    def each[T](self, pattern: str, take: Callable[[re.Match[str]], tuple[str, T]]) -> dict[str, T]:
        """What ``take`` makes of every line that matches, by name.

        Raises:
            ResultError: a name stands twice.
        """
        made: dict[str, T] = {}
        for found in self.all(pattern):
            name, value = take(found)
            if name in made:
                raise ResultError(f"{name} stands twice in one output of {self._what}", self.last)
            made[name] = value
        return made


def percentile(written: str) -> str:
    """The name of a percentile: p50, p99, p99.9; 100 is the maximum."""
    number = Reported.of(written, "%").value
    return "latency_max" if number >= 100 else f"p{number:g}"  # noqa: PLR2004 - per cent


def milliseconds(written: str, unit: str) -> Reported:
    """A time in ms.

    Raises:
        ResultError: it is no number, or the unit is unknown.
    """
    if unit not in MS:
        raise ResultError(f"{unit[:_LONGEST]!r} is no unit of time")
    return Reported.of(written, "ms", scale=MS[unit])


def seconds(written: str, unit: str) -> Reported:
    """A time in seconds; errors as in `milliseconds`."""
    made = milliseconds(written, unit)
    return Reported(made.value / MS["s"], made.precision / MS["s"], "s")
