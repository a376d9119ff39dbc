"""When open-loop requests are due, drawn before the trial: the same for all subjects of a block."""

from __future__ import annotations

from array import array
from random import Random

NS = 1_000_000_000


def draw(
    kind: str, *, rate: float, seconds: float, seed: int, process: int = 0, processes: int = 1
) -> array[int]:
    """Draw the arrivals of one of several processes that share a rate.

    Independent Poisson processes add up to one of the summed rate, so each process draws its own.
    Constant arrivals are dealt out in turn.

    Args:
        kind: ``poisson`` or ``constant``.
        rate: arrivals per second over all processes.
        seconds: arrivals lie in [0, seconds).
        seed: decides Poisson arrivals.
        process: which process, from 0.
        processes: how many.

    Returns:
        Nanoseconds from the start of the load, ascending.

    Raises:
        ValueError: the kind is unknown.
    """
    share = rate / processes
    if kind == "constant":
        count = max(0, round(rate * seconds) - process)
        return array(
            "q", (round(i * NS / rate) for i in range(process, process + count, processes))
        )
    if kind != "poisson":
        raise ValueError(f"arrivals are poisson or constant, not {kind}")
    random = Random(f"arrivals {seed} {process}/{processes}")  # noqa: S311 - not secret
    due, end = array("q"), seconds * NS
    at = random.expovariate(share) * NS
    while at < end:
        due.append(int(at))
        at += random.expovariate(share) * NS
    return due
