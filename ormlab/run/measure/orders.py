"""The bodies of orders, as pure functions of plan, host and deployment."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bundle.documents.plan import CapacityLoad, ClosedLoad, Load, OpenLoad, WrkLoad
from ormlab.plan.meaning import operations
from workloads.dataset import Dataset
from workloads.diagnosis.examination import Task
from workloads.load import requests
from workloads.load.operations import Operation

if TYPE_CHECKING:
    from bundle.documents.plan import Subject, Workload
    from ormlab.plan import Plan

_REPEATED_ROWS = 20_000
_ROWS_PER_SECOND = 8_000  # of a table that must not repeat; a faster trial says it ran out
_FLOOR_S = 1  # of a generator's floor; enough for 1 in 100 at any rate worth planning
_FLOOR_WARMUP_S = 0.5
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


def endpoint_spec(
    *, host: str, python: str, code: str, port: int, payload_bytes: int
) -> dict[str, Any]:
    """How the agent starts the endpoint that does no work."""
    return {
        "python": python,
        "code": code,
        "start_timeout_s": _START_TIMEOUT_S,
        "stop_timeout_s": _STOP_TIMEOUT_S,
        "settings": {"host": host, "port": port, "payload_bytes": payload_bytes},
    }


def service_spec(
    subject: Subject,
    *,
    host: str,
    python: str,
    variables: dict[str, str],
    code: str,
    port: int,
    psql: dict[str, Any],
    database: str,
) -> dict[str, Any]:
    """How the agent starts a subject's service on a database.

    Args:
        subject: of the plan.
        host: the address to listen on.
        python: the interpreter of its stack's environment.
        variables: that the stack wants it started with.
        code: the folder of the shipped code.
        port: to listen on.
        psql: how to reach the server.
        database: on it.
    """
    return {
        "python": python,
        "variables": variables,
        "code": code,
        "start_timeout_s": _START_TIMEOUT_S,
        "stop_timeout_s": _STOP_TIMEOUT_S,
        "settings": {
            "service": subject.service,
            "host": host,
            "port": port,
            "workers": subject.workers,
            "database": {
                "host": psql["host"],
                "port": psql["port"],
                "user": psql["user"],
                "passfile": psql["passfile"],
                "database": database,
            },
            "pool": subject.pool.model_dump(),
            "framework": subject.framework,
            "cache": subject.cache.model_dump(),
            "options": subject.options,
            "loop": subject.loop,
            "json": subject.json_library,
            "burden": subject.burden,
        },
    }


def environment(seed: int, block: int) -> dict[str, int]:
    """What moves a process's speed without meaning anything, drawn once for all of a block.

    The size of the environment shifts the stack, the hash seed the order of sets and the
    collisions of dictionaries: T. Mytkowicz et al., Producing Wrong Data Without Doing Anything
    Obviously Wrong! (ASPLOS 2009). Drawn anew for each block they are noise that the interval
    counts; the same for all subjects of a block, they are none of the difference.

    Returns:
        ``hash_seed`` for PYTHONHASHSEED and ``padding_bytes`` of a variable that nobody reads.
    """
    draw = random.Random(f"environment {seed} {block}")  # noqa: S311 - reproducible, not secret
    return {"hash_seed": draw.randrange(1, 2**32), "padding_bytes": draw.randrange(4096)}


def load_spec(
    load: Load, *, table: str, warmup_table: str, repeatable: bool, seed: int, cpus: list[int]
) -> dict[str, Any]:
    """A plan's load as the agent's generators take it."""
    spec = load.model_dump(exclude={"kill"}) | {"table": table, "repeatable": repeatable}
    if isinstance(load, WrkLoad):
        spec["warmup_table"] = warmup_table
    elif isinstance(load, ClosedLoad | OpenLoad | CapacityLoad):
        spec |= {
            "cpus": [cpus[index % len(cpus)] for index in range(load.processes)],
            "seed": seed,
            "hash_fraction": 0.01,
            "start_at": None,
        }
    return spec


def floor_spec(load: Load, *, table: str, seed: int, cpus: list[int]) -> dict[str, Any] | None:
    """The load, shortened, for an endpoint that does no work: at twice the rate if it has one.

    Returns:
        The spec, or None for a load whose generator has no floor of its own: a search drives many
        rates, and the article's client is measured for what it is.
    """
    short: dict[str, Any]
    match load:
        case WrkLoad():
            short = {"duration_s": _FLOOR_S, "warmup_s": 0}
        case ClosedLoad():
            short = {"duration_s": _FLOOR_S, "warmup_s": _FLOOR_WARMUP_S, "requests_total": None}
        case OpenLoad():
            short = {"duration_s": _FLOOR_S, "warmup_s": _FLOOR_WARMUP_S, "rate": 2 * load.rate}
        case _:
            return None
    return load_spec(
        load.model_copy(update=short),
        table=table,
        warmup_table=table,
        repeatable=True,
        seed=seed,
        cpus=cpus,
    )


def kills(load: Load, *, seed: int) -> list[dict[str, Any]]:
    """When connections of the service are ended, in seconds from the generator's start.

    Not in the first and the last fifth of the window: a generator takes a moment to start, and what
    follows from a kill is to be seen.

    Args:
        load: of the plan.
        seed: of the block.
    """
    kill = getattr(load, "kill", None)
    if kill is None:
        return []
    draw = random.Random(seed)  # noqa: S311 - a reproducible instant, not a secret
    # wrk warms up in a run of its own, the asyncio client within this one.
    begin_s = load.warmup_s if isinstance(load, OpenLoad) else 0.0
    at_s = sorted(begin_s + load.duration_s * draw.uniform(0.2, 0.8) for _ in range(kill.times))
    return [{"at_s": at, "connections": kill.connections} for at in at_s]


def deadline_s(load: Load) -> float:
    """How long a trial under this load may take in all."""
    warmup_s: float = getattr(load, "warmup_s", 0.0)
    return load.duration_s + warmup_s + _OVERHEAD_S
