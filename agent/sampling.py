"""CPU time and memory of the processes of a trial, sampled cheaply on a steady schedule.

The files under /proc are kept open and re-read with pread, which costs about 0.1 % of a core at
10 Hz; opening them anew, or psutil, costs about ten times that. PSS walks page tables and is
read only before and after the window.

Where the processes of a role cannot all be read, the sampler says so and why: their sum is then no
figure of the role.
"""

from __future__ import annotations

import csv
import os
import signal
import time
from collections import Counter, defaultdict
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from agent.family import descendants
from bundle.documents import readings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.family import Method

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_DISCOVER_EVERY = 5
_STOPPED = "Tt"
_ROUNDED_TICKS = 4  # of one process at most: two times, each rounded down twice


@dataclass(frozen=True)
class Reading:
    """One process at one instant.

    Attributes:
        round: number of the pass over all processes, from 1.
        at_ns: time.monotonic_ns().
        role: service, database or load.
        pid: the process.
        user_ticks: CPU time in user mode so far, clock ticks; with that of its children that have
            ended and been waited for, some of which may have lived between two rounds.
        system_ticks: CPU time in the kernel so far, likewise.
        rss_pages: resident set, pages.
    """

    round: int
    at_ns: int
    role: str
    pid: int
    user_ticks: int
    system_ticks: int
    rss_pages: int


class Stat(NamedTuple):
    """What ``/proc/PID/stat`` tells of a process; see proc_pid_stat(5).

    Attributes:
        state: one letter; T and t are stopped by a signal and by a tracer.
        parent: process id of its parent.
        user_ticks: utime + cutime, clock ticks.
        system_ticks: stime + cstime, clock ticks.
        inherited_ticks: cutime + cstime, clock ticks: what its children had used that it waited
            for.
        rss_pages: resident set, pages.
    """

    state: str
    parent: int
    user_ticks: int
    system_ticks: int
    inherited_ticks: int
    rss_pages: int


def parse_stat(data: bytes) -> Stat:
    """Read one ``/proc/PID/stat``.

    The program's name, the second field, may hold spaces and parentheses.

    Raises:
        ValueError: this is no such line.
    """
    told = data[data.rindex(b")") + 1 :].split()
    # Fields 14 to 17 are utime, stime, cutime and cstime, 24 is rss.
    user, system, inherited_user, inherited_system = map(int, told[11:15])
    return Stat(
        state=told[0].decode(),
        parent=int(told[1]),
        user_ticks=user + inherited_user,
        system_ticks=system + inherited_system,
        inherited_ticks=inherited_user + inherited_system,
        rss_pages=int(told[21]),
    )


class Pss(NamedTuple):
    """Proportional set size of some processes together.

    Attributes:
        bytes: None where it cannot be read.
        reason: why not; None where it is known.
    """

    bytes: int | None
    reason: str | None


def memory(before: Pss, after: Pss) -> readings.Memory:
    """The proportional set size of the service around the window, for the record of a trial."""
    return readings.Memory(
        service_pss_before_bytes=before.bytes,
        service_pss_after_bytes=after.bytes,
        service_pss_unread=before.reason or after.reason,
    )


class Sampler:
    """Samples whole process trees by role; memory of the samples is a few hundred KB a trial.

    Args:
        proc: the folder ``/proc``.

    Attributes:
        readings: taken so far.
        ended: role of each process that has ended meanwhile, by process id.
        unread: by role, why its processes are not all in the readings; empty if they are.
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self.readings: list[Reading] = []
        self.ended: dict[int, str] = {}
        self.unread: dict[str, str] = {}
        self._proc = proc
        self._roots: dict[int, str] = {}
        self._open: dict[int, tuple[str, int]] = {}
        self._first: dict[int, Stat] = {}
        self._last: dict[int, Stat] = {}
        self._found_by: dict[str, Method] = {}
        self._stopped: Counter[str] = Counter()
        self._rounds = 0
        self._cost_ns = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for _role, descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()

    def follow(self, role: str, pid: int) -> None:
        """Sample this process and its descendants from now on."""
        self._roots[pid] = role
        self._discover(pid, role)
        if pid not in self._open:
            self._doubt(role, f"process {pid} could not be opened in {self._proc}")

    def pids(self, role: str | None = None) -> list[int]:
        """The processes that are followed, of one role or all."""
        return [pid for pid, (r, _) in self._open.items() if role in (None, r)]

    def sample(self) -> None:
        """Read every process once; new descendants are looked for every fifth time."""
        started = time.thread_time_ns()
        self._rounds += 1
        if self._rounds % _DISCOVER_EVERY == 0:
            for pid, role in self._roots.items():
                self._discover(pid, role)
        for pid, (role, descriptor) in list(self._open.items()):
            try:
                told = parse_stat(os.pread(descriptor, 1024, 0))
            except ProcessLookupError:
                self._drop(pid)
                self.ended[pid] = role
                continue
            except (OSError, ValueError, IndexError) as problem:
                self._drop(pid)
                self._doubt(role, f"process {pid} could not be read: {problem}")
                continue
            self._keep(pid, role, told)
        self._cost_ns += time.thread_time_ns() - started

    @property
    def cost_s(self) -> float:
        """CPU seconds that sampling itself has used."""
        return self._cost_ns / 1e9

    def record(self) -> readings.Sampler:
        """What a reader of the readings must know, and what taking them has cost."""
        self._require_inheritance()
        return readings.Sampler(
            cpu_s=self.cost_s,
            readings=len(self.readings),
            tick_hz=TICKS_PER_S,
            page_bytes=PAGE_BYTES,
            ended_children=True,  # are in the ticks of their parents
            stopped={role: self._stopped[role] for role in self._roots.values()},
            unread=dict(self.unread),
            found_by=dict(self._found_by),
        )

    def write(self, path: Path) -> None:
        """Write all readings as CSV, one column for each attribute."""
        with path.open("w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(field.name for field in fields(Reading))
            writer.writerows(astuple(reading) for reading in self.readings)

    def pss(self, role: str) -> Pss:
        """Proportional set size of a role's processes together."""
        for pid, each in self._roots.items():
            if each == role:
                self._discover(pid, role)
        if role in self.unread:
            return Pss(None, self.unread[role])
        return read_pss(self.pids(role), self._proc)

    def _discover(self, root: int, role: str) -> None:
        try:
            found, self._found_by[role] = descendants(root, self._proc)
        except OSError as problem:
            self._doubt(role, f"the processes below {root} could not be listed: {problem}")
            return
        for pid in found:
            if pid not in self._open and pid not in self.ended:
                self._add(pid, role)

    def _add(self, pid: int, role: str) -> None:
        try:
            self._open[pid] = (role, os.open(self._proc / str(pid) / "stat", os.O_RDONLY))
        except (FileNotFoundError, ProcessLookupError):
            return  # it has just ended
        except OSError as problem:
            self._doubt(role, f"process {pid} could not be opened: {problem}")

    def _drop(self, pid: int) -> None:
        os.close(self._open.pop(pid)[1])

    def _keep(self, pid: int, role: str, told: Stat) -> None:
        self._first.setdefault(pid, told)
        self._last[pid] = told
        self._stopped[role] += told.state in _STOPPED
        now, (user, system, pages) = time.monotonic_ns(), (*told[2:4], told.rss_pages)
        self.readings.append(Reading(self._rounds, now, role, pid, user, system, pages))

    def _doubt(self, role: str, reason: str) -> None:
        """The first reason stays: what follows from it is no other one."""
        self.unread.setdefault(role, reason)

    def _require_inheritance(self) -> None:
        """Doubt each role some of whose ended processes left their CPU time to nobody."""
        for pid, (role, descriptor) in self._open.items():
            try:
                # Anew: a child may have ended between the last look at its parent and that at it.
                self._last[pid] = parse_stat(os.pread(descriptor, 1024, 0))
                ignored = _ignores_children((self._proc / str(pid) / "status").read_text())
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended as well: its own parent has what it had
            except (OSError, ValueError, LookupError) as problem:
                self._doubt(role, f"process {pid} could not be read: {problem}")
                continue
            if ignored:
                self._doubt(role, f"process {pid} ignores the end of its children (SIGCHLD)")
        children = {pid: role for pid, role in self.ended.items() if pid not in self._roots}
        for parent, ticks in disinherited(self._first, self._last, children).items():
            role = next(r for pid, r in children.items() if self._last[pid].parent == parent)
            spent = f"{ticks / TICKS_PER_S:g} s of CPU time of processes that have ended"
            self._doubt(role, f"{spent} are not in that of their parent, process {parent}")


def disinherited(
    first: Mapping[int, Stat], last: Mapping[int, Stat], ended: Mapping[int, object]
) -> dict[int, int]:
    """Ticks that ended children had used and that are missing in their parent, by parent.

    A process that waits for a child takes its time over. One that ignores SIGCHLD does not, nor
    does one outside of the trial that adopted the child of a parent that had ended.

    Args:
        first: of each process, as it was read for the first time.
        last: as it was read for the last time.
        ended: the children that have ended; those that were never read are left out.
    """
    children: dict[int, list[int]] = defaultdict(list)
    for pid in ended:
        if pid in last:  # one that was never read is in no sum
            children[last[pid].parent].append(pid)

    def missing(parent: int) -> int:
        left = sum(_ticks(last[pid]) + missing(pid) for pid in children[parent])
        if parent not in last:
            return left
        taken = last[parent].inherited_ticks - first[parent].inherited_ticks
        return max(0, left - taken - _ROUNDED_TICKS * len(children[parent]))

    found = {parent: missing(parent) for parent in list(children) if parent not in ended}
    return {parent: ticks for parent, ticks in found.items() if ticks > 0}


def _ticks(told: Stat) -> int:
    return told.user_ticks + told.system_ticks


def _ignores_children(status: str) -> bool:
    """Whether the kernel throws away the CPU time of a process's children, by its status file."""
    masks = [line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:")]
    return bool(int(masks[0], 16) >> (signal.SIGCHLD - 1) & 1)


def read_pss(pids: Sequence[int], proc: Path = Path("/proc")) -> Pss:
    """Proportional set size of processes together."""
    total = 0
    for pid in pids:
        try:
            lines = (proc / str(pid) / "smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except (OSError, StopIteration) as problem:
            why = "it has no line for it" if isinstance(problem, StopIteration) else str(problem)
            return Pss(None, f"smaps_rollup of process {pid} does not tell it: {why}")
    return Pss(total * 1024, None) if pids else Pss(None, "no process was found")
