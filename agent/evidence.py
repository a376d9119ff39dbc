"""What the host's kernel counted around a window: a registry of sensors, kept even when clean.

Each sensor is a counter that only rises; its difference over the window is the evidence. What
cannot be read is null, never 0: a host without the file has not shown that nothing happened.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

type Count = int | dict[str, int] | None
"""One counter, or one by CPU; None for unreadable."""

_STEAL, _COUNTED = 7, 8  # fields of a CPU's line in /proc/stat; guest time is part of user time
_ERROR = 3  # of syslog's levels, 0 the worst
_CPUS = "sys/devices/system/cpu"


@dataclass(frozen=True)
class Sensor:
    """One counter: what it is called, what it counts, how it is read below a root folder.

    Attributes:
        key: name in the record.
        meaning: with its unit.
        read: raises OSError, ValueError or LookupError for "unreadable".
    """

    key: str
    meaning: str
    read: Callable[[Path], int | dict[str, int]]


def parse_cpu_times(text: str) -> dict[str, list[int]]:
    """The ticks of each CPU by state, from ``/proc/stat``; see proc(5)."""
    lines = (line.split() for line in text.splitlines() if line.startswith("cpu"))
    return {name[3:]: list(map(int, ticks)) for name, *ticks in lines if name != "cpu"}


def parse_pressure(text: str, share: str) -> int:
    """Microseconds that ``some`` or ``full`` of the tasks stalled; see Documentation/accounting.

    Raises:
        LookupError: the kernel does not tell this share.
    """
    for line in text.splitlines():
        name, *values = line.split()
        if name == share:
            return int(dict(value.split("=") for value in values)["total"])
    raise LookupError(share)


def parse_pairs(text: str) -> dict[str, int]:
    """A file of ``name value`` lines, such as ``/proc/vmstat``."""
    return {name: int(value) for name, value in (line.split() for line in text.splitlines())}


def parse_network(text: str) -> dict[str, int]:
    """``/proc/net/snmp`` or ``netstat``: a line of names, then one of values, by protocol."""
    lines = text.splitlines()
    found: dict[str, int] = {}
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        protocol, *keys = names.split()
        found |= {
            protocol + key: int(value) for key, value in zip(keys, values.split()[1:], strict=True)
        }
    return found


def parse_cgroups(text: str) -> list[tuple[str, str]]:
    """Where a process's CPU limits may be told, from its ``/proc/PID/cgroup``: mount and path.

    Both layouts are tried, the unified one (version 2) and the one with a mount a controller.
    """
    places = []
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            places += [("", path), ("unified", path)]
        elif "cpu" in controllers.split(","):
            places += [(controllers, path), ("cpu", path)]
    return places


def _stat(read: Callable[[list[int]], int]) -> Callable[[Path], dict[str, int]]:
    def by_cpu(root: Path) -> dict[str, int]:
        times = parse_cpu_times((root / "proc/stat").read_text())
        return {cpu: read(ticks) for cpu, ticks in times.items()}

    return by_cpu


def _pressure(resource: str, share: str) -> Callable[[Path], int]:
    return lambda root: parse_pressure((root / f"proc/pressure/{resource}").read_text(), share)


def _context_switches(root: Path) -> int:
    lines = (root / "proc/stat").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("ctxt "))


def _memory(key: str) -> Callable[[Path], int]:
    return lambda root: parse_pairs((root / "proc/vmstat").read_text())[key]


def _network(file: str, key: str) -> Callable[[Path], int]:
    return lambda root: parse_network((root / f"proc/net/{file}").read_text())[key]


def _throttled(root: Path) -> int:
    for mount, path in parse_cgroups((root / "proc/self/cgroup").read_text()):
        # The limit of a group above holds what is in this one, and only that one counts it.
        top, own = root / "sys/fs/cgroup" / mount, PurePath(path.lstrip("/"))
        files = [top / group / "cpu.stat" for group in (own, *own.parents)]
        told = [parse_pairs(file.read_text()) for file in files if file.exists()]
        # The topmost group has the file, but as it can have no limit, not the count.
        if counts := [each["nr_throttled"] for each in told if "nr_throttled" in each]:
            return sum(counts)
    raise LookupError("cpu.stat")


def _overheated(root: Path) -> dict[str, int]:
    files = sorted((root / _CPUS).glob("cpu[0-9]*/thermal_throttle/core_throttle_count"))
    if not files:
        raise LookupError("core_throttle_count")
    return {file.parts[-3].removeprefix("cpu"): int(file.read_text()) for file in files}


SENSORS: tuple[Sensor, ...] = (
    Sensor("cpu_ticks", "ticks of each CPU in all states", _stat(lambda t: sum(t[:_COUNTED]))),
    Sensor("steal_ticks", "ticks the hypervisor took, by CPU", _stat(lambda t: t[_STEAL])),
    Sensor("psi_cpu_some_us", "microseconds some task waited for a CPU", _pressure("cpu", "some")),
    Sensor(
        "psi_memory_some_us",
        "microseconds some task waited for memory",
        _pressure("memory", "some"),
    ),
    Sensor("psi_io_some_us", "microseconds some task waited for a disk", _pressure("io", "some")),
    Sensor("context_switches", "context switches", _context_switches),
    Sensor("swapped_in", "pages read back from swap", _memory("pswpin")),
    Sensor("swapped_out", "pages written to swap", _memory("pswpout")),
    Sensor(
        "throttled",
        "periods in which the CPU limit of the control group, or of one above, held it",
        _throttled,
    ),
    Sensor("overheated", "times each CPU slowed itself down to cool", _overheated),
    Sensor("tcp_sent", "TCP segments sent", _network("snmp", "Tcp:OutSegs")),
    Sensor("tcp_retransmitted", "TCP segments sent again", _network("snmp", "Tcp:RetransSegs")),
    Sensor(
        "listen_overflows",
        "connections a full queue of a listening socket turned away",
        _network("netstat", "TcpExt:ListenOverflows"),
    ),
    Sensor(
        "listen_drops",
        "connections a listening socket dropped for any reason",
        _network("netstat", "TcpExt:ListenDrops"),
    ),
)


def read(root: Path = Path("/")) -> dict[str, Count]:
    """Read every sensor once; None for those that cannot be read."""
    return {sensor.key: _read(sensor, root) for sensor in SENSORS}


def difference(before: Mapping[str, Count], after: Mapping[str, Count]) -> dict[str, Count]:
    """What each sensor counted between two readings; None where one of them is missing.

    A counter that fell was reset in between: what it counted is unknown.
    """
    return {key: _difference(before[key], after[key]) for key in before}


def _read(sensor: Sensor, root: Path) -> Count:
    try:
        return sensor.read(root)
    except (OSError, ValueError, LookupError, StopIteration):
        return None


def _difference(before: Count, after: Count) -> Count:
    if isinstance(before, dict) and isinstance(after, dict):
        if before.keys() != after.keys():  # a CPU came or went
            return None
        counts = {key: after[key] - before[key] for key in before}
        return None if any(count < 0 for count in counts.values()) else counts
    if isinstance(before, int) and isinstance(after, int):
        return after - before if after >= before else None
    return None


def frequencies_khz(root: Path = Path("/")) -> dict[str, int] | None:
    """The current frequency of each CPU; None where the kernel does not tell."""
    try:
        files = sorted((root / _CPUS).glob("cpu[0-9]*/cpufreq/scaling_cur_freq"))
        found = {file.parts[-3].removeprefix("cpu"): int(file.read_text()) for file in files}
    except (OSError, ValueError):
        return None
    return found or None


def _clocks_apart_ns() -> int:
    """How far the wall clock is ahead of the clock that nobody can set."""
    return time.time_ns() - time.monotonic_ns()


def _suspended_so_far_ns() -> int:
    """How long this machine has been suspended; the monotonic clock stands still meanwhile."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()


class KernelLog:
    """Counts the messages of the kernel from now on; keeps none, for they may name addresses."""

    def __init__(self, path: Path = Path("/dev/kmsg")) -> None:
        self._file: int | None = None
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            os.lseek(self._file, 0, os.SEEK_END)
        except OSError:
            self.close()

    def close(self) -> None:
        """Stop counting."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def counts(self) -> dict[str, int] | None:
        """Messages in all, and those of level error or worse; None where it cannot be read."""
        if self._file is None:
            return None
        levels = []
        while True:
            try:
                record = os.read(self._file, 8192)
            except BlockingIOError:
                break
            except BrokenPipeError:  # the oldest were overwritten meanwhile: read on from there
                continue
            except OSError:
                return None
            # "level + 8 x facility, number, time, flags; message"
            levels.append(int(record.split(b",", 1)[0]) & 7)
        return {"messages": len(levels), "errors": sum(level <= _ERROR for level in levels)}


class Around:
    """The evidence around a window: enter before it, leave after it, then read ``record``.

    Attributes:
        record: the differences, and what reading them has cost.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self.record: dict[str, Any] = {}

    def __enter__(self) -> Self:
        started = time.thread_time()
        self._log = KernelLog()
        self._frequencies = frequencies_khz(self._root)
        self._before = read(self._root)
        self._cost_s = time.thread_time() - started
        self._started, self._apart_ns = time.monotonic(), _clocks_apart_ns()
        self._suspended_ns = _suspended_so_far_ns()
        return self

    def __exit__(self, *_: object) -> None:
        seconds = time.monotonic() - self._started
        stepped_s = (_clocks_apart_ns() - self._apart_ns) / 1e9
        suspended_s = (_suspended_so_far_ns() - self._suspended_ns) / 1e9
        started = time.thread_time()
        counted = difference(self._before, read(self._root))
        frequencies = {"before": self._frequencies, "after": frequencies_khz(self._root)}
        log = self._log.counts()
        self._log.close()
        self.record |= {
            "seconds": seconds,
            "clock_stepped_s": stepped_s,
            "suspended_s": suspended_s,
            "counted": counted,
            "kernel_log": log,
            "frequency_khz": frequencies,
            "cost_s": self._cost_s + time.thread_time() - started,
        }
