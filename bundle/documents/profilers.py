"""Where a service spends CPU time and memory: what profilers left, outside of all windows.

A profiler slows a service down, so each one gets a process of the service of its own, which no
trial measures.

History of the schema: profilers/1 (first).
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal, get_args

import msgspec

from bundle.codec import Document, Part
from bundle.values import Count

type Profiler = Literal["cpu", "heap", "instructions", "syscalls"]

PROFILERS: Final[tuple[Profiler, ...]] = get_args(Profiler.__value__)
FOLDER: Final = "services/{subject}/profilers"
"""Where a bundle keeps the files that profilers have left of a subject."""

STACKS: Final[dict[Profiler, str]] = {
    "cpu": "cpu.speedscope.json",
    "heap": "heap.speedscope.json",
}
"""By profiler, its file of call stacks, in the format of https://www.speedscope.app."""

PICTURES: Final[dict[Profiler, str]] = {"cpu": "cpu.svg", "heap": "heap.html"}
"""By profiler, its flame graph, which a browser shows without a network."""

CALLGRIND: Final = "instructions.callgrind.zst"
"""The calls of the last window of instructions, for KCachegrind."""


class SampledStacks(Part, frozen=True, kw_only=True):
    """The call stack of the service, looked at many times a second."""

    program: str  #: the profiler with its version
    requests: Count  #: that the service answered meanwhile
    rate_hz: Count  #: how often a second it was looked at


class Traced(Part, frozen=True, kw_only=True):
    """Each allocation of the service, from the start of its process to its end."""

    program: str  #: the profiler with its version
    requests: Count  #: that the service answered meanwhile


class CountedEvents(Part, frozen=True, kw_only=True):
    """What the processor or the kernel did for one request, one request after another."""

    program: str  #: the profiler with its version
    requests: Count  #: of each window
    #: by window, the count of one request
    windows: tuple[float, ...]
    #: by name of a system call, the count of one request; empty for instructions
    calls: dict[str, float]

    @property
    def mean(self) -> float:
        """Of the windows."""
        return sum(self.windows) / len(self.windows)

    @property
    def spread(self) -> float:
        """The largest window less the smallest, as a fraction of the mean."""
        return (max(self.windows) - min(self.windows)) / self.mean if self.mean else 0.0


class Profiled(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What one profiler observed; the agent fills it in. All are null if it could not be had."""

    sampled: SampledStacks | None = None  #: of ``cpu``
    traced: Traced | None = None  #: of ``heap``
    counted: CountedEvents | None = None  #: of ``instructions`` and ``syscalls``


class Profilers(Document, frozen=True, kw_only=True):
    """``services/<subject>/profilers.json``: the profilers of a subject that the plan asks for."""

    PATH: ClassVar[str] = "services/{subject}/profilers.json"

    schema: Literal["profilers/1"] = "profilers/1"
    workload: str  #: name of the workload that was requested
    connections: Count  #: of the closed loop under which ``cpu`` and ``heap`` looked
    seconds: float  #: that this loop lasted, for each of the two
    cpu: SampledStacks | None  #: call stacks at work; null without them
    heap: Traced | None  #: memory at its peak; null without it
    instructions: CountedEvents | None  #: instructions in user space; null without them
    syscalls: CountedEvents | None  #: system calls; null without them
    #: by profiler, why its key is null; those that the plan does not ask for are left out
    reasons: dict[Profiler, str]
