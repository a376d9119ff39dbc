"""The lab's asyncio client: its loads in a plan, and ``client.json``, which it leaves."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta, structs

from bundle.codec import Part
from bundle.documents.failure import Failure
from bundle.generators import base
from bundle.values import Count

type Seconds = Annotated[float, Meta(ge=0)]
type HistogramName = Literal["response", "service", "dispatch"]

_FLOOR_WARMUP_S = 0.5


class ClosedLoad(base.Load, frozen=True, kw_only=True, tag="client-closed"):
    """Closed loop, driven by the asyncio client."""

    connections: base.Count  #: connections to the service, over all processes
    processes: Annotated[int, Meta(ge=1, le=64)] = 1  #: processes of the client
    duration_s: base.Seconds  #: seconds of the window, at most
    warmup_s: Annotated[float, Meta(ge=0, le=600)] = 1.0  #: seconds of load before it
    timeout_s: base.Seconds = 10.0  #: seconds after which a request has failed
    #: answers that end the window; then warmup_s is 0
    requests_total: Annotated[int, Meta(ge=1)] | None = None

    def __post_init__(self) -> None:
        """Refuse a count of requests that would begin with the warm-up."""
        if self.requests_total is not None and self.warmup_s:
            raise ValueError("a load of requests_total requests has no warm-up: set warmup_s to 0")

    @property
    def may_end_early(self) -> bool:
        """When the requests are counted."""
        return self.requests_total is not None

    def shortened(self) -> ClosedLoad:
        """For as long as a floor takes, whatever the number of requests."""
        return structs.replace(
            self, duration_s=base.FLOOR_S, warmup_s=_FLOOR_WARMUP_S, requests_total=None
        )


class OpenLoad(base.Load, frozen=True, kw_only=True, tag="client-open"):
    """Open loop at an arrival rate, driven by the asyncio client."""

    #: requests a second that are sent, whether or not there are answers
    rate: Annotated[float, Meta(gt=0, le=1_000_000)]
    #: whether the instants of arrival are drawn at random or evenly spaced
    arrivals: Literal["poisson", "constant"] = "poisson"
    connections: base.Count = 64  #: connections to the service, over all processes
    processes: Annotated[int, Meta(ge=1, le=64)] = 1  #: processes of the client
    duration_s: base.Seconds  #: seconds of the window
    warmup_s: Annotated[float, Meta(ge=0, le=600)] = 1.0  #: seconds of load before it
    timeout_s: base.Seconds = 10.0  #: seconds after which a request has failed
    kill: base.Kill | None = None  #: connections of the service's that are ended on purpose

    @property
    def begins_s(self) -> float:
        """After the warm-up, which is part of the client's run."""
        return self.warmup_s

    def shortened(self) -> OpenLoad:
        """At twice the rate."""
        return structs.replace(
            self, duration_s=base.FLOOR_S, warmup_s=_FLOOR_WARMUP_S, rate=2 * self.rate
        )


class Spec(Part, frozen=True, kw_only=True):
    """What the asyncio client was asked to do; see ``workloads.load.client.spec``."""

    host: str  #: address of the service, which may be masked
    port: int  #: of the service
    loop: Literal["closed", "open"]  #: closed, or open
    connections: Count  #: connections to the service, over all processes
    processes: Count  #: of the generator
    cpus: list[int] | None  #: one for each process; null left them where they were
    warmup_s: Seconds  #: seconds of load before the window
    duration_s: Seconds  #: length of the window
    requests_total: int | None  #: answers that ended the window; null if time did
    rate: float | None  #: requests per second of an open loop; null of a closed one
    arrivals: str  #: ``poisson`` or ``constant``
    seed: int  #: decided arrivals and which bodies were hashed
    table: str  #: path of the request table
    repeatable: bool  #: whether the table could be sent again from its top
    timeout_s: Seconds  #: after which a request was given up
    hash_fraction: float  #: share of the requests whose body was hashed
    start_at: float | None  #: when the load began, seconds since 1970; null for as soon as it could


class Window(Part, frozen=True, kw_only=True):
    """When the client measured; ``_ns`` by the monotonic clock, ``_utc`` by the wall clock."""

    start_ns: Count
    stop_ns: Count
    start_utc: str
    stop_utc: str
    seconds: Seconds

    @property
    def span_ns(self) -> tuple[int, int]:
        """Start and end on the monotonic clock."""
        return self.start_ns, self.stop_ns


class Loop(Part, frozen=True, kw_only=True):
    """Which loop it was, and what its latencies mean, in words."""

    kind: Literal["closed", "open"]
    meaning: str


class Censored(Part, frozen=True, kw_only=True):
    """Samples without an answer, and those of them that were never sent."""

    total: Count
    unsent: Count


class Errors(Part, frozen=True, kw_only=True):
    """Requests that failed, by kind; ``status`` counts answers other than the contract's."""

    connect: Count
    read: Count
    timeout: Count
    parse: Count
    status: Count

    @property
    def by_kind(self) -> dict[str, int]:
        """The kinds that occurred."""
        return {kind: count for kind, count in msgspec.structs.asdict(self).items() if count}

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_kind.values())


class OpenLoop(Part, frozen=True, kw_only=True):
    """What became of the arrivals of an open loop."""

    planned: Count  #: arrivals due in the window
    sent: int  #: of those, how many were sent
    answered: Count  #: answers in the window, whenever asked for
    achieved: float | None  #: answered over planned; null if none was planned
    dropped: int  #: planned arrivals that nothing accounts for


class Column(Part, frozen=True, kw_only=True):
    """One column of the samples as the client wrote them: name, type and offset in a record."""

    name: str
    type: Literal["int64", "uint16"]
    offset: Count


class Samples(Part, frozen=True, kw_only=True):
    """The raw samples: ``samples.bin`` of the client, which the lab keeps as a table."""

    file: str
    rows: Count
    columns: list[Column]
    bytes: Count


class Bodies(Part, frozen=True, kw_only=True):
    """SHA-256 of sampled bodies."""

    hashed: Count  #: how many bodies
    unlisted: Count  #: of those, how many are not in ``digests``, which is limited
    digests: dict[str, list[str]]  #: by method and path, the distinct digests


class HistogramFile(Part, frozen=True, kw_only=True):
    """A histogram beside the document, and how many values it holds."""

    file: str
    total: Count


class Lag(Part, frozen=True, kw_only=True):
    """How late the event loop was, milliseconds; null if nobody looked."""

    median: float | None
    max: float | None


class Process(Part, frozen=True, kw_only=True):
    """One process of the client."""

    pid: int  #: process id
    requests_in_window: Count  #: answers in the window
    samples: Count  #: rows
    cpu_s: float  #: CPU seconds in the window
    peak_rss_bytes: Count  #: peak resident memory
    loop_lag_ms: Lag  #: of its event loop


class Client(base.GeneratorReport, frozen=True, kw_only=True):
    """``client.json``: what the asyncio client says about its window."""

    PATH: ClassVar[str] = "client.json"

    schema: Literal["client/1"]
    spec: Spec  #: what it was asked to do
    measured: bool  #: whether the whole window was measured
    failure: Failure | None  #: why it was not; null if it was
    window: Window  #: when it measured
    loop: Loop  #: closed or open
    requests_in_window: Count  #: answers in the window, whenever asked for
    throughput: float | None  #: of those, per second; null if the window has no length
    completed: Count  #: samples with an answer
    censored: Censored  #: samples without one
    failed: Count  #: requests due in the window whose answer an error took away
    errors: Errors  #: by kind, in the window and after it
    warmup_errors: dict[str, Count]  #: by kind, before it; kinds that did not occur are left out
    answers: dict[str, dict[str, Count]]  #: by operation and status
    open_loop: OpenLoop | None  #: what became of the arrivals; null in a closed loop
    operations: list[str]  #: names, by the index that samples have
    samples: Samples  #: the raw samples
    bodies: Bodies  #: digests of sampled bodies
    #: the files beside it; a closed loop has no ``dispatch``
    histograms: dict[HistogramName, HistogramFile]
    processes: list[Process]  #: of the client
    peak_rss_bytes: Count  #: peak resident memory of all of them and their parent

    @property
    def rows(self) -> dict[str, int]:
        """Of the samples."""
        return {"samples.parquet": self.samples.rows}


GENERATOR = base.Generator(
    loads=(ClosedLoad, OpenLoad),
    report=Client,
    kept=("*.hdr",),
    samples="samples.bin",
    addresses=("spec.host",),
)
