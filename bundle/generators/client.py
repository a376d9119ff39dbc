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

    connections: base.Count
    processes: Annotated[int, Meta(ge=1, le=64)] = 1
    duration_s: base.Seconds
    warmup_s: Annotated[float, Meta(ge=0, le=600)] = 1.0
    timeout_s: base.Seconds = 10.0
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

    rate: Annotated[float, Meta(gt=0, le=1_000_000)]
    arrivals: Literal["poisson", "constant"] = "poisson"
    connections: base.Count = 64
    processes: Annotated[int, Meta(ge=1, le=64)] = 1
    duration_s: base.Seconds
    warmup_s: Annotated[float, Meta(ge=0, le=600)] = 1.0
    timeout_s: base.Seconds = 10.0
    kill: base.Kill | None = None

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
    """What the asyncio client was asked to do; ``workloads.load.client.spec`` says what it means.

    Attributes:
        host: address of the service, which may be masked.
        port: of the service.
        loop: closed, or open.
        connections: over all processes.
        processes: of the generator.
        cpus: one for each process; null left them where they were.
        warmup_s: seconds of load before the window.
        duration_s: length of the window.
        requests_total: answers that ended the window; null if time did.
        rate: requests per second of an open loop; null of a closed one.
        arrivals: ``poisson`` or ``constant``.
        seed: decided arrivals and which bodies were hashed.
        table: path of the request table.
        repeatable: whether the table could be sent again from its top.
        timeout_s: after which a request was given up.
        hash_fraction: share of the requests whose body was hashed.
        start_at: when the load began, seconds since 1970; null for as soon as it could.
    """

    host: str
    port: int
    loop: Literal["closed", "open"]
    connections: Count
    processes: Count
    cpus: list[int] | None
    warmup_s: Seconds
    duration_s: Seconds
    requests_total: int | None
    rate: float | None
    arrivals: str
    seed: int
    table: str
    repeatable: bool
    timeout_s: Seconds
    hash_fraction: float
    start_at: float | None


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
    """What became of the arrivals of an open loop.

    Attributes:
        planned: arrivals due in the window.
        sent: of those, how many were sent.
        answered: answers in the window, whenever asked for.
        achieved: answered over planned; null if none was planned.
        dropped: planned arrivals that nothing accounts for.
    """

    planned: Count
    sent: int
    answered: Count
    achieved: float | None
    dropped: int


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
    """SHA-256 of sampled bodies.

    Attributes:
        hashed: how many bodies.
        unlisted: of those, how many are not in ``digests``, which is limited.
        digests: by method and path, the distinct digests.
    """

    hashed: Count
    unlisted: Count
    digests: dict[str, list[str]]


class HistogramFile(Part, frozen=True, kw_only=True):
    """A histogram beside the document, and how many values it holds."""

    file: str
    total: Count


class Lag(Part, frozen=True, kw_only=True):
    """How late the event loop was, milliseconds; null if nobody looked."""

    median: float | None
    max: float | None


class Process(Part, frozen=True, kw_only=True):
    """One process of the client.

    Attributes:
        pid: process id.
        requests_in_window: answers in the window.
        samples: rows.
        cpu_s: CPU seconds in the window.
        peak_rss_bytes: peak resident memory.
        loop_lag_ms: of its event loop.
    """

    pid: int
    requests_in_window: Count
    samples: Count
    cpu_s: float
    peak_rss_bytes: Count
    loop_lag_ms: Lag


class Client(base.GeneratorReport, frozen=True, kw_only=True):
    """``client.json``: what the asyncio client says about its window.

    Attributes:
        schema: the version of this format.
        spec: what it was asked to do.
        measured: whether the whole window was measured.
        failure: why it was not; null if it was.
        window: when it measured.
        loop: closed or open.
        requests_in_window: answers in the window, whenever asked for.
        throughput: of those, per second; null if the window has no length.
        completed: samples with an answer.
        censored: samples without one.
        failed: requests due in the window whose answer an error took away.
        errors: by kind, in the window and after it.
        warmup_errors: by kind, before it; kinds that did not occur are left out.
        answers: by operation and status.
        open_loop: what became of the arrivals; null in a closed loop.
        operations: names, by the index that samples have.
        samples: the raw samples.
        bodies: digests of sampled bodies.
        histograms: the files beside it; a closed loop has no ``dispatch``.
        processes: of the client.
        peak_rss_bytes: peak resident memory of all of them and their parent.
    """

    PATH: ClassVar[str] = "client.json"

    schema: Literal["client/1"]
    spec: Spec
    measured: bool
    failure: Failure | None
    window: Window
    loop: Loop
    requests_in_window: Count
    throughput: float | None
    completed: Count
    censored: Censored
    failed: Count
    errors: Errors
    warmup_errors: dict[str, Count]
    answers: dict[str, dict[str, Count]]
    open_loop: OpenLoop | None
    operations: list[str]
    samples: Samples
    bodies: Bodies
    histograms: dict[HistogramName, HistogramFile]
    processes: list[Process]
    peak_rss_bytes: Count

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
