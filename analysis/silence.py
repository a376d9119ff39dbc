"""The longest time of a trial in which nobody got an answer, although somebody waited for one.

A mean over a window hides that the service stood still in a part of it, and in a closed loop so do
its quantiles: a stall is seen by one request of each connection. What shows it depends on the
generator: the asyncio client keeps when each answer came; the article's client counts from one
instant on, so its latencies are the times of its answers; wrk and a search for the capacity keep
no times, but who uses no CPU time answers nothing.

What is honestly slow is no stall. A service whose requests usually take seconds may be silent for
as long as two of them take, whatever the number of its connections; and one that needs little CPU
time may look idle for as long as it takes to use some.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis import latency

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.latency import Bins
    from analysis.resources import Looks
    from bundle.documents.readings import TrialReadings, Window

LEAST_S = 1.0  # ten periods of the agent's sampler, five of the kernel's shortest TCP time-out
USUAL = 2  # usual latencies: connections that are answered in one batch wait so long at most
_IDLE_TICKS = 2  # that a service may use and be idle: each process's time is rounded twice
_TELLING_TICKS = 20  # that it would have used: ten times as many
_NS = 1_000_000_000


@dataclass(frozen=True)
class Silence:
    """The longest silence of a trial."""

    seconds: float  #: how long it was
    begins_s: float  #: when it began, from the start of the window
    allowed_s: float  #: how long this load and this service may be silent
    witness: str  #: what shows it, in words


@dataclass(frozen=True)
class Gap:
    """A time without an answer; it begins so long after the start of the window."""

    seconds: float
    begins_s: float = 0.0


def watched(readings: TrialReadings) -> Window | None:
    """When a trial was measured, if the CPU time of all its service and generator was read.

    Raises:
        ValueError: the window or the sampler is missing.
    """
    if readings.window is None or readings.sampler is None:
        raise ValueError("trial.json lacks the window or the sampler")
    unread = (readings.sampler.unread or {}).keys()
    return None if {"service", "load"} & unread else readings.window


def usual_s(bins: Bins, connections: int) -> float:
    """The median latency in seconds, without what a stall can have changed; 0 if that is all.

    No more requests than connections are under way when a stall begins: that many are left out,
    the slowest ones.

    Args:
        bins: of a histogram in microseconds.
        connections: of the generator.
    """
    left, kept = latency.total(bins) - connections, []
    for value, count in sorted(bins):
        if left <= 0:
            break
        kept.append((value, min(count, left)))
        left -= count
    return latency.nearest_rank(tuple(kept), 0.5) / 1e6 if kept else 0.0


def allowed_s(bins: Bins, connections: int | None) -> float:
    """How long a load may be silent: two usual latencies, and a second at least."""
    return max(LEAST_S, USUAL * usual_s(bins, connections or 0))


def slowest_usual_s(
    operation: NDArray[np.uint16], waited_ns: NDArray[np.int64], connections: int
) -> float:
    """The largest median of one operation in seconds: all connections may ask for it at once.

    An operation counts that was asked for more than twice as often as there are connections: a
    stall, which delays one request of each, cannot have changed its median.

    Args:
        operation: of each request.
        waited_ns: how long each took.
        connections: of the generator.
    """
    known, counts = np.unique(operation, return_counts=True)
    medians = [
        float(np.median(waited_ns[operation == each])) for each in known[counts > 2 * connections]
    ]
    return max(medians, default=0.0) / _NS


def without_answers(
    sent: NDArray[np.int64], end: NDArray[np.int64], answered: NDArray[np.bool_], stop_ns: int
) -> Gap:
    """The longest time without a sign of an answer in a closed loop, where somebody always waits.

    A request is sent because another one was answered, which may itself be no sample.

    Args:
        sent: when each request was sent, ns from the start of the window.
        end: when its answer came, or nobody waited for it any longer.
        answered: whether it came.
        stop_ns: end of the window; answers may come after it.
    """
    # Nobody sends any more when the window is over. Who waits then waits on; that is a silence only
    # if there was no answer at the end of it.
    over = stop_ns if answered.all() else max(stop_ns, int(end.max(initial=0)))
    signs = np.concatenate([[0], sent, end[answered], [over]])
    signs = np.sort(np.minimum(signs, over))
    return _longest(signs[:-1], signs[1:])


def waiting_for_answers(
    due: NDArray[np.int64], end: NDArray[np.int64], answered: NDArray[np.bool_]
) -> Gap:
    """The longest time without an answer while a request was due in an open loop.

    Args:
        due: when each request was due, ns from the start of the window.
        end: when its answer came, or nobody waited for it any longer.
        answered: whether it came.
    """
    if not len(end):
        return Gap(0.0)
    never = np.iinfo(np.int64).min
    order = np.argsort(due, kind="stable")
    due, end, answered = due[order], end[order], answered[order]
    # Since when somebody has waited: from a request that is due when all before it are done.
    done = np.append(never, np.maximum.accumulate(end)[:-1])
    since = np.maximum.accumulate(np.where(due > done, due, never))
    order = np.argsort(end, kind="stable")
    since, end, answered = since[order], end[order], answered[order]
    last_answer = np.maximum.accumulate(np.where(answered, end, never))
    return _longest(np.maximum(np.append(never, last_answer[:-1]), since), end)


def _longest(begins: NDArray[np.int64], ends: NDArray[np.int64]) -> Gap:
    longest = int(np.argmax(ends - begins))
    return Gap(float(ends[longest] - begins[longest]) / _NS, float(begins[longest]) / _NS)


def between_answers(latencies_us: Sequence[int]) -> Gap:
    """The longest time between two answers, of requests that all began at once.

    The time before the first is left out: the client makes all its requests in it.
    """
    ends = np.sort(np.asarray(latencies_us, dtype=np.int64)) * 1000
    return _longest(ends[:-1], ends[1:]) if len(ends) > 1 else Gap(0.0)


def within_slices(
    of_slice: NDArray[np.int64],
    end_ns: NDArray[np.int64],
    start_ns: NDArray[np.int64],
    stop_ns: NDArray[np.int64],
) -> Gap:
    """The longest time without an answer within a slice; between slices nobody waits.

    Args:
        of_slice: for each answer, the index of its slice.
        end_ns: when it came.
        start_ns: when each slice begins, as `end_ns`.
        stop_ns: when it ends.
    """
    slices = np.arange(len(start_ns))
    # A slice begins and ends with an answer.
    which = np.concatenate([of_slice, slices, slices])
    instants = np.concatenate([end_ns, start_ns, stop_ns])
    order = np.lexsort((instants, which))
    which, instants = which[order], instants[order]
    together = np.flatnonzero(np.diff(which) == 0)
    if not len(together):
        return Gap(0.0)
    return _longest(instants[together], instants[together + 1])


def idle(looks: Looks, begin_ns: int) -> tuple[Gap, float]:
    """The longest time in which next to no CPU time was used.

    Args:
        looks: those in a span.
        begin_ns: where the span begins.

    Returns:
        The time, and how long one must be to tell: twenty ticks would have been used in it at the
        pace that there is otherwise.
    """
    if not looks:
        return Gap(0.0), LEAST_S
    instants, ticks = looks.at_ns.tolist(), looks.ticks.tolist()
    longest_ns, since, first = 0, begin_ns, 0
    for at, used in zip(instants, ticks, strict=True):
        while used - ticks[first] > _IDLE_TICKS:
            first += 1
        if at - instants[first] > longest_ns:
            longest_ns, since = at - instants[first], instants[first]
    busy_s = (instants[-1] - instants[0] - longest_ns) / _NS
    used = ticks[-1] - ticks[0]
    telling_s = _TELLING_TICKS * busy_s / used if used else LEAST_S
    return Gap(longest_ns / _NS, (since - begin_ns) / _NS), telling_s
