"""The jitter floor of CPUs: what programs, interrupts and a hypervisor take from a spinning one.

A process on each CPU does nothing but look at the monotonic clock. Whatever else runs there leaves
a gap between two looks, whoever it is. The kernel's tracer osnoise works alike
(Documentation/trace/osnoise-tracer.rst), and so do hwlatdetect and sysjitter.

Python looks at the clock once in about 0.1 us, and that duration is measured and told. The
shortest gap that counts is ten times as long. An interrupt of the timer takes 2 to 3 us.
"""

from __future__ import annotations

import gc
import json
import os
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from .kernel import NotReadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SECONDS = 2.0
"""Duration that shows what happens at least once a second; all CPUs spin at the same time."""

LEAST_US = 1
SIZES_US = (LEAST_US, 10, 100, 1000)
"""Where each class of gaps begins; the last one has no end."""

_ONCE_S = 0.01  # for what happens once only: first uses of pages, specialised code
_BATCH = 1000  # looks between two comparisons with the end


@dataclass(frozen=True)
class Spun:
    """What one CPU lost while it spun."""

    seconds: float  #: for which it spun
    look_ns: float  #: mean duration of one look at the clock where nothing came between
    longest_us: float  #: the longest gap; 0 if none was as long as ``LEAST_US``
    stolen_s: float  #: all gaps together
    counts: tuple[int, ...]  #: number of gaps in each class of ``SIZES_US``

    @property
    def share(self) -> float:
        """The share of the time that was taken away."""
        return self.stolen_s / self.seconds


def measure(cpus: Iterable[int], seconds: float) -> Mapping[int, Spun]:
    """Spin on all of these CPUs at the same time, each in a process of its own.

    Raises:
        NotReadable: a process may not run on its CPU, or did not answer.
        OSError: no process can be started.
    """
    children = [(cpu, *_start(cpu, seconds)) for cpu in cpus]
    # All of them first, so that no process is left behind.
    answers = [(cpu, _answer(pid, reader)) for cpu, pid, reader in children]
    spun: dict[int, Spun] = {}
    for cpu, answer in answers:
        if isinstance(answer, str):
            raise NotReadable(f"CPU {cpu}: {answer}")
        spun[cpu] = answer
    return spun


def spin(seconds: float) -> Spun:
    """Look at the clock as often as this process can, and note each gap."""
    clock, least_ns = time.perf_counter_ns, 1000 * LEAST_US
    gaps: list[int] = []
    looks = 0
    began = last = clock()
    until = began + round(seconds * 1e9)
    while last < until:
        for _ in range(_BATCH):
            now = clock()
            if now - last >= least_ns:
                gaps.append(now - last)
            last = now
        looks += _BATCH
    return summary(gaps, looks, last - began)


def summary(gaps: list[int], looks: int, elapsed_ns: int) -> Spun:
    """The gaps, in ns, among so many looks at the clock in so many ns."""
    look_ns = (elapsed_ns - sum(gaps)) / max(1, looks - len(gaps))
    ends_us = (*SIZES_US[1:], float("inf"))
    return Spun(
        seconds=elapsed_ns / 1e9,
        look_ns=look_ns,
        longest_us=max(gaps, default=0) / 1000,
        stolen_s=max(0.0, sum(gap - look_ns for gap in gaps)) / 1e9,
        counts=tuple(
            sum(begin <= gap / 1000 < end for gap in gaps)
            for begin, end in zip(SIZES_US, ends_us, strict=True)
        ),
    )


def _start(cpu: int, seconds: float) -> tuple[int, int]:
    """The process that spins on a CPU, and the descriptor on which it answers."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    try:
        os.sched_setaffinity(0, {cpu})
        gc.disable()
        spin(_ONCE_S)
        os.write(writer, json.dumps(asdict(spin(seconds))).encode())
    except OSError as problem:
        os.write(writer, json.dumps(problem.strerror).encode())
    finally:
        os._exit(0)


def _answer(pid: int, reader: int) -> Spun | str:
    """What a process says: its gaps, or why it could not spin."""
    with os.fdopen(reader, "rb") as file:
        text = file.read()
    os.waitpid(pid, 0)
    if not text:
        return "the process that spun there was killed"
    told = json.loads(text)
    return told if isinstance(told, str) else Spun(**told | {"counts": tuple(told["counts"])})
