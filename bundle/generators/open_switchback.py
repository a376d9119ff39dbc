"""Open loops on living services in turn: their load in a plan, and ``open_switchback.json``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, structs

from bundle.generators import base, slices
from bundle.generators.client import (
    Bodies,
    Censored,
    Errors,
    HistogramFile,
    HistogramName,
    OpenLoop,
    Samples,
    Seconds,
)
from bundle.values import Count

_AROUND_S = 0.1  # of a turn beyond ramp and slice: connections are opened, answers awaited


class OpenSwitchbackLoad(
    slices.SlicedLoad, frozen=True, kw_only=True, tag="client-open-switchback"
):
    """Open loop on all subjects of a block in turn, driven by the asyncio client.

    Each turn opens its connections, sends for ``ramp_s`` seconds without measuring, so that queues
    become as long as they are under this rate, and then for ``slice_s``. All subjects of a round
    have the same arrivals. A subject has ``duration_s`` seconds of slices in each block.
    """

    #: requests a second that are sent to a subject in its turn, whether or not there are answers
    rate: Annotated[float, Meta(gt=0, le=1_000_000)]
    #: whether the instants of arrival are drawn at random or evenly spaced
    arrivals: Literal["poisson", "constant"] = "poisson"
    connections: base.Count = 64  #: connections to the subject whose turn it is
    duration_s: base.Seconds  #: seconds of slices that each subject has in a block
    slice_s: Annotated[float, Meta(ge=0.25, le=60)] = 1.0  #: seconds of a slice
    #: seconds of load in each turn before its slice
    ramp_s: Annotated[float, Meta(ge=0.05, le=60)] = 0.25
    #: seconds of load on each subject before the first round
    warmup_s: Annotated[float, Meta(ge=0.1, le=600)] = 1.0
    timeout_s: base.Seconds = 10.0  #: seconds after which a request has failed

    def takes_s(self, subjects: int) -> float:
        """With ramps, and the time that a turn takes beyond them."""
        turns = self.duration_s / self.slice_s
        each = self.slice_s + self.ramp_s + _AROUND_S
        return subjects * (self.warmup_s + _AROUND_S + turns * each)

    def shortened(self) -> OpenSwitchbackLoad:
        """At twice the rate."""
        return structs.replace(self, duration_s=base.FLOOR_S, warmup_s=0.5, rate=2 * self.rate)


class Spec(slices.Spec, frozen=True, kw_only=True):
    """What the client was asked to do with one subject; the others were driven likewise."""

    rate: float  #: requests per second
    arrivals: str  #: ``poisson`` or ``constant``
    ramp_s: Seconds  #: seconds of each turn before its slice
    hash_fraction: float  #: share of the requests whose body was hashed


class Slice(slices.Slice, frozen=True, kw_only=True):
    """The requests that were due between two instants, whenever they were answered."""

    asked_ns: int  #: when the turn began
    read_from_ns: int  #: the readings are differences from this instant on, about the start
    read_until_ns: int  #: until this one, about the end
    planned: Count  #: arrivals that were due in the slice

    @property
    def read_ns(self) -> tuple[int, int]:
        """The instants of its readings."""
        return self.read_from_ns, self.read_until_ns


class OpenSwitchback(slices.SlicedReport, frozen=True, kw_only=True):
    """``open_switchback.json``: one subject's slices of one block."""

    PATH: ClassVar[str] = "open_switchback.json"

    schema: Literal["open-switchback/1"]
    spec: Spec
    slices: list[Slice]
    #: by kind, in the slices and while their answers were awaited
    errors: Errors
    warmup_errors: dict[str, Count]  #: by kind, before them; kinds that did not occur are left out
    failed: Count  #: requests due in the slices whose answer an error took away
    censored: Censored  #: samples without an answer
    open_loop: OpenLoop  #: what became of the arrivals of all slices
    answers: dict[str, dict[str, Count]]  #: of the slices, by operation and status
    operations: list[str]  #: names, by the index that samples have
    samples: Samples  #: the requests of the slices
    bodies: Bodies  #: digests of sampled bodies
    histograms: dict[HistogramName, HistogramFile]  #: the files beside it

    @property
    def rows(self) -> dict[str, int]:
        """Of the samples."""
        return {"samples.parquet": self.samples.rows}


GENERATOR = base.Generator(
    loads=(OpenSwitchbackLoad,),
    report=OpenSwitchback,
    kept=("*.hdr",),
    samples="samples.bin",
    addresses=("spec.host",),
)
