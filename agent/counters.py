"""What the host's kernel counted around a window, recorded even if nothing happened.

Each counter of `host.items` only rises; its difference over the window is the evidence. A counter
that cannot be read is null, never 0: a host without the file has not shown that nothing happened.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from agent.pace import Watcher
from bundle.documents.readings import Kernel, KernelCounts, KernelLog
from host.items import COUNTERS
from host.kernel import Files, NotReadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bundle.documents.readings import Counted
    from host.item import Count

_ERROR = 3  # of syslog's levels, 0 the worst
_LOOKS = 8  # at two clocks, of which the CPU must not be taken away in one


def read(root: Path = Path("/")) -> dict[str, Counted]:
    """Read every counter once; None for those that cannot be read."""
    files = Files(root)
    return {key: _read(counter, files) for key, counter in COUNTERS.items()}


def difference(before: Mapping[str, Counted], after: Mapping[str, Counted]) -> dict[str, Counted]:
    """The counts between two readings; None where one of them is missing.

    A counter that fell was reset in between: its count is unknown.
    """
    return {key: _difference(before[key], after[key]) for key in before}


def _read(counter: Callable[[Files], Count], files: Files) -> Counted:
    try:
        return counter(files)
    except (NotReadable, OSError, ValueError, LookupError):
        return None


def _difference(before: Counted, after: Counted) -> Counted:
    if isinstance(before, dict) and isinstance(after, dict):
        if before.keys() != after.keys():  # a CPU came or went
            return None
        counts = {key: after[key] - before[key] for key in before}
        return None if any(count < 0 for count in counts.values()) else counts
    if isinstance(before, int) and isinstance(after, int):
        return after - before if after >= before else None
    return None


def _ahead_ns(clock: int) -> int:
    """How far a clock is ahead of CLOCK_MONOTONIC.

    The kernel may take the CPU away between two clocks, and that time would pass for a clock that
    was set. So each reading stands between two of CLOCK_MONOTONIC, and the closest pair counts.
    """
    looks = []
    for _ in range(_LOOKS):
        before = time.monotonic_ns()
        at = time.clock_gettime_ns(clock)
        after = time.monotonic_ns()
        looks.append((after - before, at - (before + after) // 2))
    return min(looks)[1]


def _clocks_apart_ns() -> int:
    """How far the wall clock is ahead of the clock that nobody can set."""
    return _ahead_ns(time.CLOCK_REALTIME)


def _suspended_so_far_ns() -> int:
    """How long this machine has been suspended; the monotonic clock does not advance then."""
    return _ahead_ns(time.CLOCK_BOOTTIME)


class MessageCounter:
    """Counts the kernel's messages from now on; keeps none, because they may contain addresses."""

    def __init__(self, path: Path = Path("/dev/kmsg")) -> None:
        self._file: int | None = None
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            os.lseek(self._file, 0, os.SEEK_END)
        except OSError:
            self.close()

    def close(self) -> None:
        """Close the kernel's log."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def counts(self) -> KernelLog | None:
        """The messages, and those of level error or worse; None if the log cannot be read."""
        if self._file is None:
            return None
        levels = []
        while True:
            try:
                record = os.read(self._file, 8192)
            except BlockingIOError:
                break
            except BrokenPipeError:  # the kernel has overwritten the oldest messages: go on
                continue
            except OSError:
                return None
            # "level + 8 x facility, number, time, flags; message"
            levels.append(int(record.split(b",", 1)[0]) & 7)
        return KernelLog(messages=len(levels), errors=sum(level <= _ERROR for level in levels))


class Around:
    """The evidence around a window: enter before it, leave after it, then read ``record``.

    Args:
        root: of the host.
        cpus: of the trial, whose clocks `look` reads.
    """

    record: Kernel

    def __init__(self, root: Path = Path("/"), cpus: Iterable[int] = ()) -> None:
        self._root = root
        self._cpus = cpus

    def look(self) -> None:
        """Read clocks and temperatures, if it is time: call it often while the window is open."""
        started = time.thread_time()
        self._pace.look()
        self._cost_s += time.thread_time() - started

    def __enter__(self) -> Self:
        started = time.thread_time()
        self._log = MessageCounter()
        self._before = read(self._root)
        self._pace = Watcher(Files(self._root), self._cpus)
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
        log = self._log.counts()
        self._log.close()
        self.record = Kernel(
            seconds=seconds,
            clock_stepped_s=stepped_s,
            suspended_s=suspended_s,
            counted=KernelCounts(**counted),
            kernel_log=log,
            pace=self._pace.record(),
            cost_s=self._cost_s + time.thread_time() - started,
        )
