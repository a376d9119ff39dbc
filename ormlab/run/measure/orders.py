"""What orders are made of, as functions of plan, host and deployment."""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from agent import loads
from agent.orders import (
    Address,
    KillSpec,
    Served,
    ServiceSettings,
    ServiceSpec,
    StaticSettings,
    StaticSpec,
)
from bundle.documents.plan import (
    ArticleLoad,
    CapacityLoad,
    ClosedLoad,
    Load,
    OpenLoad,
    WrkLoad,
)
from bundle.documents.readings import Cache, Environment, Pool
from ormlab.plan.meaning import operations
from workloads.dataset import Dataset
from workloads.diagnosis.examination import Task
from workloads.load import requests
from workloads.load.operations import Operation

if TYPE_CHECKING:
    from bundle.documents.plan import Subject, Workload
    from ormlab.plan import Plan
    from workloads.psql import Psql

_REPEATED_ROWS = 20_000
_ROWS_PER_SECOND = 8_000  # of a table that must not repeat; a faster trial says it ran out
_FLOOR_S = 1  # of a generator's floor; enough for 1 in 100 at any rate worth planning
_FLOOR_WARMUP_S = 0.5
_HASH_FRACTION = 0.01  # of the answers of the asyncio client
_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 5.0
_OVERHEAD_S = 120.0  # of a trial beyond its load: restore, start, patience with a hung generator


@dataclass(frozen=True)
class Table:
    """A workload as the requests to send.

    Attributes:
        measured: requests of the window.
        warmup: requests before it; the same where repeating them does no harm.
        repeatable: whether a generator may start again at the top.
    """

    measured: list[requests.Request]
    warmup: list[requests.Request]
    repeatable: bool


class Shipped(NamedTuple):
    """A workload's tables, by their paths on the load's host.

    Attributes:
        measured: of the window.
        warmup: of the time before it.
        repeatable: whether a generator may start again at their top.
    """

    measured: str
    warmup: str
    repeatable: bool


def dataset_of(plan: Plan) -> Dataset:
    """The rows that a plan's services work on."""
    size = plan.dataset
    return Dataset(
        users=size.users, orders=size.orders, payload_bytes=size.payload_bytes, seed=plan.seed
    )


def task_of(plan: Plan) -> Task:
    """What the diagnostic pass asks of every subject: each operation of the plan."""
    size = plan.dataset
    return Task(
        workloads={name: operations(workload) for name, workload in plan.workloads.items()},
        users=size.users,
        orders=size.orders,
        profile_bytes=size.payload_bytes,
        seed=plan.seed,
    )


def table_of(plan: Plan, workload: Workload) -> Table:
    """Draw the requests of a workload, once for all subjects and blocks.

    Raises:
        ValueError: the dataset has too few rows for the deletes that may be needed.
    """
    meant = operations(workload)
    again = requests.repeatable(meant)
    longest = max(load.duration_s + getattr(load, "warmup_s", 0) for load in plan.loads.values())
    count = _REPEATED_ROWS if again else 2 * int(longest * _ROWS_PER_SECOND)
    rows = requests.table(
        meant,
        users=plan.dataset.users,
        orders=plan.dataset.orders,
        seed=plan.seed,
        count=count,
        profile_bytes=plan.dataset.payload_bytes,
    )
    if again:
        return Table(rows, rows, repeatable=True)
    return Table(rows[0::2], rows[1::2], repeatable=False)


def writes(workload: Workload) -> bool:
    """Whether trials of this workload change the database, so that each needs a fresh one."""
    verbs = ("create-", "update-", "delete-")
    return any(share.operation.startswith(verbs) for share in workload.operations)


def floor_table(plan: Plan) -> list[requests.Request]:
    """Reads of one user: what a generator sends to the endpoint that does no work."""
    reads = [Operation("read-user")]
    size = plan.dataset
    return requests.table(reads, users=size.users, orders=size.orders, seed=plan.seed, count=1_000)


@dataclass(frozen=True)
class Program:
    """What a server is started with.

    Attributes:
        python: the interpreter.
        code: the folder of the shipped code.
        variables: that its stack wants it started with.
        host: the address to listen on.
        port: likewise.
    """

    python: str
    code: str
    variables: dict[str, str]
    host: str
    port: int


def static_spec(program: Program, *, payload_bytes: int) -> StaticSpec:
    """How the agent starts the endpoint that does no work."""
    return StaticSpec(
        python=program.python,
        code=program.code,
        variables=program.variables,
        start_timeout_s=_START_TIMEOUT_S,
        stop_timeout_s=_STOP_TIMEOUT_S,
        settings=StaticSettings(
            host=program.host,
            port=program.port,
            nonce=_nonce(),
            payload_bytes=payload_bytes,
        ),
    )


def service_spec(
    subject: Subject,
    program: Program,
    *,
    psql: Psql,
    database: str,
    environment: Environment | None = None,
) -> ServiceSpec:
    """How the agent starts a subject's service on a database.

    Args:
        subject: of the plan.
        program: its stack's.
        psql: how to reach the server.
        database: on it.
        environment: what is drawn for the block.
    """
    return ServiceSpec(
        python=program.python,
        code=program.code,
        variables=program.variables,
        environment=environment,
        start_timeout_s=_START_TIMEOUT_S,
        stop_timeout_s=_STOP_TIMEOUT_S,
        settings=ServiceSettings(
            service=subject.service,
            host=program.host,
            port=program.port,
            nonce=_nonce(),
            workers=subject.workers,
            database=Address(
                host=psql.host,
                port=psql.port,
                user=psql.user,
                passfile=psql.passfile,
                database=database,
            ),
            pool=Pool(size=subject.pool.size, overflow=subject.pool.overflow),
            framework=subject.framework,
            cache=Cache(ttl_s=subject.cache.ttl_s, entries=subject.cache.entries),
            options=subject.options,
            loop=subject.loop,
            json=subject.json_library,
            burden=subject.burden,
        ),
    )


def _nonce() -> str:
    """A word by which a server is known: whatever else answers is not what was started."""
    return secrets.token_hex(8)


def served(spec: ServiceSpec | StaticSpec) -> Served:
    """How an agent on another host drives a server that this is the start of."""
    settings = spec.settings
    return Served(host=settings.host, port=settings.port, nonce=settings.nonce)


def environment(seed: int, block: int) -> Environment:
    """What moves a process's speed without meaning anything, drawn once for all of a block.

    The size of the environment shifts the stack, the hash seed the order of sets and the
    collisions of dictionaries: T. Mytkowicz et al., Producing Wrong Data Without Doing Anything
    Obviously Wrong! (ASPLOS 2009). Drawn anew for each block they are noise that the interval
    counts; the same for all subjects of a block, they are none of the difference.
    """
    draw = random.Random(f"environment {seed} {block}")  # noqa: S311 - reproducible, not secret
    return Environment(hash_seed=draw.randrange(1, 2**32), padding_bytes=draw.randrange(4096))


def load_spec(load: Load, tables: Shipped, *, seed: int, cpus: list[int]) -> loads.Load:
    """A plan's load as the agent's generators take it.

    Args:
        load: of the plan.
        tables: of its workload, on the host of the load.
        seed: of the block.
        cpus: of the load.
    """
    table, repeatable = tables.measured, tables.repeatable
    match load:
        case WrkLoad():
            return loads.Wrk(
                threads=load.threads,
                connections=load.connections,
                duration_s=load.duration_s,
                warmup_s=load.warmup_s,
                timeout_s=load.timeout_s,
                table=table,
                warmup_table=tables.warmup,
                repeatable=repeatable,
            )
        case ClosedLoad():
            return loads.ClosedLoop(
                connections=load.connections,
                processes=load.processes,
                cpus=_shared(cpus, load.processes),
                warmup_s=load.warmup_s,
                duration_s=load.duration_s,
                timeout_s=load.timeout_s,
                requests_total=load.requests_total,
                seed=seed,
                table=table,
                repeatable=repeatable,
                hash_fraction=_HASH_FRACTION,
            )
        case OpenLoad():
            return loads.OpenLoop(
                rate=load.rate,
                arrivals=load.arrivals,
                connections=load.connections,
                processes=load.processes,
                cpus=_shared(cpus, load.processes),
                warmup_s=load.warmup_s,
                duration_s=load.duration_s,
                timeout_s=load.timeout_s,
                seed=seed,
                table=table,
                repeatable=repeatable,
                hash_fraction=_HASH_FRACTION,
            )
        case CapacityLoad():
            return loads.Capacity(
                objective_ms=load.objective_ms,
                loss_ratio=load.loss_ratio,
                width=load.width,
                probe_s=load.probe_s,
                probes=load.probes,
                arrivals=load.arrivals,
                connections=load.connections,
                processes=load.processes,
                cpus=_shared(cpus, load.processes),
                warmup_s=load.warmup_s,
                duration_s=load.duration_s,
                seed=seed,
                table=table,
                repeatable=repeatable,
                hash_fraction=_HASH_FRACTION,
            )
        case ArticleLoad():
            return loads.Article(
                requests=load.requests,
                concurrency=load.concurrency,
                duration_s=load.duration_s,
                table=table,
            )


def _shared(cpus: list[int], processes: int) -> list[int]:
    """One CPU for each process, in turn."""
    return [cpus[index % len(cpus)] for index in range(processes)]


def floor_spec(load: Load, *, table: str, seed: int, cpus: list[int]) -> loads.Load | None:
    """The load, shortened, for an endpoint that does no work: at twice the rate if it has one.

    Returns:
        The spec, or None for a load whose generator has no floor of its own: a search drives many
        rates, and the article's client is measured for what it is.
    """
    short: dict[str, float | None]
    match load:
        case WrkLoad():
            short = {"duration_s": _FLOOR_S, "warmup_s": 0}
        case ClosedLoad():
            short = {"duration_s": _FLOOR_S, "warmup_s": _FLOOR_WARMUP_S, "requests_total": None}
        case OpenLoad():
            short = {"duration_s": _FLOOR_S, "warmup_s": _FLOOR_WARMUP_S, "rate": 2 * load.rate}
        case _:
            return None
    tables = Shipped(table, table, repeatable=True)
    return load_spec(load.model_copy(update=short), tables, seed=seed, cpus=cpus)


def kills(load: Load, *, seed: int) -> tuple[KillSpec, ...]:
    """When connections of the service are ended, in seconds from the generator's start.

    Not in the first and the last fifth of the window: a generator takes a moment to start, and what
    follows from a kill is to be seen.

    Args:
        load: of the plan.
        seed: of the block.
    """
    kill = getattr(load, "kill", None)
    if kill is None:
        return ()
    draw = random.Random(seed)  # noqa: S311 - a reproducible instant, not a secret
    # wrk warms up in a run of its own, the asyncio client within this one.
    begin_s = load.warmup_s if isinstance(load, OpenLoad) else 0.0
    at_s = sorted(begin_s + load.duration_s * draw.uniform(0.2, 0.8) for _ in range(kill.times))
    return tuple(KillSpec(at_s=at, connections=kill.connections) for at in at_s)


def deadline_s(load: Load) -> float:
    """How long a trial under this load may take in all."""
    warmup_s: float = getattr(load, "warmup_s", 0.0)
    return load.duration_s + warmup_s + _OVERHEAD_S
