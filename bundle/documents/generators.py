"""What a load generator left in the folder of a trial, or of a load under ``generators/``.

    client.json     the asyncio client, closed and open loop; beside it samples and histograms
    capacity.json   the search for a capacity: every probe is one open loop of that client
    article.json    the article's own client
    wrk.json        wrk, by workloads/load/wrk/report.lua

The places of these documents are relative to that folder.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from bundle.codec import Document, Part
from bundle.documents.failure import Failure
from bundle.values import Count

type Seconds = Annotated[float, Meta(ge=0)]
type HistogramName = Literal["response", "service", "dispatch"]


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


class Client(Document, frozen=True, kw_only=True):
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


class Search(Part, frozen=True, kw_only=True):
    """What was searched for; ``workloads.load.capacity`` says what it means.

    Attributes:
        client: the closed loop that warmed up.
        arrivals: ``poisson`` or ``constant``.
        objective_ms: a response later than this was lost.
        loss_ratio: share of the requests that could be lost.
        width: relative distance of the two ends at which the search was done.
        probe_s: length of a probe's window.
        probes: how many of them decided about a rate.
        limit_s: how long the search could take.
    """

    client: Spec
    arrivals: str
    objective_ms: float
    loss_ratio: float
    width: float
    probe_s: Seconds
    probes: int
    limit_s: Seconds


class Bounds(Part, frozen=True, kw_only=True):
    """Requests per second that held, and that did not; null where the top of the range held."""

    lower: float
    upper: float | None


class Probe(Part, frozen=True, kw_only=True):
    """One window of the open loop at one rate; as in `Client` where it has the same name.

    Attributes:
        rate: arrivals per second.
        lost: requests that failed or came later than the objective.
        held: whether no more were lost than could be.
        seed: decided its arrivals.
        window: when it measured.
        open_loop: what became of the arrivals.
        requests_in_window: answers in the window.
        completed: samples with an answer.
        censored: samples without one.
        failed: requests whose answer an error took away.
        errors: by kind.
        cpu_s: CPU seconds of each process of the client.
        histograms: encoded as HdrHistogram V2 in base64.
    """

    rate: float
    lost: int
    held: bool
    seed: int
    window: Window
    open_loop: OpenLoop
    requests_in_window: Count
    completed: Count
    censored: Censored
    failed: Count
    errors: Errors
    cpu_s: list[float]
    histograms: dict[HistogramName, str]


class Capacity(Document, frozen=True, kw_only=True):
    """``capacity.json``: a search for the highest rate that meets an objective.

    Attributes:
        schema: the version of this format.
        spec: what was searched for.
        closed_loop_rate: answers per second of the warm-up; null if it failed.
        range: lowest and highest rate of the search; null likewise.
        capacity: the result; null if there is none.
        failure: why there is none; null if there is.
        probes: in order.
    """

    PATH: ClassVar[str] = "capacity.json"

    schema: Literal["capacity/1"]
    spec: Search
    closed_loop_rate: float | None
    range: tuple[float, float] | None
    capacity: Bounds | None
    failure: Failure | None
    probes: list[Probe]


class ArticleSpec(Part, frozen=True, kw_only=True):
    """What the article's client was asked to do: requests in all, and connections."""

    url: str
    requests: Count
    concurrency: Count
    paths: list[str]


class ArticleFigures(Part, frozen=True, kw_only=True):
    """Figures as the article computes them; ``memory_mb`` is of the client."""

    throughput_req_s: float
    p50_latency_ms: float
    p99_latency_ms: float
    error_rate_pct: float
    total_time_s: Seconds
    memory_mb: float


class ArticleContains(Part, frozen=True, kw_only=True):
    """What those figures contain.

    Attributes:
        latency: in words.
        memory: in words.
        mean_latency_ms: of all requests.
        mean_on_a_connection_at_most_ms: the most that they can have had a connection.
        share_waiting_for_a_connection_at_least: of the mean.
        p50_as_share_of_the_run: the median over the whole time.
        p99_as_share_of_the_run: likewise.
        requests_counted_in_throughput_that_failed: how many.
    """

    latency: str
    memory: str
    mean_latency_ms: float
    mean_on_a_connection_at_most_ms: float
    share_waiting_for_a_connection_at_least: float
    p50_as_share_of_the_run: float
    p99_as_share_of_the_run: float
    requests_counted_in_throughput_that_failed: Count


class Article(Document, frozen=True, kw_only=True):
    """``article.json``: what the article's own client says.

    Attributes:
        schema: the version of this format.
        spec: what it was asked to do.
        figures: as the article computes them.
        contains: what they contain.
        latencies_us: of every request, microseconds, from before its wait for a connection.
    """

    PATH: ClassVar[str] = "article.json"

    schema: Literal["article/1"]
    spec: ArticleSpec
    figures: ArticleFigures
    contains: ArticleContains
    latencies_us: list[Count]


class WrkErrors(Part, frozen=True, kw_only=True):
    """What wrk counts as errors.

    Attributes:
        connect: connections that could not be opened.
        read: that ended while an answer was read.
        write: that ended while a request was sent.
        status: answers above 399.
        timeout: answers later than allowed.
    """

    connect: Count
    read: Count
    write: Count
    status: Count
    timeout: Count

    @property
    def total(self) -> int:
        """All of them."""
        return self.connect + self.read + self.write + self.status + self.timeout


class Wrk(Document, frozen=True, kw_only=True):
    """``wrk.json``: counters and latency histogram of wrk.

    Attributes:
        schema: the version of this format.
        threads: of wrk.
        connections: asked for, over all threads.
        connections_opened: threads x (connections // threads).
        requests: answers, whatever their status.
        duration_us: from the start of the last of wrk's threads to the end of the last one.
        bytes: read, headers included.
        errors: by kind.
        latency_us: microseconds and count, ascending, as wrk corrected them.
        table_exhausted: whether a table that may not be repeated was used up.
    """

    PATH: ClassVar[str] = "wrk.json"

    schema: Literal["wrk/1"]
    threads: Count
    connections: Count
    connections_opened: Count
    requests: Count
    duration_us: Count
    bytes: Count
    errors: WrkErrors
    latency_us: tuple[tuple[Count, Count], ...]
    table_exhausted: bool

    @property
    def throughput(self) -> float:
        """Answers per second, whatever their status."""
        return self.requests / (self.duration_us / 1e6) if self.duration_us else 0.0
