"""Orders: what the orchestrator asks of a host.

An order is a JSON file. The agent that carries it out detaches, holds a lock on ``lock`` in the
order's folder as long as it lives, and leaves ``done.json`` (`agent.answers.Done`), renamed into
place as its last act. Whoever waits takes the lock: it is granted at once when the agent ends,
however it ends.

History of the schema: order/1 (first), order/2 (each kind of work has a type of its own),
order/3 (a load has the keys of the plan; what it sends stands beside it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from msgspec import convert

from bundle.codec import Part, Record, parse
from bundle.documents.readings import Cache, Environment, Pool
from bundle.generators import AnyLoad
from host.environment import Program
from workloads.diagnosis.examination import Task
from workloads.psql import Psql

if TYPE_CHECKING:
    from pathlib import Path

type Purpose = Literal["database", "load", "service"]
type Placement = dict[Purpose, list[int]]
"""CPUs of each purpose that a host has in a run."""
type Option = str | int | float | bool | None


class Address(Part, frozen=True, kw_only=True):
    """The database as a service is told of it; `workloads.services.settings.Database`."""

    host: str
    port: int
    user: str
    passfile: str
    database: str


class ServiceSettings(Part, frozen=True, kw_only=True):
    """The settings of a service under test; `workloads.services.settings.Settings`."""

    service: str
    host: str
    port: int
    nonce: str
    workers: int
    database: Address
    pool: Pool
    framework: str
    cache: Cache
    options: dict[str, Option]
    loop: str
    json: str
    burden: float


class StaticSettings(Part, frozen=True, kw_only=True):
    """The settings of the endpoint that does no work; `workloads.load.static`."""

    host: str
    port: int
    nonce: str
    payload_bytes: int


class _Started(Part, frozen=True, kw_only=True, tag_field="is"):
    """A server that the agent starts.

    Attributes:
        python: interpreter.
        code: folder of the shipped code.
        variables: of its environment, beside those of every service.
        environment: what is drawn for the block; null for none.
        start_timeout_s: until it must answer.
        stop_timeout_s: until it is killed.
    """

    python: str
    code: str
    variables: dict[str, str]
    environment: Environment | None = None
    start_timeout_s: float
    stop_timeout_s: float


class ServiceSpec(_Started, frozen=True, kw_only=True, tag="service"):
    """A service under test, to be started."""

    MODULE: ClassVar[str] = "workloads.services"

    settings: ServiceSettings


class StaticSpec(_Started, frozen=True, kw_only=True, tag="static"):
    """The endpoint that does no work, to be started."""

    MODULE: ClassVar[str] = "workloads.load.static"

    settings: StaticSettings


class Served(Part, frozen=True, kw_only=True, tag_field="is", tag="served"):
    """A server that another agent holds.

    Attributes:
        host: where it is reached.
        port: likewise.
        nonce: by which it is known.
    """

    host: str
    port: int
    nonce: str


class DatabaseSpec(Part, frozen=True, kw_only=True):
    """The run's database, as one host sees it.

    Attributes:
        psql: how it is reached from there.
        name: of the database.
        identity: of the server (`agent.server.identity`).
        template: to restore it from first; null to take it as it is.
        server_pid: of the server's first process; null if that is on another host.
        log: path of the server's log; null likewise.
    """

    psql: Psql
    name: str
    identity: str
    template: str | None
    server_pid: int | None
    log: str | None


class KillSpec(Part, frozen=True, kw_only=True):
    """Connections of the service that the server is to end.

    Attributes:
        at_s: seconds after the load began.
        connections: how many at most.
    """

    at_s: float
    connections: int


class RemoteSpec(Part, frozen=True, kw_only=True):
    """How the agent that drives the load reaches another one of the trial.

    Attributes:
        role: of that host.
        host: its address.
        port: on which its agent listens.
        word: that only the two know.
    """

    role: Literal["app", "db"]
    host: str
    port: int
    word: str


class KeepDatabase(Part, frozen=True, kw_only=True, tag_field="kind", tag="database"):
    """Keep a cluster up for the length of a run.

    Attributes:
        cluster: folder of the cluster.
        binaries: folder of PostgreSQL's programs.
        port: TCP port of the server.
        cpus: where it runs.
        settings: of the server, beside the lab's own.
        configuration: folder of the postgresql.conf of a cluster that a role has made; null for
            one that the lab makes.
        listen: an address beside loopback; null for none.
        allow: addresses of the hosts that may come in there.
    """

    cluster: str
    binaries: str
    port: int
    cpus: list[int]
    settings: dict[str, str]
    configuration: str | None = None
    listen: str | None = None
    allow: tuple[str, ...] = ()


class RunCommand(Part, frozen=True, kw_only=True, tag_field="kind", tag="command"):
    """Run a program to its end.

    Attributes:
        argv: the program and its arguments.
        env: variables added to those of its kind.
        program: its kind.
    """

    argv: list[str]
    env: dict[str, str]
    program: Program = "tool"


class CheckService(Part, frozen=True, kw_only=True, tag_field="kind", tag="check"):
    """Run a program against a service on a throwaway database.

    Attributes:
        service: to be started.
        cpus: where it runs.
        database: to be restored.
        argv: the program; ``{url}`` stands for the service's address, ``{folder}`` for that of the
            order.
    """

    service: ServiceSpec
    cpus: list[int]
    database: DatabaseSpec
    argv: list[str]


class Diagnose(Part, frozen=True, kw_only=True, tag_field="kind", tag="diagnose"):
    """Find out what requests cost the database.

    Attributes:
        service: to be started, through a proxy.
        database: to be restored.
        task: what is asked.
    """

    service: ServiceSpec
    database: DatabaseSpec
    task: Task


class Tables(Part, frozen=True, kw_only=True):
    """A workload's requests, as files on the host of the load.

    Attributes:
        measured: path of those of the window.
        warmup: of those before it; the same where repeating them does no harm.
        repeatable: whether a generator may start again at their top.
    """

    measured: str
    warmup: str
    repeatable: bool


class LoadSpec(Part, frozen=True, kw_only=True):
    """A load of the plan, and what it sends.

    Attributes:
        load: as the plan has it.
        tables: of its workload.
        seed: of the block.
    """

    load: AnyLoad
    tables: Tables
    seed: int


class FindFloor(Part, frozen=True, kw_only=True, tag_field="kind", tag="floor"):
    """Drive the endpoint that does no work.

    Attributes:
        endpoint: to be started, or held by another agent.
        load: to drive it with.
        placement: CPUs on this host.
    """

    endpoint: StaticSpec | Served
    load: LoadSpec
    placement: Placement


class RunTrial(Part, frozen=True, kw_only=True, tag_field="kind", tag="trial"):
    """Measure one subject under one load.

    Attributes:
        service: to be started, or held by another agent.
        database: that it works on.
        load: to drive it with.
        placement: CPUs on this host.
        kills: faults of its database connections.
        probes: method and path of requests whose answers are known.
        remotes: agents of the trial on other hosts.
    """

    service: ServiceSpec | Served
    database: DatabaseSpec
    load: LoadSpec
    placement: Placement
    kills: tuple[KillSpec, ...] = ()
    probes: tuple[str, ...] = ()
    remotes: tuple[RemoteSpec, ...] = ()


class Observe(Part, frozen=True, kw_only=True, tag_field="kind", tag="observe"):
    """Watch what a trial that is driven from another host does on this one.

    Attributes:
        listen: address on which the driver is awaited.
        word: by which it is known.
        placement: CPUs on this host.
        server_pid: of the database server; null if it is not here.
        log: of the database server; null likewise.
    """

    listen: str
    word: str
    placement: Placement
    server_pid: int | None
    log: str | None


class Serve(Observe, frozen=True, kw_only=True, tag="serve"):
    """Start a service as well, and stop it at the end.

    Attributes:
        service: to be started.
        database: to be restored, if it has a template; null where none is used.
    """

    service: ServiceSpec | StaticSpec
    database: DatabaseSpec | None


type Work = (
    KeepDatabase | RunCommand | CheckService | Diagnose | FindFloor | RunTrial | Observe | Serve
)


class Order(Record, frozen=True, kw_only=True):
    """What every order has, and its work.

    Attributes:
        schema: the version of this format.
        heartbeat: path of a file whose modification time the orchestrator keeps moving.
        heartbeat_timeout_s: the agent stops everything when it has not moved for so long.
        deadline_s: the agent stops everything after so long, whatever happens.
        cpus: where the agent itself runs; null leaves it alone.
        work: what is to be done.
    """

    SCHEMA: ClassVar[str] = "order/3"

    schema: Literal["order/3"] = "order/3"
    heartbeat: str
    heartbeat_timeout_s: float
    deadline_s: float
    cpus: list[int] | None
    work: Work


def read(path: Path) -> Order:
    """Read an order file.

    Raises:
        OSError: it is not there.
        ValueError: it is no order that this agent knows; the message names the place in it.
    """
    try:
        raw = parse(path.read_bytes())
        schema = raw.get("schema") if isinstance(raw, dict) else None
        if schema != Order.SCHEMA:
            raise ValueError(f"schema is {schema!r}, this agent knows {Order.SCHEMA}")  # noqa: TRY301
        return convert(raw, Order)
    except ValueError as wrong:
        raise ValueError(f"{path}: {wrong}") from None
