"""One run at work on its hosts: deploy, database, stacks, contract, trials."""

from __future__ import annotations

import json
import secrets
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Self

from agent import owner
from agent.floor import ENDPOINT
from host.levels import lowest
from ormlab.base import checkout
from ormlab.base.errors import LoadError
from ormlab.run.measure import orders, tables
from ormlab.run.measure.conducting import Drive, Part, conduct
from ormlab.run.measure.database import Database
from ormlab.run.measure.deployment import packages
from ormlab.run.measure.redaction import Redactor
from ormlab.run.measure.station import Station
from workloads.diagnosis import log as statement_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ormlab.hosts import Host
    from ormlab.plan import Planned, ResolvedPlan
    from ormlab.run.measure.station import Fetched

_BUILD_DEADLINE_S = 3600.0
_SEED_DEADLINE_S = 3600.0
_CHECK_DEADLINE_S = 300.0
_SERVICE = "workloads.services"
_LOOPBACK = "127.0.0.1"


class Session:
    """Everything a run holds on its hosts; leaving the context stops and removes it.

    Args:
        hosts: connected, by role; one of them may carry several.
        resolved: the plan.
        run_id: names the run's folder on each host.
        scratch: an empty local folder for what is shipped and fetched.
        check: raises KeyboardInterrupt when the run is to stop.
        attempt: how often the run was begun before.

    Attributes:
        stations: the hosts, each once; that of the services is the first.
        database: the server, after `start_database`.
        template: the dataset's template database, after `seed`.
        stacks: outcome by stack, after `build_stacks`.
        redactor: takes out of what is kept all that tells whose hosts these are; it knows them
            after `prepare`, and the database's password after `start_database`.
    """

    def __init__(
        self,
        hosts: Mapping[str, Host],
        resolved: ResolvedPlan,
        *,
        run_id: str,
        scratch: Path,
        check: Callable[[], None],
        attempt: int = 0,
    ) -> None:
        self._plan = resolved.plan
        self._subjects = resolved.subjects
        self._stacks = resolved.stacks
        self._stacks_folder = resolved.stacks_folder
        self._run_id = run_id
        self._attempt = attempt
        self._scratch = scratch
        self._cleanup = ExitStack()
        self._tables: dict[str, tables.Shipped] = {}
        self._writes = any(orders.writes(each) for each in resolved.plan.workloads.values())
        self._database_is_fresh = False
        self._probes = [
            f"{request.method} {request.path}" for request in orders.task_of(self._plan).probes()
        ]
        by_name: dict[str, Station] = {}
        for host in hosts.values():
            roles = tuple(role for role in hosts if hosts[role].spec.name == host.spec.name)
            by_name.setdefault(host.spec.name, Station(host, roles, scratch=scratch, check=check))
        self.stations = tuple(by_name.values())
        self._app, self._db, self._load = (
            by_name[hosts[role].spec.name] for role in ("app", "db", "load")
        )
        others = [each for each in self.stations if each is not self._db]
        self.database = Database(self._db, others)
        self.template: dict[str, Any] = {}
        self.stacks: dict[str, dict[str, Any]] = {}
        self.redactor = Redactor()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    @property
    def subjects(self) -> list[str]:
        """Those of the plan, in its order: each has the next port of the services."""
        return list(self._subjects)

    @property
    def host_name(self) -> str:
        """That of the services, in the inventory."""
        return self._app.name

    @property
    def facts(self) -> dict[str, Any]:
        """Those of the host of the services, after `prepare`; the tier is that of the weakest."""
        return self._app.facts

    @property
    def server(self) -> dict[str, Any]:
        """Version and settings of the database server; empty before it is started."""
        return self.database.server

    def prepare(self) -> None:
        """Ship the code, read what the hosts are, open the run's folder on each.

        Raises:
            LoadError: another run has the lab's folder of a host.
        """
        for station in self.stations:
            self._cleanup.callback(station.claim(self._run_id))
            station.deploy(self._stacks_folder)
        self._db.require_database_user()
        self.redactor = Redactor().knowing({"checkout": [str(checkout.ROOT)]})
        self.redactor = self.redactor.knowing(owner.collect())
        for station in self.stations:
            self.redactor = self._knowing(station).knowing({}, words=self._words)
            station.look(self._run_id, len(self._subjects), apart=len(self.stations) > 1)
        tiers = [station.facts["placement"]["tier"] for station in self.stations]
        self.facts["placement"]["tier"] = lowest(*tiers)
        for station in self.stations:
            station.open(self._run_id, self._attempt)
            self._cleanup.callback(station.close)
        for station in self.stations:
            others = [each.dispatch for each in self.stations if each is not station]
            station.dispatch.beside = tuple(others)

    def _knowing(self, station: Station) -> Redactor:
        """The redactor, with what it must know of one host and of the lab's places on it."""
        spec = station.host.spec
        login = spec.variables.ansible_user
        whose = {
            "name": [spec.name, *([login] if login else [])],
            "address": [spec.address, spec.reach],
        }
        known = self.redactor.knowing({"lab folder": [spec.root], **whose})
        return known.knowing(station.ask("owner"))

    @property
    def _words(self) -> list[str]:
        """The names that the record itself gives to what is measured."""
        plan = self._plan
        return [plan.name, *self._subjects, *plan.workloads, *plan.loads, *self._stacks]

    def build_stacks(self) -> None:
        """Make each stack's environment; what cannot be made is an outcome, not an error."""
        app = self._app
        for name, stack in self._stacks.items():
            deployed = app.deployment
            argv = [deployed.python, "-m", "agent.stacks", "build"]
            argv += ["--stacks-dir", f"{deployed.code}/workloads/stacks", "--name", name]
            argv += ["--envs", deployed.environments, "--uv", deployed.uv]
            argv += ["--cache", deployed.cache]
            order = f"stack-{name}"
            status, said = app.dispatch.command(
                order,
                argv,
                deadline_s=_BUILD_DEADLINE_S,
                env=packages(app.host, stack),
                program="installer",
            )
            if status != 0:
                raise LoadError(
                    "stack-build",
                    f"building the stack {name} ended with {status}: {app.last_said(order)}",
                    where=f"{app.name}:{app.folder}/{order}/log.txt",
                    hint="read that log; a full disk and an unreachable registry are the causes",
                )
            self.stacks[name] = json.loads(said)

    def ship_tables(self) -> None:
        """Draw what the load is going to ask.

        Raises:
            PlanError: the dataset has too few rows for a workload.
        """
        self._tables = tables.ship_all(self._plan, self._load, self._scratch)

    def start_database(self, settings: Mapping[str, str] | None = None) -> None:
        """Start PostgreSQL, again if it has died; ``settings`` are added to the lab's."""
        if not self.server:
            self._cleanup.callback(self.database.stop)
        password = self.database.start(settings or {})
        self.redactor = self.redactor.knowing({"secret": [password]})

    def seed(self) -> None:
        """Make sure of the dataset's template database."""
        db = self._db
        argv = [db.deployment.python, "-m", "workloads.dataset", "seed", *self._options(db)]
        status, said = db.dispatch.command("seed", argv, deadline_s=_SEED_DEADLINE_S)
        if status != 0:
            raise LoadError(
                "dataset",
                f"seeding the dataset ended with {status}: {db.last_said('seed')}",
                where=f"{db.name}:{db.folder}/seed/log.txt",
                hint="a full disk is the usual cause",
            )
        self.template = json.loads(said)

    def check(self, subject: str) -> Fetched:
        """Run the contract suite against a subject; its database is thrown away afterwards."""
        app = self._app
        argv = [app.deployment.python, "-m", "workloads.contract", "--url", "{url}"]
        argv += ["--json", "--samples", "{folder}/samples", "--database", Database.name]
        body = {
            "service": self._service(subject),
            "database": self.database.seen_from(app, template=self._template),
            "placement": app.placement,
            "argv": [*argv, *self._options(app)],
            "env": {},
        }
        self._database_is_fresh = False
        return app.wait(
            app.dispatch.place(f"check-{subject}", "check", body, deadline_s=_CHECK_DEADLINE_S)
        )

    @contextmanager
    def statement_log(self) -> Iterator[None]:
        """Serve from a server that can log statements; afterwards from one that logs none.

        Raises:
            LoadError: it still logs statements, so trials would not be what they seem.
        """
        self.database.stop()
        self.start_database(statement_log.SERVER)
        yield
        self.database.stop()
        self.start_database()
        if self.server["logging"] != statement_log.SILENT:
            raise LoadError(
                "statements-logged",
                f"the server would log while it is measured: {self.server['logging']}",
                where=f"{self._db.name}:{self._db.deployment.root}/postgres",
                hint="`make clean` removes the private cluster",
            )

    def diagnose(self, subject: str) -> Fetched:
        """Find out what requests to a subject cost the database, and its answers to them."""
        app = self._app
        body = {
            # Some ORMs write columns in the order of a set: the same plan gives the same SQL.
            "service": self._service(subject)
            | {"environment": orders.environment(self._plan.seed, block=0)},
            "database": self.database.seen_from(app, template=self._template),
            "task": orders.task_of(self._plan).document(),
        }
        self._database_is_fresh = False
        return app.wait(
            app.dispatch.place(
                f"diagnose-{subject}", "diagnose", body, deadline_s=_CHECK_DEADLINE_S
            )
        )

    def floor(self, load: str) -> Fetched | None:
        """Find out what a load's generator reaches by itself; None if it has no floor."""
        local = self._scratch / "floor.tsv"
        table = f"{self._load.folder}/{local.name}"
        cpus, seed = self._load.placement["load"], self._plan.seed
        spec = orders.floor_spec(self._plan.loads[load], table=table, seed=seed, cpus=cpus)
        if spec is None:
            return None
        tables.ship(orders.floor_table(self._plan), self._load, local)
        endpoint = orders.endpoint_spec(
            host=self._address,
            python=self._app.deployment.python,
            code=self._app.deployment.code,
            port=self._app.ports.services,
            payload_bytes=self._plan.dataset.payload_bytes,
        )
        body = {"load": spec, "placement": self._load.placement}
        deadline_s = orders.deadline_s(self._plan.loads[load])
        drive = Drive(f"floor-{load}", self._load, "floor", body, deadline_s)
        return self._drive(drive, endpoint, module=ENDPOINT, restore=None)

    def carry_out(self, trial: Planned) -> Fetched:
        """Carry out one trial; a failed one is an outcome, not an error."""
        load = self._plan.loads[trial.load]
        table, warmup_table, repeatable = self._tables[trial.workload]
        service = self._service(trial.subject) | {
            "environment": orders.environment(self._plan.seed, trial.block)
        }
        # All trials of a plan find the database equally cold, whichever trial came before.
        restore = self._writes or not self._database_is_fresh
        body = {
            "load": orders.load_spec(
                load,
                table=table,
                warmup_table=warmup_table,
                repeatable=repeatable,
                seed=self._plan.seed + trial.block,
                cpus=self._load.placement["load"],
            ),
            "kills": orders.kills(load, seed=self._plan.seed + trial.block),
            "placement": self._load.placement,
            "probes": self._probes,
        }
        self._database_is_fresh = False
        drive = Drive(trial.id, self._load, "trial", body, orders.deadline_s(load))
        fetched = self._drive(drive, service, module=_SERVICE, restore=restore)
        self._database_is_fresh = fetched.done.failure is None
        return fetched

    def _drive(
        self, drive: Drive, service: dict[str, Any], *, module: str, restore: bool | None
    ) -> Fetched:
        """Carry out a drive against a service, with the parts that other hosts have in it.

        Args:
            drive: its body lacks service and database.
            service: as an agent starts it.
            module: that it is.
            restore: whether to restore the database first; None where none is used.
        """
        app, db, load = self._app, self._db, self._load
        template = self._template if restore else None
        body, parts = drive.body, []
        # Known to both ends: whatever else answers at that address is not what was started.
        settings = service["settings"] | {"nonce": secrets.token_hex(8)}
        service = service | {"settings": settings}
        if app is not load:
            used = restore is not None and self.database.seen_from(app, template=template)
            part = {"service": service, "module": module, "database": used or None}
            parts.append(Part("app", app, "serve", part | self._watched(app)))
            service = {"served": {key: settings[key] for key in ("host", "port", "nonce")}}
            template = None
        if restore is not None:
            body = body | {"database": self.database.seen_from(load, template=template)}
            if db not in (load, app):
                parts.append(Part("db", db, "observe", self._watched(db)))
        whole = replace(drive, body=body | {"service": service})
        return conduct(whole, parts)

    def _watched(self, station: Station) -> dict[str, Any]:
        """What a host that does not drive the load watches besides the service."""
        server = self.database.seen_from(station, template=None)
        seen = {key: server[key] for key in ("server_pid", "log")}
        return {**seen, "placement": station.placement}

    def revive_database(self) -> bool:
        """Start PostgreSQL again if it is gone; returns whether it had to be."""
        if not self.database.has_died():
            return False
        self.start_database()
        return True

    @property
    def _template(self) -> str:
        return str(self.template["database"])

    @property
    def _address(self) -> str:
        """Where services listen: nobody but the load comes to them."""
        return _LOOPBACK if self._app is self._load else self._app.host.spec.reach

    def _service(self, subject: str) -> dict[str, Any]:
        spec, app = self._subjects[subject], self._app
        environment = f"{app.deployment.environments}/{self.stacks[spec.stack]['environment']}"
        position = self.subjects.index(subject)
        return orders.service_spec(
            spec,
            host=self._address,
            python=f"{environment}/bin/python",
            variables=self._stacks[spec.stack].variables,
            code=app.deployment.code,
            port=app.ports.services + position,
            psql=self.database.psql(app),
            database=Database.name,
        )

    def _options(self, station: Station) -> list[str]:
        """The options of a program of workloads that works on the database, on a host."""
        numbers = asdict(orders.dataset_of(self._plan))
        named = {key.replace("_", "-"): value for key, value in numbers.items()}
        return _options({**self.database.options(station), **named})


def _options(values: dict[str, Any]) -> list[str]:
    return [part for name, value in values.items() for part in (f"--{name}", str(value))]
