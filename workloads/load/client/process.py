"""What the client asks of Linux for its own processes: CPUs, the end, peak memory."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import TYPE_CHECKING

from workloads.load.client.failure import LoadError

if TYPE_CHECKING:
    import signal

_PR_SET_PDEATHSIG = 1


def die_with_parent(with_signal: signal.Signals, parent: int) -> None:
    """Have the kernel send this process a signal when its parent dies; see prctl(2).

    The parent, to the kernel, is the thread that started this process: it must live as long.

    Args:
        with_signal: sent at once if the parent is already gone.
        parent: its process id.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    if os.getppid() != parent:
        os.kill(os.getpid(), with_signal)


def pin(cpus: list[int]) -> None:
    """Keep this process on some CPUs.

    Raises:
        LoadError: code ``spec``: one of them cannot be used.
    """
    try:
        for allowed in (*({cpu} for cpu in cpus), set(cpus)):
            os.sched_setaffinity(0, allowed)
    except OSError as refused:
        raise LoadError(
            "spec", f"not all CPUs of {cpus} can be used: {refused}", where="cpus", hint="see nproc"
        ) from None


def peak_rss_bytes() -> int:
    """Peak resident memory of this process since it was started.

    From /proc: what getrusage(2) calls ru_maxrss survives exec and can be another program's.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status has no VmHWM")
