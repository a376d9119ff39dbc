"""Counters at one instant; what happened between two instants is a pure function of both."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .kernel import NotReadable

if TYPE_CHECKING:
    from collections.abc import Mapping

_COUNTERS = ("proc/stat", "proc/pressure/cpu", "proc/pressure/memory", "proc/pressure/io")
# Columns of a CPU's line in /proc/stat (proc_stat(5)); guest time is contained in user time.
_COLUMNS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
# Fields of /proc/PID/stat, counted from the one behind the name.
_PARENT, _USER, _SYSTEM, _START = 1, 11, 12, 19
_NOT_BUSY = {"idle", "iowait", "steal"}

type Processes = Mapping[tuple[int, float], tuple[str, float]]
"""Name and CPU seconds by pid and start time, which together name a process for good."""


@dataclass(frozen=True)
class Moment:
    """Counters at one instant."""

    at_s: float = 0.0  #: of time.monotonic()
    #: content by file, of the files that the kernel has
    counters: Mapping[str, str] = field(default_factory=dict)
    #: the readable processes except the lab's own; None if the kernel hides the processes of other
    #: users
    processes: Processes | None = None


def take(root: Path, processes: Processes | None) -> Moment:
    """Read the counters below a root."""
    counters = {}
    for path in _COUNTERS:
        try:
            counters[path] = (root / path).read_text()
        except OSError:  # pressure may be compiled out, or be forbidden
            continue
    return Moment(time.monotonic(), counters, processes)


def processes(proc: Path = Path("/proc")) -> Processes | None:
    """Every process of this machine except this one and its ancestors.

    None if the kernel hides the processes of other users (hidepid of proc(5)): it then hides
    process 1, which always exists.
    """
    if not os.access(proc / "1/stat", os.R_OK):
        return None
    stats = {}
    for folder in proc.glob("[0-9]*"):
        try:
            stats[int(folder.name)] = (folder / "stat").read_text()
        except OSError:  # it has just ended
            continue
    # The name stands in parentheses and may itself hold some (proc_pid_stat(5)).
    named = {pid: text.partition("(")[2].rpartition(")") for pid, text in stats.items()}
    fields = {pid: rest.split() for pid, (_, _, rest) in named.items()}
    ours, pid = set(), os.getpid()
    while pid in fields:
        ours.add(pid)
        pid = int(fields[pid][_PARENT])
    second = os.sysconf("SC_CLK_TCK")
    return {
        (pid, int(columns[_START]) / second): (
            named[pid][0],
            (int(columns[_USER]) + int(columns[_SYSTEM])) / second,
        )
        for pid, columns in fields.items()
        if pid not in ours
    }


def names(moment: Moment) -> set[str]:
    """The names of the processes.

    Raises:
        NotReadable: those of other users are hidden.
    """
    return {name for name, _ in _listed(moment).values()}


def busy_processes(before: Moment, after: Moment, *, least: float) -> list[tuple[str, float]]:
    """Name and used cores of each process that used at least ``least``, the busiest first.

    Raises:
        NotReadable: those of other users are hidden.
    """
    elapsed_s = after.at_s - before.at_s
    used, known = [], _listed(before)
    for which, (name, cpu_s) in _listed(after).items():
        earlier = known.get(which, (name, 0.0))  # it began in the interval
        cores = (cpu_s - earlier[1]) / elapsed_s
        if cores >= least:
            used.append((name, cores))
    return sorted(used, key=lambda use: use[1], reverse=True)


def cpu_shares(before: Moment, after: Moment) -> dict[str, float]:
    """Share of all CPUs' time between two moments, by column of /proc/stat; and ``busy``.

    Raises:
        NotReadable: the counters have not moved.
    """
    earlier, later = (cpu_ticks(_content(moment, "proc/stat"))[""] for moment in (before, after))
    ticks = {name: later[name] - earlier[name] for name in _COLUMNS}
    total = sum(ticks.values())
    if total <= 0:
        raise NotReadable("the CPU counters of /proc/stat have not moved")
    shares = {name: count / total for name, count in ticks.items()}
    shares["busy"] = sum(share for name, share in shares.items() if name not in _NOT_BUSY)
    return shares


def stalled_share(before: Moment, after: Moment, resource: str) -> float:
    """Share of the interval in which some task waited for ``cpu``, ``memory`` or ``io``.

    Raises:
        NotReadable: the kernel does not record pressure.
    """
    path = f"proc/pressure/{resource}"
    earlier, later = (stalled_us(_content(moment, path)) for moment in (before, after))
    return (later - earlier) / 1e6 / (after.at_s - before.at_s)


def counter(moment: Moment, name: str) -> int:
    """A one-number line of /proc/stat, such as ``procs_running``.

    Raises:
        LookupError: there is no such line.
    """
    return stat_count(_content(moment, "proc/stat"), name)


def cpu_ticks(stat: str) -> dict[str, dict[str, int]]:
    """Ticks by CPU and state, from /proc/stat; of all CPUs together under the name ``""``."""
    rows = (line.split() for line in stat.splitlines() if line.startswith("cpu"))
    return {
        name.removeprefix("cpu"): dict(zip(_COLUMNS, map(int, ticks), strict=False))
        for name, *ticks in rows
    }


def stat_count(stat: str, name: str) -> int:
    """A one-number line of /proc/stat.

    Raises:
        LookupError: there is no such line.
    """
    for line in stat.splitlines():
        key, _, rest = line.partition(" ")
        if key == name:
            return int(rest)
    raise LookupError(name)


def stalled_us(pressure: str) -> int:
    """Microseconds that some task stalled; see Documentation/accounting/psi.rst.

    Raises:
        LookupError: the kernel does not say.
    """
    for line in pressure.splitlines():
        name, *values = line.split()
        if name == "some":
            return int(dict(value.split("=") for value in values)["total"])
    raise LookupError("some")


def _listed(moment: Moment) -> Processes:
    if moment.processes is None:
        raise NotReadable("the kernel hides the processes of other users (hidepid)")
    return moment.processes


def _content(moment: Moment, path: str) -> str:
    if path not in moment.counters:
        raise NotReadable(f"the kernel has no /{path}, or forbids it")
    return moment.counters[path]
