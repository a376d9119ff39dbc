"""The search for a capacity with the asyncio client: its load in a plan, and ``capacity.json``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from bundle.codec import Part
from bundle.documents.failure import Failure
from bundle.generators import base
from bundle.generators.client import (
    Censored,
    Errors,
    HistogramName,
    OpenLoop,
    Seconds,
    Spec,
    Window,
)
from bundle.values import Count


class CapacityLoad(base.Load, frozen=True, kw_only=True, tag="capacity"):
    """A search for the highest rate at which an objective is met: many short open loops.

    A request is lost that fails or is answered later than ``objective_ms``; a rate holds if in
    most of its ``probes`` no more than ``loss_ratio`` of the requests are lost. The search is done
    when the rates that hold and those that do not lie ``width`` apart; ``duration_s`` limits it.
    """

    repeats: ClassVar[bool] = True
    counts_losses: ClassVar[bool] = True

    #: milliseconds within which an answer must come
    objective_ms: Annotated[float, Meta(gt=0, le=60_000)]
    #: share of the requests that may fail or come later
    loss_ratio: Annotated[float, Meta(ge=0, lt=1)] = 0.01
    #: relative distance of the rates that hold and do not, at which the search is done
    width: Annotated[float, Meta(gt=0, lt=1)] = 0.05
    probe_s: base.Seconds = 2.0  #: seconds for which one rate is tried
    probes: Annotated[int, Meta(ge=1, le=100)] = 3  #: most of these must hold
    #: whether the instants of arrival are drawn at random or evenly spaced
    arrivals: Literal["poisson", "constant"] = "poisson"
    connections: base.Count = 64  #: connections to the service, over all processes
    processes: Annotated[int, Meta(ge=1, le=64)] = 1  #: processes of the client
    warmup_s: base.Seconds = 2.0  #: seconds of a closed loop before the search
    duration_s: base.Seconds = 300.0  #: seconds that the search may take

    @property
    def may_end_early(self) -> bool:
        """When the search is done."""
        return True


class Search(Part, frozen=True, kw_only=True):
    """What was searched for; ``workloads.load.capacity`` says what it means."""

    client: Spec  #: the closed loop that warmed up
    arrivals: str  #: ``poisson`` or ``constant``
    objective_ms: float  #: a response later than this was lost
    loss_ratio: float  #: share of the requests that could be lost
    width: float  #: relative distance of the two ends at which the search was done
    probe_s: Seconds  #: length of a probe's window
    probes: int  #: how many of them decided about a rate
    limit_s: Seconds  #: how long the search could take


class Bounds(Part, frozen=True, kw_only=True):
    """Requests per second that held, and that did not.

    ``upper`` is null only in bundles of earlier versions, where the top of the range held; a search
    now raises its top twofold then, and goes on.
    """

    lower: float
    upper: float | None


class Probe(Part, frozen=True, kw_only=True):
    """One window of the open loop at one rate; as in `Client` where it has the same name."""

    rate: float  #: arrivals per second
    lost: int  #: requests that failed or came later than the objective
    held: bool  #: whether no more were lost than could be
    seed: int  #: decided its arrivals
    window: Window  #: when it measured
    open_loop: OpenLoop  #: what became of the arrivals
    requests_in_window: Count  #: answers in the window
    completed: Count  #: samples with an answer
    censored: Censored  #: samples without one
    failed: Count  #: requests whose answer an error took away
    errors: Errors  #: by kind
    cpu_s: list[float]  #: CPU seconds of each process of the client
    histograms: dict[HistogramName, str]  #: encoded as HdrHistogram V2 in base64


class Capacity(base.GeneratorReport, frozen=True, kw_only=True):
    """``capacity.json``: a search for the highest rate that meets an objective."""

    PATH: ClassVar[str] = "capacity.json"

    schema: Literal["capacity/1"]
    spec: Search  #: what was searched for
    closed_loop_rate: float | None  #: answers per second of the warm-up; null if it failed
    #: lowest and highest rate of the search, as raised last; null likewise
    range: tuple[float, float] | None
    capacity: Bounds | None  #: the result; null if there is none
    failure: Failure | None  #: why there is none; null if there is
    probes: list[Probe]  #: in order


GENERATOR = base.Generator(
    loads=(CapacityLoad,),
    report=Capacity,
    addresses=("spec.client.host",),
)
