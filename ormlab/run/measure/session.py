"""One run at work on its hosts: contract, diagnosis, floors, trials."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, TypedDict

from msgspec.structs import asdict

from agent.answers import Done, SideReadings
from agent.orders import (
    CheckService,
    DeployedSpec,
    Diagnose,
    FindFloor,
    LoadSpec,
    Observe,
    RunSideBySide,
    RunTrial,
    Serve,
    ServedSpec,
    ServiceSpec,
    Tables,
    folder_of,
)
from bundle.documents.failure import Failure
from bundle.documents.readings import TrialReadings
from bundle.documents.services import Observed, SchemaOutcome
from ormlab.base.errors import LoadError
from ormlab.plan import meaning
from ormlab.run.measure import apart, making, orders
from ormlab.run.measure.conducting import Part, conduct
from ormlab.run.measure.database import Database
from ormlab.run.measure.deployment import read_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from agent.answers import PartReadings
    from agent.orders import DatabaseSpec, Deployable, KillSpec, Placement
    from bundle.documents.host import Seeded
    from bundle.documents.readings import Environment
    from bundle.documents.services import StackOutcome
    from ormlab.plan import Plan, Planned
    from ormlab.run.measure.redaction import Redactor
    from ormlab.run.measure.site import Site
    from ormlab.run.measure.station import Fetched, Station
    from workloads.diagnosis.answers import KnownRequest

_CHECK_DEADLINE_S = 300.0
_LOOPBACK = "127.0.0.1"

BESIDE_FAILURE: Final = "beside-failure"
"""The failure of a trial beside which another subject failed."""


class Carried(NamedTuple):
    """What was left of one trial."""

    folders: tuple[Path, ...]  #: of raw files: its own, and one of all trials with it
    done: Done[TrialReadings]  #: how it ended


class _Driven(TypedDict):
    """What the orders of one subject and of several have in common."""

    load: LoadSpec
    kills: tuple[KillSpec, ...]
    placement: Placement
    probes: tuple[KnownRequest, ...]


@dataclass
class Session:
    """A run whose hosts, stacks, database server and rows are ready."""

    site: Site  #: the hosts
    tables: Mapping[str, Tables]  #: the requests of each workload, as files on the host of the load
    stacks: Mapping[str, StackOutcome]  #: the outcome of making each stack
    databases: Mapping[str, Database]  #: the server of each database of the plan, by its name
    #: by subject, the template database of its rows
    seeded: Mapping[str, Seeded]
    #: by stack, the folder of its profilers; none where the plan asks for none
    tools: Mapping[str, str] = field(default_factory=dict)
    #: databases that are as their template says, and which that is
    _fresh: dict[str, str] = field(default_factory=dict, init=False)

    @property
    def redactor(self) -> Redactor:
        """Masks what identifies the hosts and their users, and the password of the database."""
        passwords = {word for each in self.databases.values() for word in each.passwords}
        return self.site.redactor.knowing({"secret": passwords})

    def check(self, subject: str) -> Fetched[Observed]:
        """Run the contract suite against a subject; the next user restores the database."""
        app = self.site.app
        argv = [app.deployment.python, "-m", "workloads.contract", "--url", "{url}"]
        argv += ["--json", "--samples", "{folder}/samples", "--database", Database.name]
        argv += making.program_options(self._plan, self._of(subject), app)
        resolved = self.site.resolved
        manifest = resolved.services[resolved.subjects[subject].service].manifest
        argv += [part for name in manifest.cannot for part in ("--cannot", name)]
        service = self.service(subject)
        if not isinstance(service, ServiceSpec):
            raise TypeError(f"{subject} is an application, which has no contract")
        work = CheckService(
            service=service,
            cpus=app.cpus("service"),
            database=self.restored(app, subject),
            argv=argv,
        )
        name = f"check-{subject}"
        return app.wait(app.dispatch.place(name, work, Observed, deadline_s=_CHECK_DEADLINE_S))

    def make_schema(self, subject: str, tool: str) -> SchemaOutcome:
        """Let a tool of a subject's ORM make the schema, and compare it with the dataset's.

        Raises:
            LoadError: nothing could be compared.
        """
        app, name = self.site.app, f"schema-{subject}"
        lab, declared = app.deployment, self.site.resolved.subjects[subject]
        environment = f"{lab.environments}/{self.stacks[declared.stack].environment}"
        argv = [lab.python, "-m", "workloads.migrations", "--service", declared.service]
        argv += ["--tool", tool, "--programs", f"{environment}/bin"]
        argv += [
            part
            for key, told in self._of(subject).options(app).items()
            for part in (f"--{key}", told)
        ]
        status, said = app.dispatch.command(name, argv, deadline_s=_CHECK_DEADLINE_S)
        where = f"{app.name}:{app.folder}/{name}/log.txt"
        if status != 0:
            raise LoadError(
                "schema-made",
                f"comparing the schema by {tool} ended with {status}: {app.last_said(name)}",
                where=where,
                hint="read that log; a full disk is the usual cause",
            )
        return read_answer(said, SchemaOutcome, where=where)

    @contextmanager
    def statement_log(self) -> Iterator[None]:
        """Serve from servers that can record statements; afterwards from such as record none.

        Raises:
            LoadError: one still records statements, so trials would not be what they seem.
        """
        for database in self.databases.values():
            database.restart(database.client.recording_settings)
        yield
        for database in self.databases.values():
            database.restart()
            logging = database.running.logging
            if logging != database.client.silent:
                db = self.site.db
                raise LoadError(
                    "statements-logged",
                    f"the server would log while it is measured: {logging}",
                    where=f"{db.name}:{db.deployment.root}/{database.kind}",
                    hint="`make clean` removes the private server",
                )

    def diagnose(self, subject: str) -> Fetched[Observed]:
        """Record what requests to a subject cost the database, and its answers to them."""
        app = self.site.app
        # Some ORMs write columns in the order of a set: the same plan gives the same SQL.
        drawn = orders.environment(self._plan.seed, block=0)
        work = Diagnose(
            service=self.service(subject, drawn),
            database=self.restored(app, subject),
            task=orders.task_of(self._plan),
        )
        name = f"diagnose-{subject}"
        return app.wait(app.dispatch.place(name, work, Observed, deadline_s=_CHECK_DEADLINE_S))

    def floor(self, load: str) -> Fetched[Observed] | None:
        """Measure the floor of a load's generator; None if it has none."""
        station, app = self.site.load, self.site.app
        shortened = self._plan.loads[load].shortened()
        if shortened is None:
            return None
        local = self.site.scratch / "floor.tsv"
        table = f"{station.folder}/{local.name}"
        reads = Tables(measured=table, warmup=table, repeatable=True)
        making.ship(orders.floor_table(self._plan), station, local)
        program = orders.Program(
            python=app.deployment.python,
            code=app.deployment.code,
            variables={},
            host=self._address,
            port=app.ports.services,
        )
        endpoint = orders.static_spec(program, payload_bytes=orders.payload_bytes(self._plan))
        alone = {"": ServedSpec(service=endpoint, database=None)}
        parts = [] if app is station else [self._serving(alone)]
        work = FindFloor(
            endpoint=orders.served(endpoint) if parts else endpoint,
            load=LoadSpec(load=shortened, tables=reads, seed=self._plan.seed),
            placement=station.placement,
        )
        return conduct(
            f"floor-{load}",
            station,
            work,
            parts,
            observes=Observed,
            whole=apart.floor,
            deadline_s=orders.deadline_s(self._plan.loads[load], 1),
        )

    def carry_out(self, group: Sequence[Planned]) -> dict[Planned, Carried]:
        """Carry out trials that belong together; a failed one is an outcome, not an error."""
        if self._plan.loads[group[0].load].side_by_side:
            return self._side_by_side(group)
        (trial,) = group
        deployed, parts = self._deployed(trial.block, {"": (trial.subject, Database.name)})
        alone = deployed[""]
        work = RunTrial(service=alone.service, database=alone.database, **self._driven(trial))
        fetched = self._conduct(trial, work, parts, TrialReadings, apart.observation)
        if fetched.done.failure is None:
            self._fresh[Database.name] = self.seeded[trial.subject].database
        return {trial: Carried((fetched.folder,), fetched.done)}

    def _side_by_side(self, group: Sequence[Planned]) -> dict[Planned, Carried]:
        """Each subject has a database of its own, whose rows and counters no other one touches."""
        first = group[0]
        seats = self._seats(first.block)
        databases = {trial: f"{Database.name}_{seats[trial.subject] + 1}" for trial in group}
        named = {trial.subject: (trial.subject, name) for trial, name in databases.items()}
        subjects, parts = self._deployed(first.block, named)
        work = RunSideBySide(subjects=subjects, **self._driven(first))
        fetched = self._conduct(first, work, parts, SideReadings, apart.together)
        done, carried = fetched.done, {}
        for trial, name in databases.items():
            failure = done.failure
            if failure is None:
                self._fresh[name] = self.seeded[trial.subject].database
            elif done.observed.failed not in (None, trial.subject):
                failure = _beside(done.observed.failed, failure)
            observed = done.observed.trials.get(trial.subject, TrialReadings())
            own = Done(
                started=done.started,
                ended=done.ended,
                failure=failure,
                ended_by_force=done.ended_by_force,
                observed=observed,
            )
            alone = fetched.folder / folder_of(trial.subject)
            carried[trial] = Carried((alone, fetched.folder), own)
        return carried

    def _deployed(
        self, block: int, named: Mapping[str, tuple[str, str]]
    ) -> tuple[dict[str, DeployedSpec], list[Part]]:
        """How subjects are deployed, as the host of the load sees it, and what other hosts do.

        Args:
            block: of the trials.
            named: each subject and its database, by the name that the orders have for it.
        """
        app, db, station = self.site.app, self.site.db, self.site.load
        drawn = orders.environment(self._plan.seed, block)
        seats = self._seats(block)
        deployed: dict[str, DeployedSpec] = {}
        served: dict[str, ServedSpec] = {}
        for key, (subject, name) in named.items():
            service = self.service(subject, drawn, seat=seats[subject], database=name)
            template = self._template(name, subject)
            if app is not station:  # which also restores the database before it starts the service
                seen = self._of(subject).seen_from(app, template=template, name=name)
                served[key] = ServedSpec(service=service, database=seen)
                template = None
            deployed[key] = DeployedSpec(
                service=service if app is station else orders.served(service),
                database=self._of(subject).seen_from(station, template=template, name=name),
            )
        parts = [self._serving(served)] if served else []
        if db not in (app, station):
            parts.append(Part("db", db, self._watching(db)))
        return deployed, parts

    def _driven(self, trial: Planned) -> _Driven:
        """What an order has of the load that a trial is under."""
        load, seed = self._plan.loads[trial.load], self._plan.seed + trial.block
        return {
            "load": LoadSpec(load=load, tables=self.tables[trial.workload], seed=seed),
            "kills": orders.kills(load, seed=seed),
            "placement": self.site.load.placement,
            "probes": tuple(orders.task_of(self._plan).probes()),
        }

    def _conduct[T](
        self,
        trial: Planned,
        work: RunTrial | RunSideBySide,
        parts: Sequence[Part],
        observes: type[T],
        whole: Callable[[T, Mapping[str, PartReadings]], T],
    ) -> Fetched[T]:
        load, count = self._plan.loads[trial.load], len(self.site.subjects)
        return conduct(
            trial.id,
            self.site.load,
            work,
            parts,
            observes=observes,
            whole=whole,
            deadline_s=orders.deadline_s(load, count if load.side_by_side else 1),
        )

    def _template(self, name: str, subject: str) -> str | None:
        """What a database is restored from before a trial; None to take it as it is.

        All trials of a plan find the database equally cold, whichever trial came before.
        """
        writes = any(meaning.writes(self._plan, each) for each in self._plan.workloads.values())
        template = self.seeded[subject].database
        is_fresh = self._fresh.pop(name, None) == template  # until the trial has left it so
        return template if writes or not is_fresh else None

    def _seats(self, block: int) -> dict[str, int]:
        return orders.seats(self._plan.seed, block, self.site.subjects)

    def beat(self) -> None:
        """Keep the agents waiting while nothing is asked of them."""
        self.site.app.dispatch.beat()

    def revive_database(self) -> bool:
        """Start a database server again if it has ended; returns whether one had."""
        died = [each for each in self.databases.values() if each.has_died()]
        for each in died:
            each.restart()
        return bool(died)

    def _of(self, subject: str) -> Database:
        """The server that a subject uses."""
        return self.databases[self._plan.database_of(self.site.resolved.subjects[subject])]

    @property
    def _plan(self) -> Plan:
        return self.site.resolved.plan

    @property
    def _address(self) -> str:
        """Where services listen: only the load connects to them."""
        return _LOOPBACK if self.site.app is self.site.load else self.site.app.host.spec.reach

    def restored(self, station: Station, subject: str) -> DatabaseSpec:
        """The run's database, to be restored and then changed by whoever uses it."""
        self._fresh.pop(Database.name, None)
        return self._of(subject).seen_from(station, template=self.seeded[subject].database)

    def _watching(self, station: Station) -> Observe:
        """What a host that does not drive the load watches."""
        # Hosts watch each other where PostgreSQL is measured alone; others are on loopback.
        server = next(iter(self.databases.values())).seen_from(station, template=None)
        return Observe(
            listen=station.host.spec.reach,
            word=secrets.token_hex(16),
            placement=station.placement,
            server=server.server,
            server_pid=server.server_pid,
            log=server.log,
        )

    def _serving(self, subjects: dict[str, ServedSpec]) -> Part:
        """The part of the host that holds servers which another host drives."""
        watching = asdict(self._watching(self.site.app))
        return Part("app", self.site.app, Serve(**watching, subjects=subjects))

    def service(
        self,
        subject: str,
        drawn: Environment | None = None,
        *,
        seat: int | None = None,
        database: str = Database.name,
    ) -> Deployable:
        """How a subject's service is started; without a seat it has its place in the plan."""
        place = self.site.subjects.index(subject) if seat is None else seat
        return making.startable(
            self.site,
            self.stacks,
            subject,
            address=(self._address, self.site.app.ports.services + place),
            server=self._of(subject).server(self.site.app),
            database=database,
            environment=drawn,
        )


def _beside(subject: str | None, failure: Failure) -> Failure:
    return Failure(
        code=BESIDE_FAILURE,
        what=f"measured beside {subject}, which failed with {failure.code}: {failure.what}",
        where=failure.where,
        hint="the trial is recorded as failed, and repeated without that subject",
    )
