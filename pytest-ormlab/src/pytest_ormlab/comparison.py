"""Two things measured in turn, and whether one is slower beyond a margin.

A block calls the candidate and the baseline in four slices, A B B A or B A A B, and gives one
number: the logarithm of the ratio of their times. Whatever changes slowly hits both sides of a
block, and a steady trend cancels out of it. The interval is over blocks.

The source of time is the wall clock, since waiting for a database is part of what is compared.
"""

from __future__ import annotations

import enum
import inspect
import math
from dataclasses import dataclass
from itertools import repeat
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

from pytest_ormlab.interval import FEWEST, signed_rank

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    # Calls a thing so many times, and returns the seconds that this took.
    type Slice = Callable[[int], Awaitable[float]]

_SLICE_S = 0.01  # long enough for the clock and the loop not to matter
_TRIES = 3
_ORDERS = ((0, 1, 1, 0), (1, 0, 0, 1))


class Verdict(enum.Enum):
    """What a comparison says about its candidate."""

    SLOWER = "SLOWER"  #: the whole interval is beyond the margin
    NOT_SLOWER = "NOT SLOWER"  #: the whole interval is within the margin, or on the faster side
    INCONCLUSIVE = "INCONCLUSIVE"  #: the margin lies inside the interval


@dataclass(frozen=True)
class Comparison:
    """The time of a candidate's call divided by that of a baseline's call."""

    ratio: float  #: above 1 where the candidate is slower
    low: float  #: end of the 95 % interval
    high: float  #: its other end
    margin: float  #: how much slower is still accepted, as a fraction
    blocks: int
    candidate_s: float  #: median seconds of a call
    baseline_s: float  #: median seconds of a call

    @property
    def verdict(self) -> Verdict:
        """The verdict that the interval allows."""
        limit = 1 + self.margin
        if self.low > limit:
            return Verdict.SLOWER
        return Verdict.NOT_SLOWER if self.high <= limit else Verdict.INCONCLUSIVE

    def __str__(self) -> str:
        """One sentence, and a second one that says what to do if it is inconclusive."""
        told = (
            f"{self.verdict.value}: a call of the candidate took {self.ratio:.3f} times as long as "
            f"one of the baseline (95 % interval {self.low:.3f} to {self.high:.3f}, {self.blocks} "
            f"blocks; {_seconds(self.candidate_s)} and {_seconds(self.baseline_s)}). "
        )
        limit = f"{1 + self.margin:.3f}"
        match self.verdict:
            case Verdict.SLOWER:
                return f"{told}The interval is beyond {limit}, which the margin allows."
            case Verdict.NOT_SLOWER:
                return f"{told}The interval is within {limit}, which the margin allows."
            case Verdict.INCONCLUSIVE:
                return (
                    f"{told}The interval contains {limit}, which the margin allows: more blocks "
                    "make it narrower."
                )


async def measure(candidate: Slice, baseline: Slice, *, margin: float, blocks: int) -> Comparison:
    """Measure a candidate and a baseline in turn.

    Raises:
        ValueError: the margin is negative, or there are too few blocks for an interval.
    """
    if not 0 <= margin < math.inf:
        raise ValueError(f"a margin is a fraction such as 0.1 and not negative: {margin}")
    if blocks < FEWEST:
        raise ValueError(f"a 95 % interval needs at least {FEWEST} blocks, not {blocks}")
    arms = (baseline, candidate)
    calls = [await _calls(arm) for arm in arms]
    times: tuple[list[float], list[float]] = ([], [])
    for block in range(blocks):
        seconds = [0.0, 0.0]
        for arm in _ORDERS[block % 2]:
            seconds[arm] += await arms[arm](calls[arm])
        for arm in (0, 1):
            times[arm].append(seconds[arm] / (2 * calls[arm]))
    logs = [math.log(slow / fast) for fast, slow in zip(*times, strict=True)]
    ratio, low, high = map(math.exp, signed_rank(logs))
    return Comparison(ratio, low, high, margin, blocks, median(times[1]), median(times[0]))


async def _calls(arm: Slice) -> int:
    """How many calls fill a slice; the very first one only warms up.

    The best of some tries is taken. If other programs interrupted the only one, the slices of this
    arm would be shorter than those of the other one, and would be interrupted less often.
    """
    await arm(1)
    count = 1
    while (seconds := min([await arm(count) for _ in range(_TRIES)])) < _SLICE_S / 2:
        count *= 2
    return max(1, round(count * _SLICE_S / seconds))


def sync_slice(call: Callable[[], object]) -> Slice:
    """Slices of plain calls.

    Raises:
        TypeError: when measured, the callable makes a coroutine, and making it is no work.
    """

    async def timed(count: int) -> float:
        began = perf_counter()
        for _ in repeat(None, count - 1):
            call()
        last = call()
        seconds = perf_counter() - began
        if inspect.isawaitable(last):
            if inspect.iscoroutine(last):
                last.close()
            raise TypeError(
                f"{call!r} returns something to await: `await compare_async(...)` measures that"
            )
        return seconds

    return timed


def async_slice(call: Callable[[], Awaitable[object]]) -> Slice:
    """Slices of awaited calls.

    Raises:
        TypeError: when measured, the callable returns nothing that can be awaited.
    """

    async def timed(count: int) -> float:
        began = perf_counter()
        first = call()
        if not inspect.isawaitable(first):
            raise TypeError(f"{call!r} returns nothing to await: `compare(...)` measures that")
        await first
        for _ in repeat(None, count - 1):
            await call()
        return perf_counter() - began

    return timed


def run_at_once[T](coroutine: Coroutine[object, None, T]) -> T:
    """Run a coroutine that never waits, without an event loop, also where one is running."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    raise RuntimeError("the coroutine waited for something")


def _seconds(value: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"
