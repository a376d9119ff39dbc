"""Which CPUs the orchestrator runs on."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


def keep_to(cpus: Collection[int]) -> None:
    """Confine every thread of this process to some CPUs; threads that start later inherit them.

    The kernel keeps an affinity for each thread, and ``os.sched_setaffinity(0)`` sets that of the
    calling thread alone: sched_setaffinity(2). A thread that is not confined yet may start another
    one meanwhile, so the list of threads is read until it names no new one.

    Raises:
        OSError: this process may use none of the CPUs.
    """
    confined: set[int] = set()
    while new := _threads() - confined:
        for thread in new:
            with suppress(ProcessLookupError):  # it has ended
                os.sched_setaffinity(thread, cpus)
        confined |= new


def _threads() -> set[int]:
    """The threads of this process, by the kernel's numbers."""
    return {int(each.name) for each in Path("/proc/self/task").iterdir()}
