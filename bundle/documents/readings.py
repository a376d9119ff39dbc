"""What was read around one trial: the evidence, key by key, with unit and source.

A key that is null, or missing, was not read: the trial failed before, or the host does not tell.
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
    """What is drawn for every block, so that no subject keeps one lucky layout of memory.

    Attributes:
        hash_seed: PYTHONHASHSEED of the service.
        padding_bytes: length of a variable that moves the service's stack.
    """

    hash_seed: int
    padding_bytes: int


class Pool(Part, frozen=True, kw_only=True):
    """Database connections of one worker process, as the service reports them."""

    size: int
    overflow: int


class Cache(Part, frozen=True, kw_only=True):
    """The cache of answers, as the service reports it."""

    ttl_s: float
    entries: int


class Turns(Part, frozen=True, kw_only=True):
    """Requests of the turns with, or without, the added CPU time, and what they used.

    Attributes:
        requests: how many.
        cpu_ns: CPU time of the process during them, nanoseconds.
    """

    requests: int
    cpu_ns: int


class Burden(Part, frozen=True, kw_only=True):
    """The slowdown of a positive control, by the service's own account.

    Attributes:
        fraction: CPU time added to each request, as a fraction of its own.
        burdened: turns that carry it.
        unburdened: turns that do not.
    """

    fraction: float
    burdened: Turns
    unburdened: Turns


class Runtime(Part, frozen=True, kw_only=True):
    """How the service's Python runs, from ``workloads.services.runtime``.

    Attributes:
        flags: some of ``sys.flags``, by name.
        debug_build: whether CPython was built for debugging.
        asyncio_debug: whether the event loop is in debug mode.
        tracemalloc: whether allocations are traced.
        allocator: of Python's objects, by the names of PYTHONMALLOC.
        allocator_of_build: the one that this CPython has by default.
        preloaded: libraries that LD_PRELOAD or another allocator brought; null if unreadable.
        variables: names of variables that tune Python, the loader or malloc.
    """

    flags: dict[str, int]
    debug_build: bool
    asyncio_debug: bool
    tracemalloc: bool
    allocator: str
    allocator_of_build: str
    preloaded: list[str] | None
    variables: list[str]


class Health(Part, frozen=True, kw_only=True, omit_defaults=True):
    """The body of ``GET /health`` when the service was ready.

    Older services did not tell all of it.

    Attributes:
        service: name of the service.
        pid: of the process that answered.
        nonce: what the lab gave this process; another process does not know it.
        python: version of the interpreter.
        jit: whether CPython's experimental JIT is on; null in a build without one.
        versions: of each distribution of the stack, by name.
        extensions: whether a library's compiled parts are loaded; null if it is not used.
        pool: database connections a worker.
        workers: processes.
        framework: ``aiohttp`` or ``fastapi``.
        cache: of answers.
        loop: ``asyncio`` or ``uvloop``.
        json: ``stdlib`` or ``orjson``.
        options: those of the plan's subject.
        runtime: how its Python runs; missing in bundles that are older than the question.
        burden: of a positive control; null otherwise.
    """

    service: str
    pid: int
    python: str
    versions: dict[str, str]
    extensions: dict[str, bool | None]
    pool: Pool
    workers: int
    loop: str
    json: str
    jit: bool | UnsetType | None = UNSET
    framework: str | None = None
    cache: Cache | None = None
    options: dict[str, str | int | float | bool | None] | None = None
    nonce: str | None = None
    runtime: Runtime | None = None
    burden: Burden | None = None


class Answer(Part, frozen=True, kw_only=True):
    """The answer to a request whose answer is known, before the load began.

    Attributes:
        request: method and path.
        status: of HTTP.
        content_type: header; null without one.
        content_length: header; null without one.
        sha256: of the body.
        bytes: length of the body.
    """

    request: str
    status: int
    content_type: str | None
    content_length: str | None
    sha256: str
    bytes: Count


class Port(Part, frozen=True, kw_only=True):
    """The service's TCP port.

    Attributes:
        number: of the port.
        shared: whether others listen on it too, by ``/proc/net/tcp``; null if that is unknown.
        reason: why it is unknown; null otherwise.
    """

    number: int
    shared: bool | None
    reason: str | None


class Affinity(Part, frozen=True, kw_only=True):
    """Where processes may run, by ``/proc/PID/status``.

    Attributes:
        planned: CPUs by role.
        observed: CPUs by role and process id.
    """

    planned: dict[str, list[int]]
    observed: dict[str, dict[str, list[int]]]


class Window(Part, frozen=True, kw_only=True):
    """When the load was measured.

    Attributes:
        started: by the wall clock, ISO 8601, UTC.
        started_ns: by the monotonic clock.
        ended_ns: likewise.
    """

    started: str
    started_ns: int
    ended_ns: int


class Sampler(Part, frozen=True, kw_only=True, omit_defaults=True):
    """What a reader of ``resources.parquet`` must know; ``agent.sampling`` takes the samples.

    Attributes:
        cpu_s: CPU seconds that sampling used.
        readings: rows of the table.
        tick_hz: clock ticks a second.
        page_bytes: bytes a page.
        ended_children: whether ticks hold those of children that have ended.
        stopped: by role, readings in which a process was stopped; null in older bundles, as the
            next two.
        unread: by role, why its processes are not all in the table; empty if they are.
        found_by: by role, how its processes were found.
    """

    cpu_s: float
    readings: Count
    tick_hz: int
    page_bytes: int
    ended_children: bool = False
    stopped: dict[str, Count] | None = None
    unread: dict[str, str] | None = None
    found_by: dict[str, str] | None = None


class Memory(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Proportional set size of the service, bytes, by ``/proc/PID/smaps_rollup``.

    Attributes:
        service_pss_before_bytes: before the window; null if unreadable.
        service_pss_after_bytes: after it, likewise.
        service_pss_unread: why one of them is null.
    """

    service_pss_before_bytes: int | None
    service_pss_after_bytes: int | None
    service_pss_unread: str | None = None


class Stop(Part, frozen=True, kw_only=True):
    """How the service ended when it was told to.

    Attributes:
        in_time: whether it did before it was killed.
        exit_status: of the process; negative for a signal.
        seconds: it took.
    """

    in_time: bool
    exit_status: int | None
    seconds: float


class Rows(Part, frozen=True, kw_only=True):
    """Counters of one table since its database was made, by ``pg_stat_user_tables``."""

    inserted: int
    updated: int
    deleted: int
    sequential_scans: int
    index_scans: int


class Counters(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Row counters around the trial, by table.

    Attributes:
        before: after the database was restored.
        after: when the service's connections were gone.
        connected: connections that were still open then, so that ``after`` may lack counts; null
            if that is unknown.
    """

    before: dict[str, Rows]
    after: dict[str, Rows]
    connected: int | UnsetType | None = UNSET


class Kill(Part, frozen=True, kw_only=True):
    """One failure of the database connections, made by the lab.

    Attributes:
        at_s: when it was due, seconds from the beginning of the load.
        connections: how many to end at most.
        done_s: when it was done.
        ended: how many connections ended.
    """

    at_s: float
    connections: int
    done_s: float
    ended: int


class Clock(Part, frozen=True, kw_only=True):
    """How far another host's monotonic clock is ahead.

    Attributes:
        offset_ns: nanoseconds.
        round_trip_ns: the offset is known to half of this.
    """

    offset_ns: int
    round_trip_ns: int


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
    """Frequency of each CPU before and after the window, kHz; null where the kernel is silent."""

    before: dict[str, int] | None
    after: dict[str, int] | None


class Kernel(Part, frozen=True, kw_only=True, omit_defaults=True):
    """What one kernel, or the kernels of all hosts together, told around the window.

    Attributes:
        seconds: between the two looks.
        clock_stepped_s: how far the wall clock was set in between; null if that is unknown,
            missing in older bundles.
        suspended_s: how long the machine was suspended; likewise.
        counted: differences of the counters.
        kernel_log: null if it cannot be read.
        frequency_khz: null where several hosts are summed up.
        cost_s: CPU seconds that looking used.
    """

    seconds: float | None = None
    clock_stepped_s: float | UnsetType | None = UNSET
    suspended_s: float | UnsetType | None = UNSET
    counted: KernelCounts = KernelCounts()
    kernel_log: KernelLog | None = None
    frequency_khz: Frequencies | None = None
    cost_s: float = 0.0


class ServerLog(Part, frozen=True, kw_only=True):
    """What the database server wrote into its log in the window."""

    checkpoints: Count
    autovacuums: Count
    lines: Count


class Connections(Part, frozen=True, kw_only=True):
    """Connections of the database by ``application_name``, and how many outlived the window."""

    before: dict[str, Count]
    after: dict[str, Count]
    kept: Count


class DatabaseServer(Part, frozen=True, kw_only=True):
    """What the database server told around the window.

    Attributes:
        log: null if it cannot be read.
        checkpoints: completed in between, by the server's statistics; null if it did not answer.
        connections: null likewise.
    """

    log: ServerLog | None
    checkpoints: int | None
    connections: Connections | None


class Host(Part, frozen=True, kw_only=True):
    """Kernel and database server around the window."""

    kernel: Kernel
    database: DatabaseServer


class TrialReadings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """``readings`` of ``trial.json``. The agent fills it in, stage by stage.

    Attributes:
        stages_s: seconds of each stage that was entered.
        environment: of the service, drawn for the block.
        health: of the service when it was ready.
        port: of the service, when it was ready.
        probes: answers to requests whose answers are known.
        affinity: where processes may run.
        host: kernel and database server around the window.
        hosts: where several hosts take part, what each kernel told, by role.
        clocks: clocks of the other hosts, by role.
        window: when the load was measured.
        sampler: about the samples of CPU time and memory.
        memory: of the service.
        burden: of a positive control, after the window.
        stop: how the service ended; null if it has no process here.
        counters: rows of the database.
        kills: failures that the plan asked for.
    """

    stages_s: dict[str, float] = {}
    environment: Environment | None = None
    health: Health | None = None
    port: Port | None = None
    probes: list[Answer] | None = None
    affinity: Affinity | None = None
    host: Host | None = None
    hosts: dict[str, Kernel] | None = None
    clocks: dict[str, Clock] | None = None
    window: Window | None = None
    sampler: Sampler | None = None
    memory: Memory | None = None
    burden: Burden | None = None
    stop: Stop | None = None
    counters: Counters | None = None
    kills: list[Kill] | None = None
