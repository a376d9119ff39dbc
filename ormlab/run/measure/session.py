"""One run at work on its hosts: contract, diagnosis, floors, trials."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from agent.orders import (
    CheckService,
    Diagnose,
    FindFloor,
    LoadSpec,
    Observe,
    RunTrial,
    Serve,
    Tables,
)
from bundle.documents.readings import TrialReadings
from bundle.documents.services import Observed
from ormlab.base.errors import LoadError
from ormlab.run.measure import apart, making, orders
from ormlab.run.measure.conducting import Part, conduct
from ormlab.run.measure.database import Database
from workloads.diagnosis import log as statement_log

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agent.orders import DatabaseSpec, ServiceSpec, StaticSpec
    from bundle.documents.host import Seeded
    from bundle.documents.plan import Subject
    from bundle.documents.readings import Environment
    from bundle.documents.services import StackOutcome
    from ormlab.plan import Plan, Planned
    from ormlab.run.measure.redaction import Redactor
    from ormlab.run.measure.site import Site
    from ormlab.run.measure.station import Fetched, Station

_CHECK_DEADLINE_S = 300.0
_LOOPBACK = "127.0.0.1"


@dataclass
class Session:
    """A run whose hosts, stacks, database server and rows are ready."""

    site: Site  #: the hosts
    tables: Mapping[str, Tables]  #: the requests of each workload, as files on the host of the load
    stacks: Mapping[str, StackOutcome]  #: the outcome of making each stack
    database: Database  #: the server
    seeded: Seeded  #: the dataset's template database
    _is_fresh: bool = field(default=False, init=False)

    @property
    def redactor(self) -> Redactor:
        """Masks what identifies the hosts and their users, and the password of the database."""
        return self.site.redactor.knowing({"secret": self.database.passwords})

    def check(self, subject: str) -> Fetched[Observed]:
        """Run the contract suite against a subject; the next user restores the database."""
        app = self.site.app
        argv = [app.deployment.python, "-m", "workloads.contract", "--url", "{url}"]
        argv += ["--json", "--samples", "{folder}/samples", "--database", Database.name]
        argv += making.program_options(self._plan, self.database, app)
        work = CheckService(
            service=self._service(subject),
            cpus=app.cpus("service"),
            database=self._restored(app),
            argv=argv,
        )
        name = f"check-{subject}"
        return app.wait(app.dispatch.place(name, work, Observed, deadline_s=_CHECK_DEADLINE_S))

    @contextmanager
    def statement_log(self) -> Iterator[None]:
        """Serve from a server that can log statements; afterwards from one that logs none.

        Raises:
            LoadError: it still logs statements, so trials would not be what they seem.
        """
        self.database.restart(statement_log.SERVER)
        yield
        self.database.restart()
        logging = self.database.running.logging
        if logging != statement_log.SILENT:
            db = self.site.db
            raise LoadError(
                "statements-logged",
                f"the server would log while it is measured: {logging}",
                where=f"{db.name}:{db.deployment.root}/postgres",
                hint="`make clean` removes the private cluster",
            )

    def diagnose(self, subject: str) -> Fetched[Observed]:
        """Record what requests to a subject cost the database, and its answers to them."""
        app = self.site.app
        # Some ORMs write columns in the order of a set: the same plan gives the same SQL.
        drawn = orders.environment(self._plan.seed, block=0)
        work = Diagnose(
            service=self._service(subject, drawn),
            database=self._restored(app),
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
        endpoint = orders.static_spec(program, payload_bytes=self._plan.dataset.payload_bytes)
        parts = [] if app is station else [self._served(endpoint, database=None)]
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
            deadline_s=orders.deadline_s(self._plan.loads[load]),
        )

    def carry_out(self, trial: Planned) -> Fetched[TrialReadings]:
        """Carry out one trial; a failed one is an outcome, not an error."""
        app, db, station = self.site.app, self.site.db, self.site.load
        load, seed = self._plan.loads[trial.load], self._plan.seed + trial.block
        service = self._service(trial.subject, orders.environment(self._plan.seed, trial.block))
        # All trials of a plan find the database equally cold, whichever trial came before.
        writes = any(orders.writes(each) for each in self._plan.workloads.values())
        template = self.seeded.database if writes or not self._is_fresh else None
        probes = orders.task_of(self._plan).probes()
        parts = []
        if app is not station:
            seen = self.database.seen_from(app, template=template)
            parts.append(self._served(service, database=seen))
            template = None
        if db not in (app, station):
            parts.append(Part("db", db, self._watching(db)))
        work = RunTrial(
            service=service if app is station else orders.served(service),
            database=self.database.seen_from(station, template=template),
            load=LoadSpec(load=load, tables=self.tables[trial.workload], seed=seed),
            kills=orders.kills(load, seed=seed),
            placement=station.placement,
            probes=tuple(f"{probe.method} {probe.path}" for probe in probes),
        )
        self._is_fresh = False
        fetched = conduct(
            trial.id,
            station,
            work,
            parts,
            observes=TrialReadings,
            whole=apart.observation,
            deadline_s=orders.deadline_s(load),
        )
        self._is_fresh = fetched.done.failure is None
        return fetched

    def revive_database(self) -> bool:
        """Start PostgreSQL again if it has ended; returns whether it had."""
        if not self.database.has_died():
            return False
        self.database.restart()
        return True

    @property
    def _plan(self) -> Plan:
        return self.site.resolved.plan

    @property
    def _address(self) -> str:
        """Where services listen: only the load connects to them."""
        return _LOOPBACK if self.site.app is self.site.load else self.site.app.host.spec.reach

    def _restored(self, station: Station) -> DatabaseSpec:
        """The run's database, to be restored and then changed by whoever uses it."""
        self._is_fresh = False
        return self.database.seen_from(station, template=self.seeded.database)

    def _watching(self, station: Station) -> Observe:
        """What a host that does not drive the load watches."""
        server = self.database.seen_from(station, template=None)
        return Observe(
            listen=station.host.spec.reach,
            word=secrets.token_hex(16),
            placement=station.placement,
            server_pid=server.server_pid,
            log=server.log,
        )

    def _served(self, service: ServiceSpec | StaticSpec, *, database: DatabaseSpec | None) -> Part:
        """The part of the host that holds a server which another host drives."""
        watching = asdict(self._watching(self.site.app))
        serve = Serve(**watching, service=service, database=database)
        return Part("app", self.site.app, serve)

    def _service(self, subject: str, drawn: Environment | None = None) -> ServiceSpec:
        declared: Subject = self.site.resolved.subjects[subject]
        app, name = self.site.app, declared.stack
        environment = f"{app.deployment.environments}/{self.stacks[name].environment}"
        program = orders.Program(
            python=f"{environment}/bin/python",
            code=app.deployment.code,
            variables=self.site.resolved.stacks[name].variables,
            host=self._address,
            port=app.ports.services + self.site.subjects.index(subject),
        )
        return orders.service_spec(
            declared,
            program,
            psql=self.database.psql(app),
            database=Database.name,
            environment=drawn,
        )
