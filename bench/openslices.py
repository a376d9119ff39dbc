"""``python -m bench.openslices``: what slices do to the latencies of an open loop.

Simulated first-come, first-served queues with Poisson arrivals. The work of a request takes 1 ms in
the mean, with a coefficient of variation of 0.5. Prints two tables, and takes about a minute of one
CPU:

1. How far the quantiles of slices, each of which begins with an empty queue, lie from those of one
   long window.
2. How much the ratio of two equal subjects varies from block to block, where the machine's speed
   varies: in one window each of 4 s, and in as many seconds of slices. Their arrivals differ.
"""

from __future__ import annotations

import sys

import numpy as np
from rich.console import Console
from rich.table import Table

WORK_S, VARIATION = 1e-3, 0.5
LOADS = (0.5, 0.7, 0.8, 0.9)  # of the capacity
QUANTILES = (0.5, 0.99)
RAMPS_S = (0.0, 0.25, 1.0)
SPEED_SD = 0.12  # of the logarithm of the machine's speed
_SEED = 20261130
_STEP_S = 0.05  # of the machine's speed
_WARM_S = 5.0
_DESIGNS = {  # ramp, slice and time around them in seconds, and slices of a subject
    "one window of 4 s": (1.0, 4.0, 5.0, 1),
    "slices of 1 s": (0.25, 1.0, 0.05, 4),
    "slices of 0.25 s": (0.25, 0.25, 0.05, 16),
}

type Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def responses(
    draw: np.random.Generator, load: float, seconds: float, speed: Floats | None = None
) -> tuple[Floats, Floats]:
    """When requests are due, and how long each takes, of a queue that is empty at first.

    Args:
        draw: the random numbers.
        load: arrivals a second over those that the service can answer.
        seconds: during which requests are due.
        speed: of the machine in steps of 50 ms, from the first second on; None for 1.
    """
    rate = load / WORK_S
    due = np.cumsum(draw.exponential(1 / rate, int(rate * seconds * 1.6) + 60))
    due = due[due < seconds]
    shape = 1 / VARIATION**2
    work = draw.gamma(shape, WORK_S / shape, len(due))
    if speed is not None:
        work /= speed[(due / _STEP_S).astype(int)]
    # D. V. Lindley, Proc. Cambridge Phil. Soc. 48 (1952) 277: an answer is done when the work since
    # the queue was last empty is.
    done = np.cumsum(work)
    return due, np.maximum.accumulate(due - (done - work)) + done - due


def bias(draw: np.random.Generator, load: float, ramp_s: float, slices: int = 8000) -> list[float]:
    """By quantile, how far slices of 1 s lie from one long window, as a fraction."""
    due, long = responses(draw, load, slices / 2)
    steady = np.quantile(long[due > _WARM_S], QUANTILES)
    parts = []
    for _ in range(slices):
        due, each = responses(draw, load, ramp_s + 1.0)
        parts.append(each[due >= ramp_s])
    return list(np.quantile(np.concatenate(parts), QUANTILES) / steady - 1)


def spread(
    draw: np.random.Generator, load: float, design: str, *, memory_s: float, blocks: int = 200
) -> list[float]:
    """By quantile, the standard deviation of ln(A'/A) between blocks.

    Args:
        draw: the random numbers.
        load: arrivals a second over those that the service can answer.
        design: a key of `_DESIGNS`.
        memory_s: after which the autocorrelation of the machine's speed has fallen to 1/e.
        blocks: how many are simulated.
    """
    ramp_s, slice_s, around_s, count = _DESIGNS[design]
    turn_s = ramp_s + slice_s
    ratios = []
    for _ in range(blocks):
        speed = _speed(draw, 2 * count * (turn_s + around_s), memory_s)
        seen: tuple[list[Floats], list[Floats]] = ([], [])
        for turn in range(2 * count):
            # A round begins with the subject that ended the one before.
            subject = (turn + 1) // 2 % 2
            first = int(turn * (turn_s + around_s) / _STEP_S)
            due, each = responses(draw, load, turn_s, speed[first:])
            seen[subject].append(each[due >= ramp_s])
        one, other = (np.quantile(np.concatenate(parts), QUANTILES) for parts in seen)
        ratios.append(np.log(other / one))
    return list(np.std(ratios, axis=0))


def _speed(draw: np.random.Generator, seconds: float, memory_s: float) -> Floats:
    """The machine's speed in steps, lognormal around 1."""
    kept = np.exp(-_STEP_S / memory_s)
    steps = draw.normal(size=int(seconds / _STEP_S) + 2)
    steps[1:] *= np.sqrt(1 - kept**2)
    for at in range(1, len(steps)):
        steps[at] += kept * steps[at - 1]
    return np.asarray(np.exp(SPEED_SD * steps))


def main() -> int:
    """Print both tables; return the exit code."""
    draw, console = np.random.default_rng(_SEED), Console(width=110)
    near = Table("load", *(f"ramp {each:g} s" for each in RAMPS_S), title="p50, p99 of 1 s: bias")
    for load in LOADS:
        told = ([f"{each:+.1%}" for each in bias(draw, load, ramp)] for ramp in RAMPS_S)
        near.add_row(f"{load:.0%}", *map(", ".join, told))
    console.print(near)
    wide = Table("load", "speed keeps", *_DESIGNS, title="p50, p99: sd of ln(A'/A) between blocks")
    for load in LOADS[:-1]:
        for memory_s in (1.0, 10.0):
            found = (spread(draw, load, each, memory_s=memory_s) for each in _DESIGNS)
            cells = (", ".join(f"{each:.0%}" for each in pair) for pair in found)
            wide.add_row(f"{load:.0%}", f"{memory_s:g} s", *cells)
    console.print(wide)
    return 0


if __name__ == "__main__":
    sys.exit(main())
