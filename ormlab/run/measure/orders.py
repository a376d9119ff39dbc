"""What orders are made of, as functions of plan, host and deployment."""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.orders import (
    Address,
    ApplicationSettings,
    ApplicationSpec,
    KillSpec,
    Served,
    ServiceSettings,
    ServiceSpec,
    StaticSettings,
    StaticSpec,
)
from bundle.documents.readings import Cache, Environment, Pool
from bundle.generators.client import ClosedLoad
from bundle.places import filled
from ormlab.plan import applications, meaning
from workloads.dataset import Dataset
from workloads.diagnosis import examination
from workloads.diagnosis.examination import ApplicationTask, AskedOperation, Task
from workloads.load import drawing, requests
from workloads.load.operations import Operation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.orders import Deployable
    from bundle.documents.application import Application
    from bundle.documents.plan import Workload
    from bundle.documents.subject import Subject
    from bundle.generators import Load
    from ormlab.plan import Plan
    from ormlab.plan.applications import ApplicationManifest
    from workloads.databases.interface import Server
    from workloads.diagnosis.examination import AnyTask

_REPEATED_ROWS = 20_000
_ROWS_PER_SECOND = 8_000  # of a table that must not repeat; a faster trial says it ran out
_PAYLOAD_BYTES = 1024  # of the floor's answers where a plan names no rows
_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 5.0
_PROFILED_CONNECTIONS = 16  # where the plan's load does not say
_MOST_PER_EXPECTED = 2.0  # where answers are slow, load that switches takes so much longer
_OVERHEAD_S = 120.0  # of a trial beyond its load: restore, start, patience with a hung generator


@dataclass(frozen=True)
class Table:
    """A workload as the requests to send."""

    measured: list[requests.Request]  #: requests of the window
    #: requests before it; the same where repeating them does no harm
    warmup: list[requests.Request]
    repeatable: bool  #: whether a generator may start again at the top


def dataset_of(plan: Plan) -> Dataset:
    """The rows that a plan's services work on."""
    size = plan.rows
    return Dataset(
        users=size.users, orders=size.orders, payload_bytes=size.payload_bytes, seed=plan.seed
    )


def task_of(plan: Plan) -> AnyTask:
    """What the diagnostic pass asks of every subject: each operation of the plan."""
    if plan.application:
        return _application_task(plan, plan.application)
    size = plan.rows
    return Task(
        workloads={name: meaning.operations(each) for name, each in plan.workloads.items()},
        users=size.users,
        orders=size.orders,
        profile_bytes=size.payload_bytes,
        seed=plan.seed,
    )


def _application_task(plan: Plan, application: Application) -> ApplicationTask:
    weights: dict[str, dict[str, float]] = {}
    for name, workload in plan.workloads.items():
        mix = weights.setdefault(name, {})
        for share in workload.operations:
            mix[share.operation] = mix.get(share.operation, 0.0) + share.weight
    ordered = sorted(application.operations.items(), key=lambda item: bool(item[1].writes))
    return ApplicationTask(
        operations={
            name: AskedOperation(
                requests=drawing.table(
                    [drawing.DrawnOperation(name, 1.0, of)],
                    seed=plan.seed * 1_000 + position,
                    count=examination.REQUESTS,
                    mark="pass-",
                ),
                writes=of.writes,
                varies=of.varies,
            )
            for position, (name, of) in enumerate(ordered)
        },
        weights=weights,
        columns_vary=application.columns_vary,
    )


def table_of(plan: Plan, workload: Workload) -> Table:
    """Draw the requests of a workload, once for all subjects and blocks.

    Raises:
        ValueError: the dataset has too few rows for the deletes that may be needed.
    """
    longest = max(load.duration_s + load.warmup_s for load in plan.loads.values())
    unrepeated = 2 * int(longest * _ROWS_PER_SECOND)
    if plan.application:
        drawn = meaning.drawn(plan.application, workload)
        again = requests.repeatable(drawn)
        count = _REPEATED_ROWS if again else unrepeated
        rows = drawing.table(drawn, seed=plan.seed, count=count)
    else:
        meant = meaning.operations(workload)
        again = requests.repeatable(meant)
        rows = requests.table(
            meant,
            users=plan.rows.users,
            orders=plan.rows.orders,
            seed=plan.seed,
            count=_REPEATED_ROWS if again else unrepeated,
            profile_bytes=plan.rows.payload_bytes,
        )
    if again:
        return Table(rows, rows, repeatable=True)
    return Table(rows[0::2], rows[1::2], repeatable=False)


def floor_table(plan: Plan) -> list[requests.Request]:
    """Small reads: what a generator sends to the endpoint that does no work."""
    if plan.dataset is None:
        return [requests.Request("GET", "/", None, "floor", 200)]
    reads = [Operation("read-user")]
    size = plan.dataset
    return requests.table(reads, users=size.users, orders=size.orders, seed=plan.seed, count=1_000)


def profiled(plan: Plan) -> ClosedLoad:
    """The load under which profilers look: a closed loop as wide and as long as the first load."""
    first = next(iter(plan.loads.values()))
    return ClosedLoad(
        connections=first.connections or _PROFILED_CONNECTIONS, duration_s=first.duration_s
    )


def payload_bytes(plan: Plan) -> int:
    """The length of an answer of the endpoint that does no work."""
    return plan.dataset.payload_bytes if plan.dataset else _PAYLOAD_BYTES


@dataclass(frozen=True)
class Program:
    """What a server is started with."""

    python: str  #: the interpreter
    code: str  #: the folder of the shipped code
    variables: dict[str, str]  #: that its stack wants it started with
    host: str  #: the address to listen on
    port: int  #: likewise


@dataclass(frozen=True)
class NamedDatabase:
    """A database of the run."""

    server: Server  #: how to reach it
    database: str  #: on it

    @property
    def address(self) -> Address:
        """It, as a service has it."""
        told = self.server
        return Address(
            host=told.host,
            port=told.port,
            user=told.user,
            passfile=told.passfile,
            database=self.database,
        )


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
    where: NamedDatabase,
    environment: Environment | None = None,
) -> ServiceSpec:
    """How the agent starts a subject's service on a database.

    Args:
        subject: of the plan.
        program: its stack's.
        where: its database.
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
            database=where.address,
            pool=Pool(size=subject.pool.size, overflow=subject.pool.overflow),
            framework=subject.framework,
            cache=Cache(ttl_s=subject.cache.ttl_s, entries=subject.cache.entries),
            options=subject.options,
            loop=subject.loop,
            json=subject.json_library,
            burden=subject.burden,
        ),
    )


def application_spec(
    subject: Subject,
    told: ApplicationManifest,
    program: Program,
    where: NamedDatabase,
    environment: Environment | None = None,
) -> ApplicationSpec:
    """How the agent starts a subject's application on a database.

    Args:
        subject: of the plan.
        told: the manifest of its application.
        program: its stack's.
        where: its database.
        environment: what is drawn for the block.
    """
    settings = applications.settings_of(subject, told, where=subject.service)
    return ApplicationSpec(
        python=program.python,
        code=program.code,
        variables=program.variables,
        environment=environment,
        start_timeout_s=_START_TIMEOUT_S,
        stop_timeout_s=_STOP_TIMEOUT_S,
        settings=ApplicationSettings(
            folder=f"{program.code}/workloads/services/{subject.service}",
            host=program.host,
            port=program.port,
            health=told.health,
            start=[filled(word, settings) for word in told.start],
            environment={name: filled(text, settings) for name, text in told.environment.items()},
            database=where.address,
        ),
    )


def _nonce() -> str:
    """A word by which a server is known: whatever else answers is not what was started."""
    return secrets.token_hex(8)


def served(spec: Deployable | StaticSpec) -> Served:
    """How an agent on another host drives a server that this is the start of."""
    settings = spec.settings
    if isinstance(settings, ApplicationSettings):
        return Served(host=settings.host, port=settings.port, nonce=None, health=settings.health)
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


def seats(seed: int, block: int, subjects: Sequence[str]) -> dict[str, int]:
    """Where the subjects of a block stand among the run's ports and databases, from 0.

    Drawn anew for each block: a port or a database that is slower than others, by the hash of its
    connections or the place of its files, is then noise that the interval counts, and no constant
    difference between subjects.
    """
    draw = random.Random(f"seats {seed} {block}")  # noqa: S311 - reproducible, not secret
    return dict(zip(draw.sample(subjects, len(subjects)), range(len(subjects)), strict=True))


def kills(load: Load, *, seed: int) -> tuple[KillSpec, ...]:
    """When connections of the service are ended, in seconds from the generator's start.

    Not in the first and the last fifth of the window: a generator takes a moment to start, and what
    follows from a kill is to be seen.

    Args:
        load: of the plan.
        seed: of the block.
    """
    kill = load.kill
    if kill is None:
        return ()
    draw = random.Random(seed)  # noqa: S311 - a reproducible instant, not a secret
    at_s = sorted(
        load.begins_s + load.duration_s * draw.uniform(0.2, 0.8) for _ in range(kill.times)
    )
    return tuple(KillSpec(at_s=at, connections=kill.connections) for at in at_s)


def deadline_s(load: Load, subjects: int) -> float:
    """How long a drive of so many subjects under this load may take in all."""
    return _MOST_PER_EXPECTED * load.takes_s(subjects) + subjects * _OVERHEAD_S
