"""Counters at one instant; what happened between two instants is a pure function of both."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import psutil

from agent.evidence import parse_pressure
from agent.readings.source import NotReadable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_COUNTERS = ("proc/stat", "proc/pressure/cpu", "proc/pressure/memory", "proc/pressure/io")
# Columns of the first line of /proc/stat (proc_stat(5)); guest time is contained in user time.
_COLUMNS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_NOT_BUSY = {"idle", "iowait", "steal"}

type Processes = Mapping[tuple[int, float], tuple[str, float]]
"""Name and CPU seconds by pid and start time, which together name a process for good."""


@dataclass(frozen=True)
class Moment:
    """Counters at one instant.

    Attributes:
        at_s: of time.monotonic().
        counters: content by file; what the kernel does not have is left out.
        processes: those that could be asked, without the lab's own.
    """

    at_s: float
    counters: Mapping[str, str]
    processes: Processes


def take(root: Path, processes: Processes) -> Moment:
    """Read the counters below a root."""
    counters = {}
    for path in _COUNTERS:
        try:
            counters[path] = (root / path).read_text()
        except OSError:  # pressure may be compiled out, or be forbidden
            continue
    return Moment(time.monotonic(), counters, processes)


def with_processes(moment: Moment, processes: Processes) -> Moment:
    """The same instant with the processes that were listed right after it."""
    return replace(moment, processes=processes)


def processes() -> Processes:
    """Every process of this machine but this one and those it was started by."""
    own = psutil.Process()
    ours = {own.pid, *(parent.pid for parent in own.parents())}
    found = {}
    for process in psutil.process_iter(["name", "create_time", "cpu_times"]):
        told = process.info
        if process.pid not in ours and told["cpu_times"] is not None:
            used_s = told["cpu_times"].user + told["cpu_times"].system
            found[process.pid, told["create_time"]] = (told["name"], used_s)
    return found


def busy_processes(before: Moment, after: Moment, *, least: float) -> list[tuple[str, float]]:
    """Name and cores used of each process that used at least so much, the busiest first."""
    elapsed_s = after.at_s - before.at_s
    used = []
    for which, (name, cpu_s) in after.processes.items():
        earlier = before.processes.get(which, (name, 0.0))
        cores = (cpu_s - earlier[1]) / elapsed_s
        if cores >= least:
            used.append((name, cores))
    return sorted(used, key=lambda each: each[1], reverse=True)


def cpu_shares(before: Moment, after: Moment) -> dict[str, float]:
    """Share of all CPUs' time between two moments, by column of /proc/stat; and ``busy``.

    Raises:
        NotReadable: the counters have not moved.
    """
    earlier, later = _cpu_ticks(before), _cpu_ticks(after)
    ticks = {name: later[name] - earlier[name] for name in _COLUMNS}
    total = sum(ticks.values())
    if total <= 0:
        raise NotReadable("the CPU counters of /proc/stat have not moved")
    shares = {name: count / total for name, count in ticks.items()}
    shares["busy"] = sum(share for name, share in shares.items() if name not in _NOT_BUSY)
    return shares


def stalled_share(before: Moment, after: Moment, resource: str) -> float:
    """Share of the interval in which some task waited for ``cpu``, ``memory`` or ``io``.

    From the totals of /proc/pressure (Documentation/accounting/psi.rst), microseconds.

    Raises:
        NotReadable: the kernel does not account pressure.
    """
    earlier, later = _stalled_us(before, resource), _stalled_us(after, resource)
    return (later - earlier) / 1e6 / (after.at_s - before.at_s)


def counter(moment: Moment, name: str) -> int:
    """A one-number line of /proc/stat, such as ``procs_running``.

    Raises:
        LookupError: there is no such line.
    """
    for line in _content(moment, "proc/stat").splitlines():
        key, _, rest = line.partition(" ")
        if key == name:
            return int(rest)
    raise LookupError(name)


def _cpu_ticks(moment: Moment) -> dict[str, int]:
    numbers = _content(moment, "proc/stat").splitlines()[0].split()[1:]
    return dict(zip(_COLUMNS, map(int, numbers), strict=False))


def _stalled_us(moment: Moment, resource: str) -> int:
    return parse_pressure(_content(moment, f"proc/pressure/{resource}"), "some")


def _content(moment: Moment, path: str) -> str:
    if path not in moment.counters:
        raise NotReadable(f"the kernel has no /{path}, or forbids it")
    return moment.counters[path]
