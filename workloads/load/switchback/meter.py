"""What processes and the host have used so far, read in microseconds at the ends of slices.

CPU times are those of the processes' CPU clocks, in nanoseconds over all threads; /proc counts them
in ticks of 10 ms, a twenty-fifth of a slice. A whole reading of three services took 30 us of CPU
time on a two-core VM, nearly all of it for /proc/stat, which the kernel composes as a whole; a
clock takes 0.3 us.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import psutil

from bundle.codec import Part

if TYPE_CHECKING:
    from collections.abc import Mapping

type Value = int | str
"""Nanoseconds, or why they cannot be read."""

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_SCHED = 2  # CPUCLOCK_SCHED: what clock_getcpuclockid(3) asks for
SERVICE_ELSEWHERE: Final = "the service runs on another host"
DATABASE_ELSEWHERE: Final = "the database server runs on another host"


def cpu_ns(pid: int) -> int:
    """CPU time of all threads of a process, whoever's it is; its id makes its clock's id.

    Raises:
        OSError: there is no such process.
    """
    return time.clock_gettime_ns((~pid << 3) | _SCHED)


class Reading(Part, frozen=True, kw_only=True):
    """Times of one host so far, for differences; null where a process runs on another host."""

    at_ns: int  #: when they were read, on the monotonic clock of this host
    services: dict[str, Value]  #: CPU time by subject, of those on this host
    #: CPU time of the server's children by process id, or why there is none
    backends: dict[int, int] | str | None
    server: Value | None  #: CPU time of the server's first process
    #: of the subject that was asked for; how long its main threads waited for a CPU
    delay: Value | None
    busy: Value  #: CPU time of all processes
    steal: Value  #: taken by the hypervisor, all CPUs


class Spent(Part, frozen=True, kw_only=True):
    """Differences of two readings of one host; null where a process runs on another one."""

    service: Value | None
    database: Value | None
    delay: Value | None
    steal: Value
    foreign: Value  #: CPU time of all other processes


class Meter:
    """Reads the clocks of one host, and of the services and the database server there."""

    def __init__(self, services: Mapping[str, int | None], server: int | None) -> None:
        """Prepare; services by subject and the server by process id, None on another host."""
        self._services = {name: _Service(pid) for name, pid in services.items() if pid}
        self._server = None if server is None else _Server(server)
        self._stat = os.open("/proc/stat", os.O_RDONLY)

    def find(self, name: str) -> None:
        """Find the processes of a service: later ones are not read."""
        if name in self._services:
            self._services[name].find()

    def service_ns(self, name: str) -> Value:
        """CPU time of a service's processes."""
        service = self._services.get(name)
        return service.cpu_ns() if service else SERVICE_ELSEWHERE

    def read(self, name: str) -> Reading:
        """Read everything, and the run-queue delay of one subject."""
        service = self._services.get(name)
        busy, steal = self._host()
        return Reading(
            at_ns=time.monotonic_ns(),
            services={each: service.cpu_ns() for each, service in self._services.items()},
            backends=self._server.backends() if self._server else None,
            server=self._server.cpu_ns() if self._server else None,
            delay=service.delay_ns() if service else None,
            busy=busy,
            steal=steal,
        )

    def _host(self) -> tuple[Value, Value]:
        try:
            # user, nice, system, idle, iowait, irq, softirq, steal; user includes guests.
            ticks = [int(word) for word in os.pread(self._stat, 256, 0).split(None, 9)[1:9]]
            # Some kernels take the time of interrupts out of the processes' clocks: what the load
            # itself causes in the network would then seem to be somebody else's.
            user, nice, system, _, _, _, _, steal = ticks
        except (OSError, ValueError) as unread:
            why = f"/proc/stat cannot be read: {unread}"
            return why, why
        return (user + nice + system) * _TICK_NS, steal * _TICK_NS


class _Service:
    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._schedstats: dict[int, int] = {}  # by process id, a descriptor

    def find(self) -> None:
        try:
            below = psutil.Process(self._pid).children(recursive=True)
            for pid in (self._pid, *(each.pid for each in below)):
                self._schedstats[pid] = os.open(f"/proc/{pid}/schedstat", os.O_RDONLY)
        except (OSError, psutil.Error):
            # What has ended or hides shows at every reading.
            self._schedstats.setdefault(self._pid, -1)

    def cpu_ns(self) -> Value:
        total = 0
        for pid in self._schedstats:
            used = _cpu_ns(pid, "the service")
            if isinstance(used, str):
                return used
            total += used
        return total

    def delay_ns(self) -> Value:
        try:
            return sum(int(os.pread(each, 96, 0).split()[1]) for each in self._schedstats.values())
        except (OSError, IndexError) as unread:
            return f"schedstat of the service cannot be read: {unread}"


class _Server:
    def __init__(self, pid: int) -> None:
        self._pid = pid
        try:
            # Only the first thread of PostgreSQL's first process starts any.
            self._children = os.open(f"/proc/{pid}/task/{pid}/children", os.O_RDONLY)
        except FileNotFoundError:
            self._children = -1  # the kernel keeps no such lists, or the process has ended

    def cpu_ns(self) -> Value:
        return _cpu_ns(self._pid, "the database server")

    def backends(self) -> dict[int, int] | str:
        """CPU time of each child, all found anew: pools open more connections later."""
        own = self.cpu_ns()
        if isinstance(own, str):
            return own
        try:
            children = self._found()
        except (OSError, psutil.Error) as unread:
            return f"the children of the database server cannot be read: {unread}"
        used = {}
        for pid in children:
            # If one that has ended since was there before, its absence shows that.
            with suppress(OSError):
                used[pid] = cpu_ns(pid)
        return used

    def _found(self) -> list[int]:
        if self._children < 0:
            # By the parent of every process, which takes milliseconds.
            return [each.pid for each in psutil.Process(self._pid).children()]
        return [int(child) for child in os.pread(self._children, 2**20, 0).split()]


def _cpu_ns(pid: int, whose: str) -> Value:
    try:
        return cpu_ns(pid)
    except OSError:
        return f"process {pid} of {whose} has ended"


def minus(after: Value, before: Value) -> Value:
    """A difference, or why there is none."""
    if isinstance(before, str):
        return before
    return after if isinstance(after, str) else after - before


def spent(name: str, before: Reading, after: Reading, *, load: int = 0) -> Spent:
    """What one host used between two readings for the same subject; ``load`` by a generator."""
    services = {each: minus(ns, before.services[each]) for each, ns in after.services.items()}
    database = _of_backends(before.backends, after.backends)
    ours = [*services.values(), database, _change(after.server, before.server), load]
    return Spent(
        service=services.get(name),
        database=database,
        delay=_change(after.delay, before.delay),
        steal=minus(after.steal, before.steal),
        foreign=_foreign(minus(after.busy, before.busy), ours),
    )


def _change(after: Value | None, before: Value | None) -> Value | None:
    return None if after is None or before is None else minus(after, before)


def _of_backends(
    before: Mapping[int, int] | str | None, after: Mapping[int, int] | str | None
) -> Value | None:
    if before is None or after is None:
        return None
    if isinstance(before, str):
        return before
    if isinstance(after, str):
        return after
    if ended := sorted(before.keys() - after.keys()):
        return f"process {ended[0]} of the database server ended within a slice"
    # One that was not there before began with 0.
    return sum(ns - before.get(pid, 0) for pid, ns in after.items())


def _foreign(busy: Value, ours: list[Value | None]) -> Value:
    left = busy
    for each in ours:
        left = left if each is None else minus(left, each)
    # The host's times are whole ticks, counted apart for each kind and CPU, and ours are exact: of
    # a host without foreign load the difference is as often below 0 as above it.
    return left
