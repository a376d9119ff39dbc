"""Orders: what the orchestrator asks of a host.

An order is a JSON file. Its agent detaches, holds a lock on ``lock`` in the order's folder while it
lives, and as its last act renames ``done.json`` (`agent.answers.Done`) into place. The orchestrator
waits for the lock, which it gets as soon as the agent ends, however it ends.

Attributes of placements and CPUs belong to the host of the agent. A null ``server_pid`` or ``log``
means that the database server is on another host.

History of the schema: order/1 (first), order/2 (each kind of work has a type of its own),
order/3 (a load has the keys of the plan; what it sends stands beside it), order/4 (several subjects
side by side), order/5 (a host serves several subjects of a trial that another host drives),
order/6 (profilers; a subject may be an application; requests whose answers are known have headers),
order/7 (a server says which database it is).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from msgspec import convert

from bundle.codec import Part, Record, parse
from bundle.documents.profilers import Profiler
from bundle.documents.readings import Cache, Environment, Pool
from bundle.generators import AnyLoad
from host.environment import Program
from workloads.databases.interface import Server
from workloads.diagnosis.answers import KnownRequest
from workloads.diagnosis.examination import AnyTask

if TYPE_CHECKING:
    from pathlib import Path

type Purpose = Literal["database", "load", "service"]
type Placement = dict[Purpose, list[int]]
"""CPUs of each purpose that a host has in a run."""
type Option = str | int | float | bool | None


class Address(Part, frozen=True, kw_only=True):
    """The database, as `workloads.services.settings.Database` reads it."""

    host: str
    port: int
    user: str
    passfile: str
    database: str


class ServiceSettings(Part, frozen=True, kw_only=True):
    """The settings of a service under test, for `workloads.services.settings.Settings`."""

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
    """The settings of the endpoint that does no work, `workloads.load.static`."""

    host: str
    port: int
    nonce: str
    payload_bytes: int


class _Started(Part, frozen=True, kw_only=True, tag_field="is"):
    """A server that the agent starts."""

    python: str
    code: str  #: folder of the shipped code
    variables: dict[str, str]  #: of its environment, besides those of every service
    environment: Environment | None = None  #: drawn for the block; null for none
    start_timeout_s: float  #: until it must answer
    stop_timeout_s: float  #: until the agent kills it


class ServiceSpec(_Started, frozen=True, kw_only=True, tag="service"):
    """A service under test that the agent starts."""

    MODULE: ClassVar[str] = "workloads.services"

    settings: ServiceSettings


class StaticSpec(_Started, frozen=True, kw_only=True, tag="static"):
    """The endpoint that does no work, which the agent starts."""

    MODULE: ClassVar[str] = "workloads.load.static"

    settings: StaticSettings


class ApplicationSettings(Part, frozen=True, kw_only=True):
    """How an application is started.

    In ``start`` and ``environment`` the agent fills in what `agent.application` gives: where to
    listen, and the database.
    """

    folder: str  #: of its files, in which it runs
    host: str
    port: int
    #: null: an application does not tell who it is, so that its process must own the port
    nonce: None = None
    health: str  #: path that it answers once it serves
    start: list[str]
    environment: dict[str, str]
    database: Address


class ApplicationSpec(_Started, frozen=True, kw_only=True, tag="application"):
    """An application under test that the agent starts, with the programs of its stack on PATH."""

    settings: ApplicationSettings


class Served(Part, frozen=True, kw_only=True, tag_field="is", tag="served"):
    """A server that another host's agent has started; its answers contain the nonce."""

    host: str
    port: int
    nonce: str | None  #: null for an application
    health: str = "/health"  #: path that it answers


type Deployable = ServiceSpec | ApplicationSpec
"""What a subject of a plan is served by."""


class DatabaseSpec(Part, frozen=True, kw_only=True):
    """The run's database, as one host sees it."""

    server: Server
    name: str  #: of the database on it
    identity: str  #: of the server (`DatabaseClient.identity`)
    #: from which the agent restores the database first; null to use it as it is
    template: str | None
    server_pid: int | None  #: of the server's first process
    log: str | None  #: path of the server's log


class KillSpec(Part, frozen=True, kw_only=True):
    """Database connections that the server ends, at most so many, ``at_s`` after the load began."""

    at_s: float
    connections: int


class RemoteSpec(Part, frozen=True, kw_only=True):
    """Where another agent of the trial listens, and the word that only these two agents know."""

    role: Literal["app", "db"]
    host: str
    port: int
    word: str


class KeepDatabase(Part, frozen=True, kw_only=True, tag_field="kind", tag="database"):
    """Keep a database server running during a run."""

    database: str  #: which one it is: a folder of `workloads.databases`
    cluster: str  #: folder of its files
    binaries: str  #: folder of its programs
    port: int
    cpus: list[int]
    settings: dict[str, str]  #: of the server, besides the lab's own
    #: folder of the server's configuration, where a role has made its files; null where the agent
    #: makes them
    configuration: str | None = None
    listen: str | None = None  #: an address besides loopback; null for none
    allow: tuple[str, ...] = ()  #: addresses of the hosts that may connect to it


class RunCommand(Part, frozen=True, kw_only=True, tag_field="kind", tag="command"):
    """Run a program to its end; ``env`` is added to the variables of its kind."""

    argv: list[str]
    env: dict[str, str]
    program: Program = "tool"


class CheckService(Part, frozen=True, kw_only=True, tag_field="kind", tag="check"):
    """Run a program against a service on a throwaway database."""

    service: ServiceSpec
    cpus: list[int]
    database: DatabaseSpec
    #: the program and its arguments; ``{url}`` stands for the service's address, ``{folder}`` for
    #: the order's folder
    argv: list[str]


class Diagnose(Part, frozen=True, kw_only=True, tag_field="kind", tag="diagnose"):
    """Find out what requests of a subject cost the database."""

    service: Deployable
    database: DatabaseSpec
    task: AnyTask


class Tables(Part, frozen=True, kw_only=True):
    """A workload's requests, as files on the host of the load."""

    measured: str  #: path of those of the window
    warmup: str  #: of those before it; the same where repeating them does no harm
    repeatable: bool  #: whether a generator may start again at their top


class LoadSpec(Part, frozen=True, kw_only=True):
    """A load of the plan, and what it sends."""

    load: AnyLoad  #: as the plan has it
    tables: Tables  #: of its workload
    seed: int  #: of the block


class FindFloor(Part, frozen=True, kw_only=True, tag_field="kind", tag="floor"):
    """Drive the endpoint that does no work."""

    endpoint: StaticSpec | Served
    load: LoadSpec
    placement: Placement


class Profile(Part, frozen=True, kw_only=True, tag_field="kind", tag="profile"):
    """Look where a service spends CPU time or memory, in a process that no trial measures."""

    profiler: Profiler
    service: ServiceSpec
    database: DatabaseSpec
    load: LoadSpec  #: by which the service is driven, or whose requests it gets one by one
    placement: Placement
    tools: str  #: folder of the environment that has the profilers


class DeployedSpec(Part, frozen=True, kw_only=True):
    """One subject of a deployment: its service, and the database that it alone uses."""

    service: Deployable | Served
    database: DatabaseSpec


def folder_of(subject: str) -> str:
    """Where an agent keeps a subject's files, below the folder of the order.

    A trial of one subject need not tell it apart: its name is empty, and the folder is the order's.
    """
    return f"subjects/{subject}" if subject else "."


class _Driven(Part, frozen=True, kw_only=True, tag_field="kind"):
    """A load, where everything runs, and what is done around it."""

    load: LoadSpec
    placement: Placement
    kills: tuple[KillSpec, ...] = ()  #: faults of the database connections
    probes: tuple[KnownRequest, ...] = ()  #: requests whose answers are known
    remotes: tuple[RemoteSpec, ...] = ()  #: agents of the trial on other hosts


class RunTrial(_Driven, frozen=True, kw_only=True, tag="trial"):
    """Measure one subject under one load."""

    service: Deployable | Served
    database: DatabaseSpec


class RunSideBySide(_Driven, frozen=True, kw_only=True, tag="side-by-side"):
    """Measure several subjects that are all alive under one load: a trial of each."""

    subjects: dict[str, DeployedSpec]  #: by subject


class Observe(Part, frozen=True, kw_only=True, tag_field="kind", tag="observe"):
    """Watch this host during a trial that another host drives."""

    listen: str  #: address on which the agent waits for the driver
    word: str  #: by which the driver proves itself
    placement: Placement
    server: Server
    server_pid: int | None
    log: str | None


class ServedSpec(Part, frozen=True, kw_only=True):
    """A server that this host starts for another host's trial, and the database to restore."""

    service: Deployable | StaticSpec
    database: DatabaseSpec | None


class Serve(Observe, frozen=True, kw_only=True, tag="serve"):
    """Start services as well, and stop them at the end."""

    subjects: dict[str, ServedSpec]  #: by subject; of one alone, by an empty name


type Work = (
    KeepDatabase
    | RunCommand
    | CheckService
    | Diagnose
    | FindFloor
    | RunTrial
    | RunSideBySide
    | Observe
    | Profile
    | Serve
)


class Order(Record, frozen=True, kw_only=True):
    """One order to an agent."""

    SCHEMA: ClassVar[str] = "order/7"

    schema: Literal["order/7"] = "order/7"
    heartbeat: str  #: path of a file whose modification time the orchestrator keeps changing
    heartbeat_timeout_s: float  #: the agent stops everything after so long without a change
    deadline_s: float  #: the agent stops everything after so long, whatever happens
    cpus: list[int] | None  #: of the agent itself; null leaves them as they are
    work: Work


def read(path: Path) -> Order:
    """Read an order file.

    Raises:
        OSError: there is none.
        ValueError: it is no valid order of this version; the message names the place in it.
    """
    try:
        raw = parse(path.read_bytes())
        schema = raw.get("schema") if isinstance(raw, dict) else None
        if schema != Order.SCHEMA:
            raise ValueError(f"schema is {schema!r}, this agent knows {Order.SCHEMA}")  # noqa: TRY301
        return convert(raw, Order)
    except ValueError as wrong:
        raise ValueError(f"{path}: {wrong}") from None
