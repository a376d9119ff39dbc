"""CPU time and memory of the processes of a trial, sampled cheaply on a steady schedule.

The files under /proc are kept open and re-read with pread, which costs about 0.1 % of a core at
10 Hz; opening them anew, or psutil, costs about ten times that. PSS walks page tables and is
read only before and after the window.
"""

from __future__ import annotations

import contextlib
import csv
import os
import time
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, Self

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_DISCOVER_EVERY = 5
_FIELDS_BEFORE_STATE = 2


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


def parse_stat(data: bytes) -> tuple[int, int, int]:
    """User ticks, system ticks and resident pages of one ``/proc/PID/stat``; see proc(5).

    The ticks are utime + cutime and stime + cstime. The program's name, the second field, may hold
    spaces and parentheses.
    """
    told = data[data.rindex(b")") + 1 :].split()

    def field(number: int) -> int:
        return int(told[number - _FIELDS_BEFORE_STATE])

    return field(13) + field(15), field(14) + field(16), field(23)


class Sampler:
    """Samples whole process trees by role; memory of the samples is a few hundred KB a trial."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.ended: dict[int, str] = {}
        self._roots: dict[int, str] = {}
        self._open: dict[int, tuple[str, int]] = {}
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
                user, system, pages = parse_stat(os.pread(descriptor, 1024, 0))
            except (ProcessLookupError, ValueError):
                self.ended[pid] = role
                os.close(self._open.pop(pid)[1])
                continue
            now = time.monotonic_ns()
            self.readings.append(Reading(self._rounds, now, role, pid, user, system, pages))
        self._cost_ns += time.thread_time_ns() - started

    @property
    def cost_s(self) -> float:
        """CPU seconds that sampling itself has used."""
        return self._cost_ns / 1e9

    def record(self) -> dict[str, Any]:
        """What a reader of the readings must know, and what taking them has cost."""
        return {
            "cpu_s": self.cost_s,
            "readings": len(self.readings),
            "tick_hz": TICKS_PER_S,
            "page_bytes": PAGE_BYTES,
            "ended_children": True,  # are in the ticks of their parents
        }

    def write(self, path: Path) -> None:
        """Write all readings as CSV, one column for each attribute."""
        with path.open("w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(field.name for field in fields(Reading))
            writer.writerows(astuple(reading) for reading in self.readings)

    def _discover(self, root: int, role: str) -> None:
        for pid in _tree(root):
            if pid not in self._open and pid not in self.ended:
                with contextlib.suppress(FileNotFoundError):
                    self._open[pid] = (role, os.open(f"/proc/{pid}/stat", os.O_RDONLY))


def _tree(root: int) -> list[int]:
    """The process and its descendants, through the kernel's own lists of children."""
    found = [root]
    for pid in found:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for thread in Path(f"/proc/{pid}/task").iterdir():
                children = (thread / "children").read_text()
                found.extend(int(child) for child in children.split())
    return found


def pss_bytes(pids: list[int]) -> int | None:
    """Proportional set size of processes together, bytes; None where it cannot be read."""
    total = 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return None
        total += next(
            int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")
        )
    return total
