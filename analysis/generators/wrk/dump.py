"""What a trial driven by wrk measured: its dump, the exact recovery of its histogram, the checks.

wrk adds samples to its latency histogram that it never measured, as a correction for coordinated
omission: ``stats_correct`` in src/stats.c, called in src/wrk.c before the text is printed and
before Lua's ``done()``. It visits the bins from 2 x interval upwards and adds the count of bin n
to n - interval, n - 2 x interval, ... while above interval. A bin only ever adds to lower ones, so
its count at its turn is the measured one, and walking the bins from the highest down takes the
additions out again exactly.

Exit status 0 proves nothing: services that answer 500, hang or die half-way all end with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from analysis.generators.base import Problem, littles_law
from analysis.generators.wrk.text import Text, WrkOutputError, parse_text
from analysis.latency import Bins, mean, total
from bundle import codec
from bundle.display import quantity
from bundle.generators.wrk import Wrk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bundle.documents.readings import Window

_MOST_STEPS = 10_000_000  # the evidence has up to 800,000
_ROUNDING = 1e-9  # of binary fractions


@dataclass(frozen=True, slots=True)
class Recovered:
    """A histogram without what wrk added."""

    bins: Bins  #: microseconds and count, ascending: closed-loop service times
    problems: tuple[Problem, ...]  #: the certificate: empty if the recovery is proven exact
    #: what wrk took for the expected interval; None if it corrected nothing
    interval_us: int | None
    removed: int  #: how many samples wrk had added


@dataclass(frozen=True, slots=True)
class Reading:
    """All that one trial's output says."""

    dump: Wrk | None  #: None if wrk left none
    recovered: Recovered | None  #: None without a dump
    #: throughput x mean recovered latency / connections; None without samples. What it may be
    #: follows from ``head_start``, which these files do not tell
    littles_ratio: float | None
    problems: tuple[Problem, ...] = field(default=())  #: empty if the figures may be used


def read(stdout: str, dump_text: str | bytes | None) -> Reading:
    """Read what a trial's wrk left, with every check made.

    Args:
        stdout: what wrk printed.
        dump_text: what report.lua wrote; None if there is no such file.
    """
    if not stdout.strip() or not dump_text:
        missing = "printed nothing" if not stdout.strip() else "left no dump"
        return Reading(None, None, None, (Problem("empty-output", f"wrk {missing}"),))
    try:
        dump, text = parse_dump(dump_text), parse_text(stdout)
        recovered = recover(
            dump.latency_us,
            dump.requests,
            dump.connections,
            dump.duration_us,
            dump.errors.timeout,
        )
    except WrkOutputError as wrong:
        return Reading(None, None, None, (Problem("malformed-output", str(wrong)),))
    problems = (*failures(dump), *recovered.problems, *cross_check(text, dump))
    mean_us, ratio = mean(recovered.bins), None
    if mean_us is not None:
        ratio = littles_law(dump.throughput, mean_us / 1e6, dump.connections_opened)
    return Reading(dump, recovered, ratio, problems)


def parse_dump(text: str | bytes) -> Wrk:
    """Parse the JSON that report.lua wrote.

    Raises:
        WrkOutputError: it is cut short or something else.
    """
    try:
        dump = codec.read(text.encode() if isinstance(text, str) else text, Wrk)
    except ValueError as wrong:
        raise WrkOutputError(f"not a dump of report.lua: {wrong}") from None
    if not (dump.threads and dump.connections and dump.connections_opened):
        raise WrkOutputError("wrk had no threads or no connections")
    return dump


def recover(
    histogram: Bins, requests: int, connections: int, duration_us: int, timeouts: int
) -> Recovered:
    """Take the samples that wrk added out of its histogram.

    Args:
        histogram: microseconds and count, as dumped.
        requests: answers, from the same dump.
        connections: as asked of wrk.
        duration_us: from the same dump.
        timeouts: answers later than wrk's timeout: in ``requests``, not in the histogram.

    Returns:
        The measured histogram and its certificate: no bin negative, and samples plus timeouts
        equal to the requests. A wrong interval breaks one or the other.

    Raises:
        WrkOutputError: taking the samples out would go on for minutes: wrk left no such histogram.
    """
    interval = _interval_us(requests, connections, duration_us)
    if _steps(histogram, interval) > _MOST_STEPS:
        raise WrkOutputError(f"the histogram reaches too far for an interval of {interval} us")
    counts = dict(histogram)
    if interval:
        for value in sorted(counts, reverse=True):
            count = counts[value]
            for lower in range(value - interval, interval, -interval) if count else ():
                counts[lower] = counts.get(lower, 0) - count
    measured = tuple(sorted((value, count) for value, count in counts.items() if count))
    problems = []
    if negative := sum(count < 0 for _, count in measured):
        problems.append(Problem("negative-bins", f"{negative} bins would have negative counts"))
    if total(measured) + timeouts != requests:
        what = f"{total(measured)} recovered samples + {timeouts} timeouts != {requests} requests"
        problems.append(Problem("sum", what))
    removed = total(histogram) - total(measured)
    return Recovered(measured, tuple(problems), interval, removed)


def recover_each(dumps: Sequence[Wrk]) -> list[Recovered]:
    """As `recover`, of several runs.

    Raises:
        WrkOutputError: taking the samples out of all of them would go on for minutes.
    """
    steps = 0
    for each in dumps:
        interval = _interval_us(each.requests, max(1, each.connections), each.duration_us)
        steps += _steps(each.latency_us, interval)
    if steps > _MOST_STEPS:
        raise WrkOutputError("the histograms reach too far for the intervals of their runs")
    return [
        recover(
            each.latency_us,
            each.requests,
            max(1, each.connections),
            each.duration_us,
            each.errors.timeout,
        )
        for each in dumps
    ]


def _interval_us(requests: int, connections: int, duration_us: int) -> int | None:
    """What wrk takes for the expected interval."""
    rounds = requests // connections
    return duration_us // rounds if rounds else None


def _steps(histogram: Bins, interval: int | None) -> int:
    """How many bins a recovery visits."""
    return sum(max(0, value // interval - 1) for value, _ in histogram) if interval else 0


def cross_check(text: Text, dump: Wrk) -> tuple[Problem, ...]:
    """Hold what wrk printed against what report.lua dumped: they must agree to the last digit."""
    return tuple(
        Problem("text-json-mismatch", f"{name}: printed {printed}, dumped {dumped}")
        for name, printed, dumped, tolerance in _pairs(text, dump)
        if not abs(printed - dumped) <= tolerance
    )


def failures(dump: Wrk) -> tuple[Problem, ...]:
    """Say what went wrong with the requests of a trial."""
    errors = dump.errors
    ended = {"connect": errors.connect, "read": errors.read, "write": errors.write}
    socket = {kind: count for kind, count in ended.items() if count}
    found = {
        "no-requests": (dump.requests == 0, "not one request was answered"),
        "all-errors": (
            0 < dump.requests == errors.status,
            f"all {dump.requests} answers have a status above 399",
        ),
        "error-statuses": (
            0 < errors.status < dump.requests,
            f"{errors.status} of {dump.requests} answers have a status above 399",
        ),
        "socket-errors": (bool(socket), f"connections failed: {socket}"),
        "timeouts": (errors.timeout > 0, f"{quantity(errors.timeout, 'answer')} came too late"),
        "table-exhausted": (dump.table_exhausted, "the request table was used up too early"),
    }
    return tuple(Problem(code, what) for code, (present, what) in found.items() if present)


def head_start(window: Window, duration_s: float) -> float:
    """Return how much of wrk's window its threads may have been busy before it began, as a share.

    wrk starts its clock when the last of its threads runs. report.lua holds the others back until
    then, except where every request is the same and wrk never asks it for one. Whatever they did,
    they did while the program ran.

    Args:
        window: when the program ran.
        duration_s: by wrk's own clock.

    Source: wrk 4.2, src/wrk.c.
    """
    ran_s = (window.ended_ns - window.started_ns) / 1e9
    return max(0.0, ran_s / duration_s - 1) if duration_s else 0.0


def _pairs(text: Text, dump: Wrk) -> Iterator[tuple[str, float, float, float]]:
    counts = {"threads": dump.threads, "connections": dump.connections, "requests": dump.requests}
    for name, dumped in {**counts, **msgspec.structs.asdict(dump.errors)}.items():
        yield name, text.counts[name], dumped, 0.0
    highest = dump.latency_us[-1][0] if dump.latency_us else 0
    for name, dumped in {"duration": dump.duration_us, "max": highest}.items():
        printed, tolerance = text.times[name]
        yield name, printed, dumped, tolerance
    for percent in (50, 75, 90, 99):
        printed, tolerance = text.times[f"p{percent}"]
        yield f"p{percent}", printed, _percentile(dump.latency_us, percent, printed), tolerance
    yield "bytes", text.bytes[0], dump.bytes, text.bytes[1]
    yield "throughput", text.throughput, dump.throughput, 0.005 + _ROUNDING


def _percentile(bins: Bins, percent: int, printed: float) -> int:
    # wrk takes the value of rank round(p x n + 1/2), in long double: a tie may fall either way,
    # so the nearest of the neighbouring ranks counts.
    rank = round(percent * total(bins) / 100 + 0.5)
    found, below = [0], 0
    for value, count in bins:
        if below + count >= rank - 1 and below < rank + 1:
            found.append(value)
        below += count
    return min(found, key=lambda value: abs(value - printed))
