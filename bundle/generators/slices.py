"""Load that switches between services that are all alive: what its generators say alike.

All subjects of a block are deployed side by side. A *slice* is a stretch of load on one of them, a
*round* visits each once. Two subjects are compared at most a few seconds apart, so what the machine
does meanwhile is the same for both. The reasons and the figures stand in docs/measurement.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Final, Literal

from msgspec import UNSET, Meta, UnsetType, structs

from bundle.codec import Part
from bundle.documents.failure import Failure
from bundle.generators import base
from bundle.generators.client import Window
from bundle.values import MOST_TOGETHER, Count

MOST_ROUNDS: Final = 2**16 - 1
"""What the column of the samples holds that tells a round."""

type Seconds = Annotated[float, Meta(ge=0)]
type Role = Literal["app", "db", "load"]
"""Of a host: that of the services, of the database server, of the generator."""


class SlicedLoad(base.Load, frozen=True, kw_only=True):
    """Load on all subjects of a block in turn, a slice each."""

    side_by_side: ClassVar[bool] = True

    #: time that a turn takes, over the shortest slice: not all of a turn is measured
    WALL_PER_SLICE: ClassVar[float]

    @property
    def slice_s(self) -> float | None:
        """Seconds of a slice; null where the warm-up decides."""
        raise NotImplementedError

    def __post_init__(self) -> None:
        """Refuse more rounds than samples can tell apart."""
        if self.slice_s is not None and self.duration_s > MOST_ROUNDS * self.slice_s:
            raise ValueError(f"duration_s is at most {MOST_ROUNDS} times slice_s")

    def takes_s(self, subjects: int) -> float:
        """With what surrounds the slices."""
        return subjects * (self.warmup_s + self.WALL_PER_SLICE * self.duration_s)


class Spec(Part, frozen=True, kw_only=True):
    """What a generator was asked to do with one subject; the others were driven likewise."""

    subject: str  #: whose slices these are
    #: all that the load switched between, in the order of the plan
    subjects: Annotated[list[str], Meta(max_length=MOST_TOGETHER)]
    host: str  #: address of the service, which may be masked
    port: int  #: of the service
    connections: Count  #: to this subject
    warmup_s: Seconds  #: seconds of load on each subject before the first round
    duration_s: Seconds  #: seconds of slices that each subject was to have
    slice_s: Seconds | None  #: length of a slice by the plan; null where the warm-up decided
    seed: int  #: decided the order in the rounds, and which bodies were hashed
    table: str  #: path of the request table
    repeatable: bool  #: whether the table could be sent again from its top
    timeout_s: Seconds  #: after which a request was given up


class HostSlice(Part, frozen=True, kw_only=True):
    """What one of several hosts did in a slice."""

    steal_ns: int | None  #: time that the hypervisor took, all CPUs
    #: CPU time of all processes but those of the trial; below 0 by a rounding error
    foreign_ns: int | None
    #: how far its readings are from those of the host of the load, the further of the two, to half
    #: a round trip. Null without a reading, and of the host of the load
    late_ns: Count | None


class Slice(Part, frozen=True, kw_only=True):
    """Load on the subject in one round.

    It has the answers after its first instant, up to and with its last. Readings are null where
    they cannot be read, and ``unread`` of the report says why.
    """

    round: Count  #: from 1
    position: Count  #: of the subject in its round, from 1
    after: str | None  #: subject of the slice before; null for the first slice of the block
    start_ns: int  #: instant of the answer after which it begins, on the monotonic clock
    stop_ns: int  #: instant at which it ends
    answers: Count  #: between the two
    drained_ns: int  #: when nothing was under way any more
    service_ns: int | None  #: CPU time of the service's processes
    database_ns: int | None  #: CPU time of the processes that the database server has started
    load_ns: int | None  #: CPU time of this generator
    delay_ns: int | None  #: how long the service's main threads were ready and had no CPU
    steal_ns: int | None  #: time that the hypervisor took, all CPUs
    #: CPU time of all processes but service, database server and generator; below 0 by a rounding
    #: error, which the sum over slices loses
    foreign_ns: int | None
    #: time since the subject's last answers were drained, or since its warm-up, until it was asked
    #: again
    rested_ns: int
    rest_ns: int | None  #: CPU time of the service's processes in that time
    #: where several hosts take part, by role; steal and foreign time above are their sums
    hosts: dict[Role, HostSlice] | UnsetType = UNSET

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.stop_ns - self.start_ns) / 1e9

    @property
    def read_ns(self) -> tuple[int, int]:
        """The instants between which its readings are differences."""
        return self.start_ns, self.stop_ns

    @property
    def read_s(self) -> float:
        """Length of what its readings cover."""
        first, last = self.read_ns
        return (last - first) / 1e9

    @property
    def late_ns(self) -> int:
        """How far its readings are from its ends, the further of the two."""
        first, last = self.read_ns
        return max(abs(first - self.start_ns), abs(last - self.stop_ns))


class SlicedReport(base.GeneratorReport, frozen=True, kw_only=True):
    """One subject's slices of one block."""

    spec: Spec  #: what it was asked to do
    measured: bool  #: whether every round was measured
    failure: Failure | None  #: why one was not; null if all were
    window: Window  #: from the block's first slice to its last, whichever subject had it
    slice_s: Seconds  #: length that slices were to have
    #: seconds that the slowest subject took to answer every connection, warming up; null in an open
    #: loop, where they do not all wait
    set_s: Seconds | None
    slices: Sequence[Slice]  #: in their order
    unread: dict[str, str]  #: by field of `Slice`, why it is null somewhere
    #: where several hosts take part, the one on which the CPU time was read; older reports lack it
    read_on: dict[Literal["service", "database"], Role] | UnsetType = UNSET

    @property
    def seconds(self) -> float:
        """Length of all slices."""
        return sum(each.seconds for each in self.slices)

    @property
    def shared(self) -> tuple[object, ...]:
        """What is the same for every subject of a deployment."""
        spec = structs.replace(self.spec, subject="", host="", port=0)
        return spec, self.window, self.slice_s, self.set_s
