"""What the host's kernel told around a window: counters, clocks, messages; kept even when clean."""

from __future__ import annotations

import os
import time
from pathlib import Path

from agent import evidence
from bundle.documents.readings import Frequencies, Kernel, KernelCounts, KernelLog

_ERROR = 3  # of syslog's levels, 0 the worst


def _clocks_apart_ns() -> int:
    """How far the wall clock is ahead of the clock that nobody can set."""
    return time.time_ns() - time.monotonic_ns()


def _suspended_so_far_ns() -> int:
    """How long this machine has been suspended; the monotonic clock stands still meanwhile."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()


class Messages:
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

    def counts(self) -> KernelLog | None:
        """What has been logged so far; None where it cannot be read."""
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
        return KernelLog(messages=len(levels), errors=sum(level <= _ERROR for level in levels))


class Around:
    """The evidence around a window, which begins when this is made."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        started = time.thread_time()
        self._log = Messages()
        self._frequencies = evidence.frequencies_khz(root)
        self._before = evidence.read(root)
        self._cost_s = time.thread_time() - started
        self._started, self._apart_ns = time.monotonic(), _clocks_apart_ns()
        self._suspended_ns = _suspended_so_far_ns()

    def end(self) -> Kernel:
        """End the window; returns what the kernel told meanwhile, and what asking it has cost."""
        seconds = time.monotonic() - self._started
        stepped_s = (_clocks_apart_ns() - self._apart_ns) / 1e9
        suspended_s = (_suspended_so_far_ns() - self._suspended_ns) / 1e9
        started = time.thread_time()
        counted = evidence.difference(self._before, evidence.read(self._root))
        after = evidence.frequencies_khz(self._root)
        log = self._log.counts()
        self._log.close()
        return Kernel(
            seconds=seconds,
            clock_stepped_s=stepped_s,
            suspended_s=suspended_s,
            counted=KernelCounts(**counted),
            kernel_log=log,
            frequency_khz=Frequencies(before=self._frequencies, after=after),
            cost_s=self._cost_s + time.thread_time() - started,
        )
