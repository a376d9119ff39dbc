"""Checks on paper: does what was published agree with itself? No machine is needed.

A printed figure stands for every value that rounds to it, so each is an interval, and a check
contradicts only if no values of these intervals fit. What is not stated can throw doubt, no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from analysis.claims import ledger as kinds
from analysis.claims.lint import inputs_of
from analysis.inference import Interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.claims.ledger import Check, Input, Ledger, Status

_MS = 1000.0
_TAIL = 0.01  # beyond the 99th percentile


class Outcome(StrEnum):
    """What a check comes to.

    holds          values that round to the printed figures fit together
    doubtful       they do not fit, or only under an unlikely circumstance, and not all is stated
    contradicts    no values that round to the stated figures fit together
    undecided      a figure that it needs is unknown
    """

    HOLDS = "holds"
    DOUBTFUL = "doubtful"
    CONTRADICTS = "contradicts"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Figure:
    """A printed figure: the values that round to it, and whether the source states it."""

    low: float
    high: float
    status: Status

    @property
    def value(self) -> float:
        """As printed."""
        return (self.low + self.high) / 2


@dataclass(frozen=True)
class CheckOutcome:
    """A check with what came of it.

    Attributes:
        check: its name in the ledger.
        kind: of the check.
        outcome: see there.
        says: what is checked, in the ledger's words.
        what: the arithmetic in one sentence.
        convicts: claims that cannot stand because of it; empty unless it contradicts.
        concerns: claims it throws doubt on; empty if it holds or is undecided.
        numbers: what was computed, by name.
    """

    check: str
    kind: str
    outcome: Outcome
    says: str
    what: str
    convicts: tuple[str, ...]
    concerns: tuple[str, ...]
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class _Answer:
    fits: Outcome
    what: str
    numbers: dict[str, float]


def outcomes(ledger: Ledger) -> list[CheckOutcome]:
    """Carry out every check of a ledger that has no problems."""
    return [_carry_out(ledger, name, check) for name, check in ledger.checks.items()]


def _carry_out(ledger: Ledger, name: str, check: Check) -> CheckOutcome:
    inputs = inputs_of(check)
    claims = tuple(sorted({each for each in inputs.values() if each in ledger.claims}, key=str))
    concerned = tuple(check.concerns) if isinstance(check, kinds.Method) else claims
    answer = _answer(check, {key: _figure(ledger, value) for key, value in inputs.items()})
    contradicts = answer.fits == Outcome.CONTRADICTS
    doubts = contradicts or answer.fits == Outcome.DOUBTFUL
    return CheckOutcome(
        check=name,
        kind=check.kind,
        outcome=answer.fits,
        says=check.says,
        what=answer.what,
        convicts=tuple(check.convicts) if contradicts else (),
        concerns=tuple(str(each) for each in concerned) if doubts else (),
        numbers=answer.numbers,
    )


def _figure(ledger: Ledger, given: Input) -> Figure | None:
    """The figure that an input stands for; None if it is unknown or no number."""
    if isinstance(given, kinds.Number):
        if given.status == "unknown":
            return None
        half = given.precision / 2
        return Figure(given.value - half, given.value + half, given.status)
    claim = ledger.claims.get(given)
    if claim is not None:
        value, half = getattr(claim, "value", None), getattr(claim, "precision", 0.0) / 2
        if not isinstance(value, int | float):
            return None
        return Figure(value - half, value + half, "stated")
    group, _, leaf = given.partition("/")
    condition = ledger.conditions[group][leaf]
    number = condition.value
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    return Figure(number, number, condition.status)


def _answer(check: Check, figures: dict[str, Figure | None]) -> _Answer:
    if isinstance(check, kinds.Method):
        return _Answer(Outcome.DOUBTFUL, check.note or check.says, {})
    if missing := [name for name, figure in figures.items() if figure is None]:
        what = f"unknown, so nothing can be computed: {', '.join(missing)}"
        return _Answer(Outcome.UNDECIDED, what, {})
    known = {name: figure for name, figure in figures.items() if figure is not None}
    if isinstance(check, kinds.SameRatio):
        due = _quotient(known["numerator"], known["denominator"])
        answer = _against(due, known["ratio"], "the ratio", "")
    elif isinstance(check, kinds.PercentOf):
        share = _quotient(known["part"], known["whole"])
        due = share and Interval(100 * share.low, 100 * share.high)
        answer = _against(due, known["percent"], "the percentage", " %")
    elif isinstance(check, kinds.Difference):
        a, b = known["minuend"], known["subtrahend"]
        due = Interval(a.low - b.high, a.high - b.low)
        answer = _against(due, known["difference"], "the difference", "")
    else:
        answer = _littles_law(known)
    stated = all(figure.status == "stated" for figure in known.values())
    if answer.fits == Outcome.CONTRADICTS and not stated:
        return _Answer(Outcome.DOUBTFUL, answer.what + "; not all of it is stated", answer.numbers)
    return answer


def _quotient(top: Figure, bottom: Figure) -> Interval | None:
    """All quotients of positive figures; None where the divisor may be zero or one is negative."""
    if bottom.low <= 0 or top.low < 0:
        return None
    return Interval(top.low / bottom.high, top.high / bottom.low)


def _against(due: Interval | None, stated: Figure, what: str, unit: str) -> _Answer:
    if due is None:
        return _Answer(Outcome.UNDECIDED, f"{what} of such figures is not defined", {})
    fits = due.low <= stated.high and stated.low <= due.high
    numbers = {"low": due.low, "high": due.high, "stated": stated.value}
    said = (
        f"{what} lies between {due.low:.4g}{unit} and {due.high:.4g}{unit}, "
        f"and {stated.value:.4g}{unit} is stated"
    )
    return _Answer(Outcome.HOLDS if fits else Outcome.CONTRADICTS, said, numbers)


def _littles_law(known: dict[str, Figure]) -> _Answer:
    """Little, Oper. Res. 9 (1961) 383: the mean number in a system is rate x mean time in it."""
    rate, inside = known["throughput"], known["connections"]
    if rate.low <= 0:
        return _Answer(Outcome.UNDECIDED, "without throughput there is no latency", {})
    due = Interval(_MS * inside.low / rate.high, _MS * inside.high / rate.low)
    if "mean" in known:
        answer = _against(due, known["mean"], "the mean latency", " ms")
        implied = rate.value * known["mean"].value / _MS
        said = f"{answer.what}: such a latency is that of {implied:.0f} connections"
        return _Answer(answer.fits, said, {**answer.numbers, "connections": implied})
    if "p50" not in known or "p99" not in known:
        return _Answer(Outcome.UNDECIDED, "it takes the mean, or the median and p99", {})
    return _tail(due, known)


def _tail(due: Interval, known: dict[str, Figure]) -> _Answer:
    """What the slowest hundredth must average for median and p99 to have the mean that is due."""
    p50, p99 = known["p50"], known["p99"]
    middle = 0.5 - _TAIL
    least = middle * p50.low + _TAIL * p99.low  # half at once, the others no sooner than they may
    body = 0.5 * p50.high + middle * p99.high  # everyone but the slowest, as late as they may
    tail = (due.low - body) / _TAIL
    longest = known["longest_ms"].high if "longest_ms" in known else None
    numbers = {"mean_ms": (due.low + due.high) / 2, "tail_ms": tail}
    said = f"the mean latency must be {due.low:.1f} to {due.high:.1f} ms"
    if due.high < least:
        said += f", and half of the answers alone make it {least:.1f} ms"
        return _Answer(Outcome.CONTRADICTS, said, numbers)
    if tail <= p99.high:
        return _Answer(Outcome.HOLDS, f"{said}, which these percentiles allow", numbers)
    said += f", so the slowest 1 % would have to average {tail:.0f} ms or more"
    if longest is not None and tail > longest:
        return _Answer(
            Outcome.CONTRADICTS, f"{said}, and none may take over {longest:.0f} ms", numbers
        )
    return _Answer(Outcome.DOUBTFUL, said, numbers)
