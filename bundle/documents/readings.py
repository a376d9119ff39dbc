"""The readings around one trial: the evidence, key by key, with unit and source.

A key that is null or missing was not read: the trial failed before, or the host does not offer it.
Times that end in ``_ns`` are of the monotonic clock of the host that drove the load.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from bundle.codec import Part
from bundle.values import Count

type Counted = int | dict[str, int] | None
"""One counter of a kernel, or one by CPU; null where it cannot be read."""


class Environment(Part, frozen=True, kw_only=True):
    """Values drawn for every block, so that no subject keeps one lucky layout of memory."""

    hash_seed: int  #: PYTHONHASHSEED of the service
    padding_bytes: int  #: length of a variable that moves the service's stack


class Pool(Part, frozen=True, kw_only=True):
    """Database connections of one worker process, as the service reports them."""

    size: int
    overflow: int


class Cache(Part, frozen=True, kw_only=True):
    """The cache of answers, as the service reports it."""

    ttl_s: float
    entries: int


class Turns(Part, frozen=True, kw_only=True):
    """Requests of the turns with, or of those without, the added CPU time, and what they used."""

    requests: int  #: number of requests
    cpu_ns: int  #: CPU time of the process during them, nanoseconds


class Burden(Part, frozen=True, kw_only=True):
    """The slowdown of a positive control, by the service's own account."""

    fraction: float  #: CPU time added to each request, as a fraction of its own
    burdened: Turns  #: turns with the added CPU time
    unburdened: Turns  #: turns without it


class Runtime(Part, frozen=True, kw_only=True):
    """How the service's Python runs, from ``workloads.services.health``."""

    flags: dict[str, int]  #: some of ``sys.flags``, by name
    debug_build: bool  #: whether CPython was built for debugging
    asyncio_debug: bool  #: whether the event loop is in debug mode
    tracemalloc: bool  #: whether allocations are traced
    allocator: str  #: allocator of Python's objects, by the names of PYTHONMALLOC
    allocator_of_build: str  #: allocator that this CPython has by default
    #: libraries that LD_PRELOAD or another allocator brought; null if unreadable
    preloaded: list[str] | None
    variables: list[str]  #: names of variables that tune Python, the loader or malloc


class Health(Part, frozen=True, kw_only=True, omit_defaults=True):
    """The body of ``GET /health`` when the service was ready; older services lack some keys."""

    service: str  #: name of the service
    pid: int  #: id of the process that answered
    python: str  #: version of the interpreter
    versions: dict[str, str]  #: version of each distribution of the stack, by name
    #: whether a library's compiled parts are loaded; null if the service does not use it
    extensions: dict[str, bool | None]
    pool: Pool  #: database connections of each worker
    workers: int  #: number of worker processes
    loop: str  #: ``asyncio`` or ``uvloop``
    json: str  #: ``stdlib`` or ``orjson``
    #: whether CPython's experimental JIT is on; null in a build without one
    jit: bool | UnsetType | None = UNSET
    framework: str | None = None  #: ``aiohttp`` or ``fastapi``
    cache: Cache | None = None  #: cache of answers
    #: options of the plan's subject
    options: dict[str, str | int | float | bool | None] | None = None
    nonce: str | None = None  #: value that the lab gave this process, to recognise it by
    runtime: Runtime | None = None  #: how its Python runs; missing in older bundles
    burden: Burden | None = None  #: burden of a positive control, else null


class Answer(Part, frozen=True, kw_only=True):
    """The answer to a request whose right answer is known, sent before the load began."""

    request: str  #: method and path
    status: int  #: HTTP status
    content_type: str | None  #: value of the header; null without one
    content_length: str | None  #: value of the header; null without one
    sha256: str  #: SHA-256 of the body
    bytes: Count  #: length of the body
    #: SHA-256 of the body as canonical JSON without the keys that an application declares to vary;
    #: missing for a service, whose bytes are compared
    canonical: str | UnsetType = UNSET


class Port(Part, frozen=True, kw_only=True):
    """The service's TCP port."""

    number: int
    #: whether other sockets listen on it too, by ``/proc/net/tcp``; null if unknown
    shared: bool | None
    reason: str | None  #: why `shared` is null, else null


class Affinity(Part, frozen=True, kw_only=True):
    """Where processes may run, by ``/proc/PID/status``."""

    planned: dict[str, list[int]]  #: CPUs by role
    observed: dict[str, dict[str, list[int]]]  #: CPUs by role and process id


class Window(Part, frozen=True, kw_only=True):
    """When the load was measured."""

    started: str  #: by the wall clock, ISO 8601, UTC
    started_ns: int  #: by the monotonic clock
    ended_ns: int  #: by the monotonic clock


class Sampler(Part, frozen=True, kw_only=True, omit_defaults=True):
    """What a reader of ``resources.parquet`` must know; ``agent.sampling`` takes the samples."""

    cpu_s: float  #: CPU seconds that sampling used
    readings: Count  #: number of rows of the table
    tick_hz: int  #: clock ticks a second
    page_bytes: int  #: bytes of a page
    #: whether the ticks of a process include those of its ended children
    ended_children: bool = False
    #: number of readings in which a process was stopped, by role; null in older bundles
    stopped: dict[str, Count] | None = None
    #: by role, why the table lacks some of its processes; empty if it lacks none. Null in older
    #: bundles
    unread: dict[str, str] | None = None
    #: by role, how the sampler found its processes; null in older bundles
    found_by: dict[str, str] | None = None


class MemoryLook(Part, frozen=True, kw_only=True):
    """All processes of the service at one instant of the window."""

    at_s: float  #: seconds after the first look at its CPU time
    pss_bytes: int | None  #: proportional set size; null if unreadable
    #: the part of it that no file is behind: what allocators hold, and stacks; null if unreadable
    anonymous_bytes: int | None


class Memory(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Proportional set size of the service, bytes, by ``/proc/PID/smaps_rollup``."""

    service_pss_before_bytes: int | None  #: before the window; null if unreadable
    service_pss_after_bytes: int | None  #: after the window; null if unreadable
    service_pss_unread: str | None = None  #: why one of them is null
    #: looks every ten seconds of the window; missing in older bundles
    service_looks: list[MemoryLook] | UnsetType = UNSET
    service_looks_unread: str | None = None  #: why one of these lacks its size


class Stop(Part, frozen=True, kw_only=True):
    """How the service ended when the lab asked it to stop."""

    in_time: bool  #: whether the service ended before the lab had to kill it
    exit_status: int | None  #: exit status of the process; negative for a signal
    seconds: float  #: seconds from the signal to the end


class Rows(Part, frozen=True, kw_only=True):
    """Counters of one table since its database was made, by the server's own statistics.

    PostgreSQL has them in ``pg_stat_user_tables``, MariaDB in the performance schema's
    ``table_io_waits_summary_by_table``.
    """

    inserted: int
    updated: int
    deleted: int
    sequential_scans: int | None  #: null: MariaDB counts rows read, and no scans
    index_scans: int | None  #: null: likewise


class Counters(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Row counters around the trial, by table."""

    before: dict[str, Rows]  #: after the database was restored
    after: dict[str, Rows]  #: when the service's connections had closed
    #: connections that were still open then, so that `after` may lack counts; null if unknown
    connected: int | UnsetType | None = UNSET


class Kill(Part, frozen=True, kw_only=True):
    """One failure of the database connections, made by the lab."""

    at_s: float  #: when it was due, seconds after the beginning of the load
    connections: int  #: most connections to end
    done_s: float  #: when it was done, seconds after the beginning of the load
    ended: int  #: connections that were ended


class Clock(Part, frozen=True, kw_only=True):
    """How far another host's monotonic clock is ahead."""

    offset_ns: int
    round_trip_ns: int  #: the offset is known to half of this


class KernelCounts(Part, frozen=True, kw_only=True, omit_defaults=True):
    """What the kernel counted in the window; ``host.items.COUNTERS`` has each one's source.

    Counts by CPU are keyed by its number, and of several hosts by role and number.
    """

    cpu_ticks: Counted = None
    steal_ticks: Counted = None
    psi_cpu_some_us: Counted = None
    psi_memory_some_us: Counted = None
    psi_io_some_us: Counted = None
    context_switches: Counted = None
    swapped_in: Counted = None
    swapped_out: Counted = None
    throttled: Counted = None
    overheated: Counted = None
    tcp_sent: Counted = None
    tcp_retransmitted: Counted = None
    listen_overflows: Counted = None
    listen_drops: Counted = None


class KernelLog(Part, frozen=True, kw_only=True):
    """Messages of the kernel in the window, by ``/dev/kmsg``; those of level error or worse."""

    messages: Count
    errors: Count


class Frequencies(Part, frozen=True, kw_only=True):
    """Frequency of each CPU before and after the window, kHz; null where the kernel has none."""

    before: dict[str, int] | None
    after: dict[str, int] | None


class CpuClock(Part, frozen=True, kw_only=True):
    """The clock of one CPU in the window, at the looks at which it was busy."""

    planned_khz: int  #: clock that it holds without boost
    looks: Count  #: number of looks at which it was busy
    mean_khz: int | None  #: null if it was never busy
    lowest_khz: int | None  #: null if it was never busy


class Heat(Part, frozen=True, kw_only=True):
    """The processor's temperature that came nearest to its limit, thousandths of a degree C."""

    sensor: str  #: driver and label
    highest_mc: int  #: highest reading of the window
    limit_mc: int | None  #: at which the processor slows itself down; null if unknown
    limit_from: str  #: where the limit is from, or why it is unknown

    @property
    def headroom_mc(self) -> int | None:
        """How far it stayed below the limit, thousandths of a degree C; None if unknown."""
        return None if self.limit_mc is None else self.limit_mc - self.highest_mc


class Pace(Part, frozen=True, kw_only=True):
    """How fast CPUs ran and how hot the processor became, looked at twice a second."""

    #: by number of the trial's CPUs, and of several hosts by role and number; null if unreadable
    clocks: dict[str, CpuClock] | None
    clocks_unread: str | None  #: why `clocks` is null
    heat: Heat | None  #: null if unreadable
    heat_unread: str | None  #: why `heat` is null


class Kernel(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Readings of one kernel, or of the kernels of all hosts together, around the window."""

    seconds: float | None = None  #: seconds between the two looks
    #: how far the wall clock was set between the looks; null if unknown, missing in older bundles
    clock_stepped_s: float | UnsetType | None = UNSET
    #: how long the machine was suspended; null if unknown, missing in older bundles
    suspended_s: float | UnsetType | None = UNSET
    counted: KernelCounts = KernelCounts()  #: differences of the counters
    kernel_log: KernelLog | None = None  #: null if unreadable
    frequency_khz: Frequencies | None = None  #: only in older bundles, which have no `pace`
    pace: Pace | UnsetType = UNSET  #: missing in older bundles
    cost_s: float = 0.0  #: CPU seconds that the looks used


class ServerLog(Part, frozen=True, kw_only=True):
    """What the database server wrote into its log in the window."""

    checkpoints: Count | None  #: null: MariaDB does not log them
    autovacuums: Count | None  #: null: MariaDB has none
    lines: Count


class Connections(Part, frozen=True, kw_only=True):
    """Connections of the database by ``application_name``, and how many outlived the window."""

    before: dict[str, Count]
    after: dict[str, Count]
    kept: Count


class DatabaseServer(Part, frozen=True, kw_only=True):
    """Readings of the database server around the window."""

    log: ServerLog | None  #: null if unreadable
    #: checkpoints begun in the window, by the server's statistics; null if it did not answer, or
    #: counts none (MariaDB)
    checkpoints: int | None
    connections: Connections | None  #: null if the server did not answer


class Host(Part, frozen=True, kw_only=True):
    """Kernel and database server around the window."""

    kernel: Kernel
    database: DatabaseServer


class TrialReadings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """``readings`` of ``trial.json``, which the agent fills in stage by stage."""

    stages_s: dict[str, float] = {}  #: seconds of each stage that the trial entered
    environment: Environment | None = None  #: environment of the service, drawn for the block
    #: name of the database of the service; drawn for the block where each subject has its own
    database: str | None = None
    health: Health | None = None  #: health of the service when it was ready
    port: Port | None = None  #: port of the service when it was ready
    probes: list[Answer] | None = None  #: answers to requests whose answers are known
    affinity: Affinity | None = None  #: where processes may run
    host: Host | None = None  #: kernel and database server around the window
    #: where several hosts take part, the account of each kernel, by role
    hosts: dict[str, Kernel] | None = None
    clocks: dict[str, Clock] | None = None  #: clocks of the other hosts, by role
    window: Window | None = None  #: when the load was measured
    sampler: Sampler | None = None  #: how CPU time and memory were sampled
    memory: Memory | None = None  #: memory of the service
    burden: Burden | None = None  #: burden of a positive control, after the window
    stop: Stop | None = None  #: how the service ended; null if its process is on another host
    counters: Counters | None = None  #: row counters of the database
    kills: list[Kill] | None = None  #: failures that the plan asked for
