"""What a run found out about its hosts, their database server and its rows."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from msgspec import UNSET, Meta, UnsetType, to_builtins

from bundle.codec import Document, Json, Part
from bundle.values import BundleId, Commit, Count, Sha256
from host.levels import Tier

type Port = Annotated[int, Meta(ge=1, le=65535)]
type Value = str | int | float | bool | list[str | int] | None


class Topology(Part, frozen=True, kw_only=True):
    """Online CPUs of the host.

    Attributes:
        cores: CPUs of each core.
        l3: cores, by index, of each L3 cache.
    """

    cores: list[list[int]]
    l3: list[list[int]]


class Facts(Part, frozen=True, kw_only=True):
    """Facts of a host; null where it does not tell. ``host.items.FACTS`` has their sources.

    Attributes:
        cpu_model: name of the processor.
        topology: online CPUs.
        memory_bytes: physical memory.
        virtual: whether the kernel runs under a hypervisor.
        distribution: name and version.
        kernel: release.
        governor: cpufreq governors in use.
        boost: ``on``, ``off`` or ``mixed``.
        smt: ``1`` while siblings are active.
        aslr: randomize_va_space.
        thp: transparent huge pages.
        clocksource: of the kernel.
        swap_bytes: configured swap.
        wrk: first line of ``wrk --version``.
        environment: variables that programs of the run start with, by kind of program.
        load_1m: load average.
        memory_available_bytes: memory that can be had without swapping.
    """

    cpu_model: str | None = None
    topology: Topology | None = None
    memory_bytes: int | None = None
    virtual: bool | None = None
    distribution: str | None = None
    kernel: str | None = None
    governor: list[str] | None = None
    boost: str | None = None
    smt: str | None = None
    aslr: str | None = None
    thp: str | None = None
    clocksource: str | None = None
    swap_bytes: int | None = None
    wrk: str | None = None
    environment: dict[str, Any] | None = None
    load_1m: float | None = None
    memory_available_bytes: int | None = None


class Placement(Part, frozen=True, kw_only=True, omit_defaults=True):
    """CPUs by purpose, and the tier that this reaches.

    Attributes:
        service: CPUs of the service.
        load: CPUs of the generator.
        database: CPUs of the database server.
        housekeeping: CPUs of everything else.
        tier: how well these are kept apart.
        layout: name of the layout; missing in older bundles.
    """

    service: list[Count]
    load: list[Count]
    database: list[Count]
    housekeeping: list[Count]
    tier: Tier
    layout: str | None = None


class HostFacts(Document, frozen=True, kw_only=True, omit_defaults=True):
    """``host/facts.before.json``, ``facts.after.json``: what decides whether results compare.

    Attributes:
        schema: the version of this format.
        facts: of the host.
        identity: keys of the facts that make up the host fingerprint.
        placement: CPUs by purpose.
        hostname: taken out before the seal.
    """

    PATH: ClassVar[str] = "host/facts.before.json"

    schema: Literal["host-facts/1"]
    facts: Facts
    identity: list[str]
    placement: Placement
    hostname: str | UnsetType = UNSET

    @property
    def identifying(self) -> dict[str, Json]:
        """The facts of the host fingerprint by key, as the document has them, and the tier.

        Raises:
            KeyError: ``identity`` names something that is no fact.
        """
        facts = {key: getattr(self.facts, key) for key in Facts.__struct_fields__}
        plain: dict[str, Json] = {key: to_builtins(facts[key]) for key in self.identity}
        return plain | {"tier": self.placement.tier}

    @property
    def host_class(self) -> str:
        """``physical, exclusive-l3`` or ``virtual, degraded``: where absolute values carry over."""
        return f"{'virtual' if self.facts.virtual else 'physical'}, {self.placement.tier}"


class Reading(Part, frozen=True, kw_only=True):
    """One reading of a host.

    Attributes:
        value: null if it cannot be read.
        unit: null where it has none.
        reason: why the value is null.
    """

    value: Value
    unit: str | None
    reason: str | None


class HostReadings(Document, frozen=True, kw_only=True):
    """``host/readings.before.json``, ``readings.after.json``: what decides whether to measure.

    Attributes:
        schema: the version of this format.
        interval_s: seconds over which shares were taken.
        readings: by key.
    """

    PATH: ClassVar[str] = "host/readings.before.json"

    schema: Literal["host-readings/1"]
    interval_s: float
    readings: dict[str, Reading]


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
    """A task of a play.

    Attributes:
        role: that it belongs to.
        task: its name.
        place: file and line.
        outcome: how it ended.
        seconds: it took.
    """

    role: str
    task: str
    place: str
    outcome: Ending
    seconds: float


class Provision(Document, frozen=True, kw_only=True):
    """``host/provision/<host>-<started>-<playbook>.json``: how a host was set up before the run.

    Attributes:
        schema: the version of this format.
        playbook: its name.
        host: its name in the bundle.
        started: ISO 8601.
        seconds: the play took.
        complete: whether it came to its end on this host.
        counts: tasks by how they ended.
        tasks: in order; none of their output.
    """

    PATH: ClassVar[str] = "host/provision/{play}.json"

    schema: Literal["provision/1"]
    playbook: str
    host: str
    started: str
    seconds: float
    complete: bool
    counts: dict[Ending, Count]
    tasks: list[Task]


class Ports(Document, frozen=True, kw_only=True, omit_defaults=True):
    """``host/ports.json``: TCP ports of the run on a host.

    Attributes:
        schema: the version of this format.
        named: those that the inventory names; the others were drawn.
        postgres: of the database server, if it is here.
        services: by subject, if they are here.
    """

    PATH: ClassVar[str] = "host/ports.json"

    schema: Literal["ports/1"]
    named: list[Literal["postgres", "services"]]
    postgres: Port | UnsetType = UNSET
    services: dict[str, Port] | UnsetType = UNSET


class Fingerprint(Document, frozen=True, kw_only=True):
    """``host/fingerprint.json``: digest of the facts that decide comparability."""

    PATH: ClassVar[str] = "host/fingerprint.json"

    sha256: Sha256


class Server(Document, frozen=True, kw_only=True):
    """``host/postgres.json``: the database server.

    Attributes:
        version: of PostgreSQL.
        settings: by name, as the server shows them.
        made: whether the lab made the cluster.
    """

    PATH: ClassVar[str] = "host/postgres.json"

    version: str
    settings: dict[str, str]
    made: bool


class Seeded(Document, frozen=True, kw_only=True, omit_defaults=True):
    """``host/dataset.json``: the rows that were measured on.

    Attributes:
        schema: the version of this format.
        database: name of the template database.
        digest: of what decides the rows.
        rows: by table.
        checksums: by table, of its rows.
        reused: whether an earlier run had made it.
        seconds: of each step that made it; null where an earlier run had.
    """

    PATH: ClassVar[str] = "host/dataset.json"

    schema: Literal["ormlab-seed/1"]
    database: str
    digest: Sha256
    rows: dict[str, Count]
    checksums: dict[str, Sha256]
    reused: bool = False
    seconds: dict[str, float] | None = None


class Source(Document, frozen=True, kw_only=True, omit_defaults=True):
    """``inputs/source.json``: the source that measured; null where git vouches for none.

    Attributes:
        commit: of the checkout.
        dirty: whether the source differs from the commit.
        version: of the lab.
        shipped: SHA-256 of the code that was shipped to the hosts; missing in early versions.
        reason: why there is no commit.
        added: SHA-256 by path of the files that the commit does not have.
    """

    PATH: ClassVar[str] = "inputs/source.json"

    commit: Commit | None
    dirty: bool | None
    version: str
    shipped: Sha256 | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    added: dict[str, Sha256] | UnsetType = UNSET


class Rerun(Document, frozen=True, kw_only=True):
    """``inputs/rerun.json``: the bundle whose plan and inputs were run again."""

    PATH: ClassVar[str] = "inputs/rerun.json"

    schema: Literal["rerun/1"]
    bundle: BundleId
    seal: Sha256
