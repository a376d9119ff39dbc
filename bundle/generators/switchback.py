"""The asyncio client on living services in turn: its load in a plan, and ``switchback.json``.

The generator leaves ``switchback.json`` in the folder of each subject's trial, with the slices of
that subject (`bundle.generators.slices`).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta, structs

from bundle.codec import Part
from bundle.generators import base, slices
from bundle.generators.client import Bodies, Errors, HistogramFile, Lag, Samples
from bundle.values import Count

SLICES_S: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Lengths that a slice can have where the plan does not say."""
FEWEST_SETS: Final = 4
"""Such a slice is long enough for each connection to be answered so often by the slowest subject.

At the beginning of a slice the connections are asked at once; what that does to the count of
answers shrinks with the number of answers that follow.
"""

_FLOOR_WARMUP_S = 0.5


class SwitchbackLoad(slices.SlicedLoad, frozen=True, kw_only=True, tag="client-switchback"):
    """Closed loop on all subjects of a block in turn, a slice each, driven by the asyncio client.

    A subject has ``connections`` of its own, and at most ``duration_s`` seconds of slices in each
    block: as many slices as the block has time for. Without ``slice_s`` the warm-up shows how long
    a slice must be.
    """

    WALL_PER_SLICE: ClassVar[float] = 1.6

    connections: base.Count  #: connections to each subject
    duration_s: base.Seconds  #: seconds of slices that each subject has in a block, at most
    #: seconds of a slice; without it, the shortest of 0.25 to 4 in which the slowest subject
    #: answers each connection four times
    slice_s: Annotated[float, Meta(ge=0.05, le=60)] | None = None
    #: seconds of load on each subject before the first round
    warmup_s: Annotated[float, Meta(ge=0.1, le=600)] = 1.0
    timeout_s: base.Seconds = 10.0  #: seconds after which a request has failed

    def shortened(self) -> SwitchbackLoad:
        """In slices as in a trial, all of one endpoint."""
        return structs.replace(self, duration_s=base.FLOOR_S, warmup_s=_FLOOR_WARMUP_S)


class Spec(slices.Spec, frozen=True, kw_only=True):
    """What the client was asked to do with one subject; the others were driven likewise."""

    hash_fraction: float  #: share of the requests whose body was hashed


class Process(Part, frozen=True, kw_only=True):
    """The generator's process."""

    pid: int  #: process id
    cpu_s: float  #: CPU seconds between the first slice and the last, of any subject
    peak_rss_bytes: Count  #: peak resident memory
    loop_lag_ms: Lag  #: of its event loop


class Switchback(slices.SlicedReport, frozen=True, kw_only=True):
    """``switchback.json``: one subject's slices of one block.

    A slice begins and ends at the instant of an answer: the clock of a wave of answers is no fair
    end. Its readings are differences between the same two instants.
    """

    PATH: ClassVar[str] = "switchback.json"

    schema: Literal["switchback/1"]
    spec: Spec
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

    @property
    def rows(self) -> dict[str, int]:
        """Of the samples."""
        return {"samples.parquet": self.samples.rows}

    @property
    def shared(self) -> tuple[object, ...]:
        """The generator's process as well."""
        return *super().shared, self.process


GENERATOR = base.Generator(
    loads=(SwitchbackLoad,),
    report=Switchback,
    kept=("service.hdr",),
    samples="samples.bin",
    addresses=("spec.host",),
)
