"""What a run recorded about its hosts, their database server and its rows."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from msgspec import UNSET, Meta, UnsetType, to_builtins

from bundle.codec import Document, Json, Part
from bundle.values import BundleId, Commit, Count, Sha256
from host.levels import Tier

type Port = Annotated[int, Meta(ge=1, le=65535)]
type Value = str | int | float | bool | list[str | int] | None


class Topology(Part, frozen=True, kw_only=True):
    """Online CPUs of the host."""

    cores: list[list[int]]  #: CPUs of each core
    l3: list[list[int]]  #: cores, by index, of each L3 cache


class Facts(Part, frozen=True, kw_only=True):
    """Facts of a host; null where it offers none. ``host.items.FACTS`` has their sources."""

    cpu_model: str | None = None  #: name of the processor
    topology: Topology | None = None  #: online CPUs
    memory_bytes: int | None = None  #: physical memory
    virtual: bool | None = None  #: whether the kernel runs under a hypervisor
    distribution: str | None = None  #: name and version of the distribution
    kernel: str | None = None  #: release of the kernel
    governor: list[str] | None = None  #: cpufreq governors in use
    boost: str | None = None  #: ``on``, ``off`` or ``mixed``
    smt: str | None = None  #: ``1`` while siblings are active
    aslr: str | None = None  #: value of randomize_va_space
    thp: str | None = None  #: mode of transparent huge pages
    clocksource: str | None = None  #: clocksource of the kernel
    swap_bytes: int | None = None  #: configured swap
    wrk: str | None = None  #: first line of ``wrk --version``
    #: variables that programs of the run start with, by kind of program
    environment: dict[str, Any] | None = None
    load_1m: float | None = None  #: load average over one minute
    memory_available_bytes: int | None = None  #: memory that can be had without swapping


class Placement(Part, frozen=True, kw_only=True, omit_defaults=True):
    """CPUs by purpose, and the tier that this reaches."""

    service: list[Count]  #: CPUs of the service
    load: list[Count]  #: CPUs of the generator
    database: list[Count]  #: CPUs of the database server
    housekeeping: list[Count]  #: CPUs of everything else
    tier: Tier  #: tier that this placement reaches
    layout: str | None = None  #: name of the layout; missing in older bundles
    #: reasons for the choice and for the tier, a sentence each; missing in older bundles
    why: list[str] | UnsetType = UNSET


class HostFacts(Document, frozen=True, kw_only=True, omit_defaults=True):
    """``host/facts.before.json``, ``facts.after.json``: what decides whether results compare."""

    PATH: ClassVar[str] = "host/facts.before.json"

    schema: Literal["host-facts/1"]
    facts: Facts
    identity: list[str]  #: keys of the facts that make up the host fingerprint
    placement: Placement  #: CPUs by purpose
    hostname: str | UnsetType = UNSET  #: the lab removes it before the seal

    @property
    def identifying(self) -> dict[str, Json]:
        """The facts of the host fingerprint by key, as the document has them, and the tier.

        Raises:
            KeyError: ``identity`` names something that is not a fact.
        """
        facts = {key: getattr(self.facts, key) for key in Facts.__struct_fields__}
        plain: dict[str, Json] = {key: to_builtins(facts[key]) for key in self.identity}
        return plain | {"tier": self.placement.tier}

    @property
    def host_class(self) -> str:
        """``physical, exclusive-l3`` or the like: absolute values compare within one class."""
        return f"{'virtual' if self.facts.virtual else 'physical'}, {self.placement.tier}"


class Reading(Part, frozen=True, kw_only=True):
    """One reading of a host."""

    value: Value  #: null if the host cannot be read
    unit: str | None  #: null where the value has none
    reason: str | None  #: why the value is null


class HostReadings(Document, frozen=True, kw_only=True):
    """``host/readings.before.json``, ``readings.after.json``: what decides whether to measure."""

    PATH: ClassVar[str] = "host/readings.before.json"

    schema: Literal["host-readings/1"]
    interval_s: float  #: seconds over which shares were taken
    readings: dict[str, Reading]  #: readings by key


class Moved(Part, frozen=True, kw_only=True):
    """A fact that changed between the first trial and the last."""

    before: Any
    after: Any


type Drift = Annotated[
    dict[str, Moved],
    Meta(
        title="Drift",
        description="``host/drift.json``: facts that changed between the first trial and the last.",
    ),
]
type Ending = Literal["ok", "changed", "skipped", "failed", "unreachable"]
"""How a task of Ansible ended on a host."""


class Task(Part, frozen=True, kw_only=True):
    """A task of a play."""

    role: str  #: role that the task belongs to
    task: str  #: name of the task
    place: str  #: file and line
    outcome: Ending  #: how the task ended
    seconds: float  #: duration of the task


class Provision(Document, frozen=True, kw_only=True):
    """``host/provision/<host>-<started>-<playbook>.json``: how a host was set up before the run."""

    PATH: ClassVar[str] = "host/provision/{play}.json"

    schema: Literal["provision/1"]
    playbook: str  #: name of the playbook
    host: str  #: name of the host in the bundle
    started: str  #: ISO 8601
    seconds: float  #: duration of the play
    complete: bool  #: whether the play came to its end on this host
    counts: dict[Ending, Count]  #: number of tasks by how they ended
    tasks: list[Task]  #: tasks in their order, without their output


class Ports(Document, frozen=True, kw_only=True, omit_defaults=True):
    """``host/ports.json``: TCP ports of the run on a host."""

    PATH: ClassVar[str] = "host/ports.json"

    schema: Literal["ports/1"]
    #: ports that the inventory names; the lab drew the others
    named: list[Literal["postgres", "services"]]
    postgres: Port | UnsetType = UNSET  #: port of PostgreSQL, if it runs on this host
    #: ports of the servers of other databases, by the name of the database
    databases: dict[str, Port] | UnsetType = UNSET
    #: ports by subject before the first trial, if the services run on this host; each block draws
    #: them anew among the subjects, and a trial's readings have its own
    services: dict[str, Port] | UnsetType = UNSET


class Fingerprint(Document, frozen=True, kw_only=True):
    """``host/fingerprint.json``: digest of the facts that decide comparability."""

    PATH: ClassVar[str] = "host/fingerprint.json"

    sha256: Sha256


class Server(Document, frozen=True, kw_only=True, omit_defaults=True):
    """``host/postgres.json``, and ``host/<database>-server.json`` of another: the server."""

    PATH: ClassVar[str] = "host/postgres.json"
    OF_OTHER: ClassVar[str] = "host/{database}-server.json"

    #: name of the database, for readers; missing in a document of PostgreSQL
    title: str | UnsetType = UNSET
    version: str  #: version of the server
    settings: dict[str, str]  #: settings by name, as the server shows them
    made: bool  #: whether the lab made its files

    @classmethod
    def path_of(cls, database: str) -> str:
        """The path of the document of a database, by its name in plans."""
        return cls.PATH if database == "postgresql" else cls.OF_OTHER.format(database=database)

    @property
    def heading(self) -> str:
        """The name of the database and the version of the server, for readers."""
        return f"{self.title or 'PostgreSQL'} {self.version}"


class Seeded(Document, frozen=True, kw_only=True, omit_defaults=True):
    """``host/dataset.json``: the rows of the database that the services read.

    Each application has rows of its own, in ``services/<subject>/dataset.json``; then these are
    those of the first.
    """

    PATH: ClassVar[str] = "host/dataset.json"
    OF_SUBJECT: ClassVar[str] = "services/{subject}/dataset.json"

    schema: Literal["ormlab-seed/1"]
    database: str  #: name of the template database
    digest: Sha256  #: digest of all that decides the rows
    rows: dict[str, Count]  #: number of rows by table
    checksums: dict[str, Sha256]  #: checksum of the rows by table
    reused: bool = False  #: whether an earlier run made the database
    #: duration of each step that made the database; null where an earlier run made it
    seconds: dict[str, float] | None = None


class Source(Document, frozen=True, kw_only=True, omit_defaults=True):
    """``inputs/source.json``: the lab's own source; null where there is no git checkout."""

    PATH: ClassVar[str] = "inputs/source.json"

    commit: Commit | None  #: commit of the checkout
    dirty: bool | None  #: whether the source differs from the commit
    version: str  #: version of the lab
    #: SHA-256 of the code that was shipped to the hosts; missing in early versions
    shipped: Sha256 | UnsetType = UNSET
    reason: str | UnsetType = UNSET  #: why there is no commit
    #: SHA-256 by path of the files that the commit does not have
    added: dict[str, Sha256] | UnsetType = UNSET


class SlurmTask(Part, frozen=True, kw_only=True):
    """The array task of Slurm that carried out a run."""

    job: Count  #: id of the task's own job (``SLURM_JOB_ID``)
    array_job: Count  #: id of the array (``SLURM_ARRAY_JOB_ID``)
    index: Count  #: its place in the array (``SLURM_ARRAY_TASK_ID``)
    #: how often Slurm had begun the task before, on this node or another (``SLURM_RESTART_COUNT``);
    #: this bundle has the trials of its last attempt alone
    restarts: Count


class FleetRun(Document, frozen=True, kw_only=True):
    """``inputs/fleet.json``: which of several runs of one plan this is, and what started it."""

    PATH: ClassVar[str] = "inputs/fleet.json"

    schema: Literal["fleet-run/1"]
    fleet: BundleId  #: id of the fleet
    run: Annotated[int, Meta(ge=1)]  #: number of this run, from 1
    runs: Annotated[int, Meta(ge=1)]  #: how many runs the fleet was to have
    #: SHA-256 of the cluster's name, a line break and the node's name: two bundles of one node have
    #: the same, and no node is named
    node: Sha256
    #: null where the run was placed on a host of an inventory; `node` is then the digest of a line
    #: break and the name of that host
    slurm: SlurmTask | None


class Rerun(Document, frozen=True, kw_only=True):
    """``inputs/rerun.json``: the bundle whose plan and inputs were run again."""

    PATH: ClassVar[str] = "inputs/rerun.json"

    schema: Literal["rerun/1"]
    bundle: BundleId
    seal: Sha256
