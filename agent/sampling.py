"""The processes of a trial: which they are, their CPU time and memory, and where they may run.

The sampler keeps the files under /proc open and reads them again with pread, which costs about
0.1 % of a core at 10 Hz; opening them each time, or psutil, costs about ten times that. Reading PSS
walks page tables, so the sampler reads it only before and after the window, and every ten seconds
in it.

Where the sampler cannot read all processes of a role, it says so and why: their sum is then no
figure of the role.

The kernel lists the children of each thread (proc_tid_children(5)) if it was built with
CONFIG_PROC_CHILDREN. Otherwise the sampler asks every process for its parent, which always works
and costs some milliseconds.
"""

from __future__ import annotations

import csv
import os
import signal
import time
from collections import Counter, defaultdict
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from agent.failure import Failure
from bundle.documents import readings
from host.cpus import cpu_list
from host.kernel import Files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.orders import Placement

type Method = Literal["children", "parents"]
"""How the descendants of a process were found."""

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_DISCOVER_EVERY = 5
_STOPPED = "Tt"
_PSS_EVERY_S = 10.0
_ROUNDED_TICKS = 4  # of one process at most: two times, each rounded down twice


@dataclass(frozen=True)
class Sample:
    """One process at one instant."""

    round: int  #: number of the pass over all processes, from 1
    at_ns: int  #: time.monotonic_ns()
    role: str  #: service, database or load
    pid: int
    #: CPU time in user mode so far, clock ticks. It includes the time of children that have ended
    #: and were waited for, some of which may have lived between two rounds
    user_ticks: int
    system_ticks: int  #: CPU time in the kernel so far, likewise
    rss_pages: int  #: resident set, pages


class Stat(NamedTuple):
    """A process by ``/proc/PID/stat``, see proc_pid_stat(5)."""

    state: str  #: one letter; T is stopped by a signal, t by a tracer
    parent: int  #: process id
    user_ticks: int  #: utime + cutime, clock ticks
    system_ticks: int  #: stime + cstime, clock ticks
    inherited_ticks: int  #: cutime + cstime, clock ticks: CPU time of children that it waited for
    rss_pages: int  #: resident set, pages


def parse_stat(data: bytes) -> Stat:
    """Parse one ``/proc/PID/stat``.

    Raises:
        ValueError: this is no such line.
    """
    # The program's name, the second field, may hold spaces and parentheses.
    columns = data[data.rindex(b")") + 1 :].split()
    # Fields 14 to 17 are utime, stime, cutime and cstime, 24 is rss.
    user, system, inherited_user, inherited_system = map(int, columns[11:15])
    return Stat(
        state=columns[0].decode(),
        parent=int(columns[1]),
        user_ticks=user + inherited_user,
        system_ticks=system + inherited_system,
        inherited_ticks=inherited_user + inherited_system,
        rss_pages=int(columns[21]),
    )


class Pss(NamedTuple):
    """Proportional set size of some processes together; ``reason`` says why it is unknown.

    ``anonymous`` is the part of it that no file is behind; unknown to kernels before 5.3.
    """

    bytes: int | None
    reason: str | None
    anonymous: int | None = None


def memory(before: Pss, sampler: Sampler) -> readings.Memory:
    """The record of the service's memory around the window, which has just ended, and in it."""
    after = sampler.pss("service")
    return readings.Memory(
        service_pss_before_bytes=before.bytes,
        service_pss_after_bytes=after.bytes,
        service_pss_unread=before.reason or after.reason,
        service_looks=sampler.looks,
        service_looks_unread=sampler.looks_unread,
    )


class Sampler:
    """Samples whole process trees by role; the samples of a trial take a few hundred KB.

    Attributes:
        readings: taken so far.
        ended: role of each process that has ended meanwhile, by process id.
        unread: by role, why its processes are not all in the readings; empty if they are.
        looks: at the memory of the service.
        looks_unread: why one of them is null; None if none is.
    """

    def __init__(self, proc: Path = Path("/proc"), pss_every_s: float = _PSS_EVERY_S) -> None:
        self.readings: list[Sample] = []
        self.looks: list[readings.MemoryLook] = []
        self.looks_unread: str | None = None
        self._pss_every_s = pss_every_s
        self._began_s: float | None = None
        self._looked_s = 0.0
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
        """Sample a process and its descendants from now on."""
        self._roots[pid] = role
        self._discover(pid, role)
        if pid not in self._open:
            self._doubt(role, f"process {pid} could not be opened in {self._proc}")

    def pids(self, role: str | None = None) -> list[int]:
        """The followed processes, of one role or all."""
        return [pid for pid, (r, _) in self._open.items() if role in (None, r)]

    def sample(self) -> None:
        """Read every process once; every fifth time, look for new descendants first."""
        started = time.thread_time_ns()
        self._rounds += 1
        if self._rounds % _DISCOVER_EVERY == 0:
            for pid, role in self._roots.items():
                self._discover(pid, role)
        for pid, (role, descriptor) in list(self._open.items()):
            try:
                stat = parse_stat(os.pread(descriptor, 1024, 0))
            except ProcessLookupError:
                self._drop(pid)
                self.ended[pid] = role
                continue
            except (OSError, ValueError, IndexError) as problem:
                self._drop(pid)
                self._doubt(role, f"process {pid} could not be read: {problem}")
                continue
            self._keep(pid, role, stat)
        self._look_at_memory()
        self._cost_ns += time.thread_time_ns() - started

    def record(self) -> readings.Sampler:
        """The record about the readings, and what taking them has cost."""
        self._require_inheritance()
        return readings.Sampler(
            cpu_s=self._cost_ns / 1e9,
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
            writer.writerow(field.name for field in fields(Sample))
            writer.writerows(astuple(reading) for reading in self.readings)

    def pss(self, role: str) -> Pss:
        """Proportional set size of a role's processes together."""
        for pid, known in self._roots.items():
            if known == role:
                self._discover(pid, role)
        if role in self.unread:
            return Pss(None, self.unread[role])
        return read_pss(self.pids(role), self._proc)

    def _look_at_memory(self) -> None:
        now = time.monotonic()
        if self._began_s is None:
            self._began_s = self._looked_s = now
        if now - self._looked_s < self._pss_every_s or "service" not in self._roots.values():
            return
        self._looked_s = now
        seen = self.pss("service")
        self.looks_unread = self.looks_unread or seen.reason
        self.looks.append(
            readings.MemoryLook(
                at_s=round(now - self._began_s, 3),
                pss_bytes=seen.bytes,
                anonymous_bytes=seen.anonymous,
            )
        )

    def _discover(self, root: int, role: str) -> None:
        try:
            pids, self._found_by[role] = descendants(root, self._proc)
        except OSError as problem:
            self._doubt(role, f"the processes below {root} could not be listed: {problem}")
            return
        for pid in pids:
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

    def _keep(self, pid: int, role: str, stat: Stat) -> None:
        self._first.setdefault(pid, stat)
        self._last[pid] = stat
        self._stopped[role] += stat.state in _STOPPED
        now, (user, system, pages) = time.monotonic_ns(), (*stat[2:4], stat.rss_pages)
        self.readings.append(Sample(self._rounds, now, role, pid, user, system, pages))

    def _doubt(self, role: str, reason: str) -> None:
        """Keep the first reason: later ones may follow from it."""
        self.unread.setdefault(role, reason)

    def _require_inheritance(self) -> None:
        """Doubt each role that has an ended process whose CPU time its parent did not get."""
        for pid, (role, descriptor) in self._open.items():
            try:
                # Again: a child may have ended after the last reading of its parent.
                self._last[pid] = parse_stat(os.pread(descriptor, 1024, 0))
                ignored = _ignores_children((self._proc / str(pid) / "status").read_text())
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended as well: its own parent has its time
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

    The kernel adds a child's time to a process that waits for it. A process that ignores SIGCHLD
    gets none; neither does a process of the trial whose orphans an outside process adopted.

    Args:
        first: the first reading of each process.
        last: the last reading of each process.
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

    totals = {parent: missing(parent) for parent in list(children) if parent not in ended}
    return {parent: ticks for parent, ticks in totals.items() if ticks > 0}


def _ticks(stat: Stat) -> int:
    return stat.user_ticks + stat.system_ticks


def _ignores_children(status: str) -> bool:
    """Whether the kernel throws away the CPU time of a process's children, by its status file."""
    masks = [line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:")]
    return bool(int(masks[0], 16) >> (signal.SIGCHLD - 1) & 1)


def read_pss(pids: Sequence[int], proc: Path = Path("/proc")) -> Pss:
    """The sum over some processes."""
    total, anonymous, knows = 0, 0, True
    for pid in pids:
        try:
            text = (proc / str(pid) / "smaps_rollup").read_text()
            lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
            total += int(lines["Pss"].split()[0])
        except (OSError, LookupError) as problem:
            why = "it has no line Pss" if isinstance(problem, LookupError) else str(problem)
            return Pss(None, f"smaps_rollup of process {pid} cannot be read: {why}")
        knows = knows and "Pss_Anon" in lines
        anonymous += int(lines["Pss_Anon"].split()[0]) if knows else 0
    if not pids:
        return Pss(None, "no process was found")
    return Pss(total * 1024, None, anonymous * 1024 if knows else None)


def descendants(root: int, proc: Path) -> tuple[list[int], Method]:
    """The process itself and all below it, parents before their children; and how they were found.

    Raises:
        OSError: the kernel does not let this user see them.
    """
    pids = _by_children(root, proc)
    return (pids, "children") if pids is not None else (_by_parents(root, proc), "parents")


def _by_children(root: int, proc: Path) -> list[int] | None:
    """By the lists of children; None where the kernel has none."""
    pids = [root]
    for pid in pids:
        try:
            threads = list((proc / str(pid) / "task").iterdir())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        for thread in threads:
            try:
                children = (thread / "children").read_text()
            except (FileNotFoundError, ProcessLookupError):
                if (thread / "stat").exists():
                    return None
                continue  # the thread has ended
            pids.extend(int(child) for child in children.split())
    return pids


def _by_parents(root: int, proc: Path) -> list[int]:
    """By the parent of every process; one that has just ended is left out."""
    children: dict[int, list[int]] = defaultdict(list)
    for folder in proc.glob("[0-9]*"):
        try:
            stat = parse_stat((folder / "stat").read_bytes())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            # An unreadable process belongs to another user; all processes of a role have one user.
            continue
        children[stat.parent].append(int(folder.name))
    pids = [root]
    for pid in pids:
        pids.extend(sorted(children[pid]))
    return pids


def affinity(pid: int) -> list[int] | None:
    """The CPUs that the kernel lets a process run on, by its status file; None once it is gone."""
    try:
        status = Files(Path("/")).pairs(f"proc/{pid}/status", ":")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return cpu_list(status["Cpus_allowed_list"])


def require_planned(sampler: Sampler, planned: Placement, observed: readings.TrialReadings) -> None:
    """Record where the kernel lets every followed process run, in ``observed.affinity``.

    Raises:
        Failure: ``affinity``, one of them may run outside its planned CPUs.
    """
    record = observed.affinity or readings.Affinity(planned=dict(planned.items()), observed={})
    observed.affinity = record
    astray: dict[str, list[int]] = {}
    for purpose, cpus in planned.items():
        for pid in sampler.pids(purpose):
            allowed = affinity(pid)
            if allowed is None:  # it has ended meanwhile
                continue
            record.observed.setdefault(purpose, {})[str(pid)] = allowed
            if not set(cpus).issuperset(allowed):
                astray[f"{purpose} {pid}"] = allowed
    if astray:
        raise Failure(
            "affinity",
            f"processes may run outside their planned CPUs: {astray}",
            where="/proc/PID/status",
            hint="something on this host moves processes between CPUs; `ormlab doctor`",
        )
