"""Load that switches between services that are all alive: its keys, and ``switchback.json``.

All subjects of a block are deployed side by side. A *slice* is a stretch of load on one of them, a
*round* visits each once. Two subjects are compared a fraction of a second apart instead of some
seconds, so what the machine does meanwhile is the same for both. The reasons and the figures stand
in docs/measurement.md.

The generator leaves ``switchback.json`` in the folder of each subject's trial, with the slices of
that subject.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta, structs

from bundle.codec import Part
from bundle.documents.failure import Failure
from bundle.generators import base
from bundle.generators.client import Bodies, Errors, HistogramFile, Lag, Samples, Window
from bundle.values import MOST_TOGETHER, Count

type Seconds = Annotated[float, Meta(ge=0)]

SLICES_S: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Lengths that a slice can have where the plan does not say."""
FEWEST_SETS: Final = 4
"""Such a slice is long enough for each connection to be answered so often by the slowest subject.

At the beginning of a slice the connections are asked at once; what that does to the count of
answers shrinks with the number of answers that follow.
"""


_WALL_PER_SLICE = 1.6  # of 0.25 s: first answers and draining are not measured
_FLOOR_WARMUP_S = 0.5


class SwitchbackLoad(base.Load, frozen=True, kw_only=True, tag="client-switchback"):
    """Closed loop on all subjects of a block in turn, a slice each, driven by the asyncio client.

    A subject has ``connections`` of its own, and ``duration_s`` seconds of slices in each block.
    Without ``slice_s`` the warm-up shows how long a slice must be.
    """

    side_by_side: ClassVar[bool] = True

    connections: base.Count
    duration_s: base.Seconds
    slice_s: Annotated[float, Meta(ge=0.05, le=60)] | None = None
    warmup_s: Annotated[float, Meta(ge=0.1, le=600)] = 1.0
    timeout_s: base.Seconds = 10.0

    def takes_s(self, subjects: int) -> float:
        """With what surrounds the slices."""
        return subjects * (self.warmup_s + _WALL_PER_SLICE * self.duration_s)

    def shortened(self) -> SwitchbackLoad:
        """In slices as in a trial, all of one endpoint."""
        return structs.replace(self, duration_s=base.FLOOR_S, warmup_s=_FLOOR_WARMUP_S)


class Spec(Part, frozen=True, kw_only=True):
    """What the client was asked to do with one subject; the others were driven likewise."""

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
    hash_fraction: float  #: share of the requests whose body was hashed


class Slice(Part, frozen=True, kw_only=True):
    """Load on the subject in one round.

    It begins and ends at the instant of an answer: the clock of a wave of answers is no fair end.
    A slice has the answers after the first of the two instants, up to and with the second.

    Readings are differences over the slice; null where they cannot be read, and ``unread`` of the
    report says why.
    """

    round: Count  #: from 1
    position: Count  #: of the subject in its round, from 1
    after: str | None  #: subject of the slice before; null for the first slice of the block
    start_ns: int  #: instant of the answer that begins it, on the monotonic clock
    stop_ns: int  #: instant of the answer that ends it
    answers: Count  #: between the two
    drained_ns: int  #: when the last answer was in, after nothing more was asked
    service_ns: int | None  #: CPU time of the service's processes
    database_ns: int | None  #: CPU time of the processes that the database server has started
    load_ns: int | None  #: CPU time of this generator
    delay_ns: int | None  #: how long the service's main threads were ready and had no CPU
    steal_ns: int | None  #: time that the hypervisor took, all CPUs
    foreign_ns: int | None  #: CPU time of all processes but service, database server and generator
    #: time since the subject's last answers were drained, or since its warm-up, until it was asked
    #: again
    rested_ns: int
    rest_ns: int | None  #: CPU time of the service's processes in that time


class Process(Part, frozen=True, kw_only=True):
    """The generator's process."""

    pid: int  #: process id
    cpu_s: float  #: CPU seconds between the first slice and the last, of any subject
    peak_rss_bytes: Count  #: peak resident memory
    loop_lag_ms: Lag  #: of its event loop


class Switchback(base.GeneratorReport, frozen=True, kw_only=True):
    """``switchback.json``: one subject's slices of one block."""

    PATH: ClassVar[str] = "switchback.json"

    schema: Literal["switchback/1"]
    spec: Spec  #: what it was asked to do
    measured: bool  #: whether every round was measured
    failure: Failure | None  #: why one was not; null if all were
    window: Window  #: from the block's first slice to its last, whichever subject had it
    slice_s: Seconds  #: length that slices were to have; each lasts until the next batch of answers
    set_s: Seconds  #: seconds that the slowest subject took to answer every connection, warming up
    slices: list[Slice]  #: in their order
    #: by kind, from the first round on; ``status`` counts in the answers of the slices
    errors: Errors
    warmup_errors: dict[str, Count]  #: by kind, before it; kinds that did not occur are left out
    failed: Count  #: requests whose answer an error took away, from the first round on
    answers: dict[str, dict[str, Count]]  #: of the slices, by operation and status
    operations: list[str]  #: names, by the index that samples have
    samples: Samples  #: the answers of the slices
    bodies: Bodies  #: digests of sampled bodies
    #: ``service``: of the answers in the slices, whenever they were asked for
    histograms: dict[Literal["service"], HistogramFile]
    process: Process  #: the generator, which drove all subjects
    unread: dict[str, str]  #: by field of `Slice`, why it is null somewhere

    @property
    def rows(self) -> dict[str, int]:
        """Of the samples."""
        return {"samples.parquet": self.samples.rows}

    @property
    def seconds(self) -> float:
        """Length of all slices."""
        return sum(each.stop_ns - each.start_ns for each in self.slices) / 1e9


GENERATOR = base.Generator(
    loads=(SwitchbackLoad,),
    report=Switchback,
    kept=("service.hdr",),
    samples="samples.bin",
    addresses=("spec.host",),
)
