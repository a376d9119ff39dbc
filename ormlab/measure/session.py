"""One run at work on one host: deploy, database, stacks, contract, trials."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from agent import owner
from ormlab import checkout
from ormlab.errors import LoadError
from ormlab.measure import leftovers, orders, readiness
from ormlab.measure.deployment import Deployment, deploy, packages
from ormlab.measure.dispatch import Dispatch, Done, Ticket
from ormlab.measure.redaction import Redactor
from workloads.diagnosis import log as statement_log
from workloads.load.requests import write_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ormlab.hosts import Host
    from ormlab.inventory import HostSpec
    from ormlab.plan import Planned, ResolvedPlan

_RUN_DEADLINE_S = 7 * 24 * 3600.0
_BUILD_DEADLINE_S = 3600.0
_SEED_DEADLINE_S = 3600.0
_CHECK_DEADLINE_S = 300.0
_RUN_DATABASE = "ormlab_run"


@dataclass(frozen=True)
class Fetched:
    """What an order left: its raw files, copied here, and how it ended."""

    folder: Path
    done: Done


class Session:
    """Everything a run holds on its host; leaving the context stops and removes it.

    Args:
        host: connected; carries app, db and load.
        resolved: the plan.
        run_id: names the run's folder on the host.
        scratch: an empty local folder for what is shipped and fetched.
        check: raises KeyboardInterrupt when the run is to stop.
        attempt: how often the run was begun before.

    Attributes:
        deployment: after `prepare`.
        facts: the host's, after `prepare`.
        readings: the host's just before the run, after `prepare`.
        server: version and settings of the database server, after `start_database`.
        template: the dataset's template database, after `seed`.
        stacks: outcome by stack, after `build_stacks`.
        redactor: takes out of what is kept all that tells whose host this is; it knows the host
            after `prepare`, and the database's password after `start_database`.
    """

    def __init__(
        self,
        host: Host,
        resolved: ResolvedPlan,
        *,
        run_id: str,
        scratch: Path,
        check: Callable[[], None],
        attempt: int = 0,
    ) -> None:
        self._host = host
        self._check = check
        self._plan = resolved.plan
        self._subjects = resolved.subjects
        self._stacks = resolved.stacks
        self._stacks_folder = resolved.stacks_folder
        self._run_id = run_id
        self._attempt = attempt
        self._scratch = scratch
        self._cleanup = ExitStack()
        self._database: Ticket | None = None
        self._database_starts = 0
        self._tables: dict[str, tuple[str, str, bool]] = {}
        self._database_is_fresh = False
        self._probes = [
            f"{request.method} {request.path}" for request in orders.task_of(self._plan).probes()
        ]
        self.deployment: Deployment
        self.facts: dict[str, Any] = {}
        self.readings: dict[str, Any] = {}
        self.server: dict[str, Any] = {}
        self.template: dict[str, Any] = {}
        self.stacks: dict[str, dict[str, Any]] = {}
        self.redactor = Redactor()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    @property
    def hosts(self) -> tuple[HostSpec, ...]:
        """Every host of the run, as the inventory describes it."""
        return (self._host.spec,)

    @property
    def host_name(self) -> str:
        """The host's, in the inventory."""
        return self._host.spec.name

    def prepare(self) -> None:
        """Ship the code, read the host's facts, open the run's folder."""
        self.deployment = deploy(self._host, self._stacks_folder)
        self.redactor = self._whose().knowing(owner.collect())
        self.facts = self.read_facts()
        self.readings = self.read_readings(readiness.ports(self._host.spec, len(self._subjects)))
        runs = f"{self.deployment.root}/runs"
        leftovers.remove(self._host, runs, self._run_id)
        # A folder of its own, so that no late agent of an earlier attempt takes heart from it.
        self._folder = f"{runs}/{self._run_id}{f'.{self._attempt}' if self._attempt else ''}"
        self._host.run("mkdir", "-p", self._folder)
        self._cleanup.callback(self._host.run, "rm", "-rf", self._folder)
        self._dispatch = Dispatch(
            self._host,
            folder=self._folder,
            python=self.deployment.python,
            code=self.deployment.code,
            cpus=self.facts["placement"]["housekeeping"],
            check=self._check,
        )
        self._placement = {
            role: self.facts["placement"][role] for role in ("service", "load", "database")
        }

    def read_facts(self) -> dict[str, Any]:
        """The host's facts as they are now."""
        return self._ask_agent("facts")

    def _whose(self) -> Redactor:
        """One that knows the host and the lab's places on it and here."""
        spec = self._host.spec
        places = {"lab folder": [spec.root], "checkout": [str(checkout.ROOT)]}
        where = {"name": [spec.name], "address": [spec.address]}
        return Redactor().knowing({**places, **where}).knowing(self._ask_agent("owner"))

    def _ask_agent(self, question: str) -> dict[str, Any]:
        path = (f"PYTHONPATH={self.deployment.code}", "PYTHONSAFEPATH=1")
        answer = self._host.run("env", *path, self.deployment.python, "-m", "agent", question)
        return dict(json.loads(answer))

    def read_readings(self, ports: Sequence[int] = ()) -> dict[str, Any]:
        """The host's readings as they are now; see `ormlab.measure.readiness`."""
        return readiness.read(self._host, self.deployment, ports)

    def build_stacks(self) -> None:
        """Make each stack's environment; what cannot be made is an outcome, not an error."""
        for name, stack in self._stacks.items():
            argv = [self.deployment.python, "-m", "agent.stacks", "build"]
            argv += ["--stacks-dir", f"{self.deployment.code}/workloads/stacks", "--name", name]
            argv += ["--envs", self.deployment.environments, "--uv", self.deployment.uv]
            argv += ["--cache", self.deployment.cache]
            order = f"stack-{name}"
            status, said = self._dispatch.command(
                order, argv, deadline_s=_BUILD_DEADLINE_S, env=packages(self._host, stack)
            )
            if status != 0:
                raise LoadError(
                    "stack-build",
                    f"building the stack {name} ended with {status}: {self._last_said(order)}",
                    where=f"{self._host.spec.name}:{self._folder}/{order}/log.txt",
                    hint="read that log; a full disk and an unreachable registry are the causes",
                )
            self.stacks[name] = json.loads(said)

    def start_database(self, settings: Mapping[str, str] | None = None) -> None:
        """Start PostgreSQL, again if it has died; ``settings`` are added to the lab's."""
        if self._database is None:
            self._cleanup.callback(self._stop_database)
        self._database_starts += 1
        body = {
            "cluster": f"{self.deployment.root}/postgres",
            "binaries": self.deployment.postgres,
            "port": self._host.spec.postgres_port,
            "placement": self._placement,
            "settings": dict(settings or {}),
        }
        name = f"database-{self._database_starts}"
        self._database = self._dispatch.place(name, "database", body, deadline_s=_RUN_DEADLINE_S)
        self.server = self._dispatch.wait_for_file(self._database, "ready.json")
        password = self._host.run("cat", self.server["psql"]["passfile"]).strip().rpartition(":")[2]
        self.redactor = self.redactor.knowing({"secret": [password]})

    def seed(self) -> None:
        """Make sure of the dataset's template database."""
        argv = [self.deployment.python, "-m", "workloads.dataset", "seed"]
        argv += [*self._psql_arguments(), *self._dataset_arguments()]
        status, said = self._dispatch.command("seed", argv, deadline_s=_SEED_DEADLINE_S)
        if status != 0:
            raise LoadError(
                "dataset",
                f"seeding the dataset ended with {status}: {self._last_said('seed')}",
                where=f"{self._host.spec.name}:{self._folder}/seed/log.txt",
                hint="a full disk is the usual cause",
            )
        self.template = json.loads(said)

    def check(self, subject: str) -> Fetched:
        """Run the contract suite against a subject; its database is thrown away afterwards."""
        argv = [self.deployment.python, "-m", "workloads.contract", "--url", "{url}"]
        argv += ["--json", "--samples", "{folder}/samples", "--database", _RUN_DATABASE]
        body = {
            "service": self._service(subject),
            "database": self._database_spec(restore=True),
            "placement": self._placement,
            "argv": [*argv, *self._psql_arguments(), *self._dataset_arguments()],
            "env": {},
        }
        self._database_is_fresh = False
        ticket = self._dispatch.place(
            f"check-{subject}", "check", body, deadline_s=_CHECK_DEADLINE_S
        )
        return self._await_and_fetch(ticket)

    @contextmanager
    def statement_log(self) -> Iterator[None]:
        """Serve from a server that can log statements; afterwards from one that logs none.

        Raises:
            LoadError: it still logs statements, so trials would not be what they seem.
        """
        self._stop_database()
        self.start_database(statement_log.SERVER)
        yield
        self._stop_database()
        self.start_database()
        if self.server["logging"] != statement_log.SILENT:
            raise LoadError(
                "statements-logged",
                f"the server would log while it is measured: {self.server['logging']}",
                where=f"{self._host.spec.name}:{self.deployment.root}/postgres",
                hint="`make clean` removes the private cluster",
            )

    def diagnose(self, subject: str) -> Fetched:
        """Find out what requests to a subject cost the database, and its answers to them."""
        body = {
            # Some ORMs write columns in the order of a set: the same plan gives the same SQL.
            "service": self._service(subject)
            | {"environment": orders.environment(self._plan.seed, block=0)},
            "database": self._database_spec(restore=True),
            "task": orders.task_of(self._plan).document(),
        }
        self._database_is_fresh = False
        ticket = self._dispatch.place(
            f"diagnose-{subject}", "diagnose", body, deadline_s=_CHECK_DEADLINE_S
        )
        return self._await_and_fetch(ticket)

    def floor(self, load: str) -> Fetched | None:
        """Find out what a load's generator reaches by itself; None if it has no floor."""
        table = f"{self._folder}/floor.tsv"
        cpus, seed = self._placement["load"], self._plan.seed
        spec = orders.floor_spec(self._plan.loads[load], table=table, seed=seed, cpus=cpus)
        if spec is None:
            return None
        local = self._scratch / "floor.tsv"
        write_table(local, orders.floor_table(self._plan))
        self._host.put(local.read_bytes(), table)
        body = {
            "service": orders.endpoint_spec(
                python=self.deployment.python,
                code=self.deployment.code,
                port=self._host.spec.service_port,
                payload_bytes=self._plan.dataset.payload_bytes,
            ),
            "load": spec,
            "placement": self._placement,
        }
        deadline_s = orders.deadline_s(self._plan.loads[load])
        return self._await_and_fetch(
            self._dispatch.place(f"floor-{load}", "floor", body, deadline_s=deadline_s)
        )

    def carry_out(self, trial: Planned) -> Fetched:
        """Carry out one trial; a failed one is an outcome, not an error."""
        load = self._plan.loads[trial.load]
        writes = orders.writes(self._plan.workloads[trial.workload])
        table, warmup_table, repeatable = self._table(trial.workload)
        body = {
            "service": self._service(trial.subject)
            | {"environment": orders.environment(self._plan.seed, trial.block)},
            "database": self._database_spec(restore=writes or not self._database_is_fresh),
            "load": orders.load_spec(
                load,
                table=table,
                warmup_table=warmup_table,
                repeatable=repeatable,
                seed=self._plan.seed + trial.block,
                cpus=self._placement["load"],
            ),
            "kills": orders.kills(load, seed=self._plan.seed + trial.block),
            "placement": self._placement,
            "probes": self._probes,
        }
        self._database_is_fresh = False
        ticket = self._dispatch.place(trial.id, "trial", body, deadline_s=orders.deadline_s(load))
        fetched = self._await_and_fetch(ticket)
        self._database_is_fresh = not writes and fetched.done.failure is None
        return fetched

    def revive_database(self) -> bool:
        """Start PostgreSQL again if it is gone; returns whether it had to be."""
        if self._database is not None and not self._dispatch.ended(self._database):
            return False
        self.start_database()
        return True

    def database_log(self) -> bytes:
        """What the server logged since it was last started."""
        if self._database is None:
            return b""
        return self._host.run("cat", str(self._database_log)).encode()

    @property
    def _database_log(self) -> str | None:
        """Path of the server's log on the host, once it has been started."""
        return f"{self._database.folder}/postgres.log" if self._database else None

    def _stop_database(self) -> None:
        if self._database is not None:
            self._dispatch.stop(self._database)

    def _last_said(self, order: str) -> str:
        """The last line that the program of an order logged; its folder goes with the run."""
        log = f"{self._folder}/{order}/log.txt"
        return self._host.run("tail", "--lines=1", log).strip() or "it logged nothing"

    def _service(self, subject: str) -> dict[str, Any]:
        spec = self._subjects[subject]
        environment = f"{self.deployment.environments}/{self.stacks[spec.stack]['environment']}"
        position = list(self._subjects).index(subject)
        return orders.service_spec(
            spec,
            python=f"{environment}/bin/python",
            variables=self._stacks[spec.stack].variables,
            code=self.deployment.code,
            port=self._host.spec.service_port + position,
            psql=self.server["psql"],
            database=_RUN_DATABASE,
        )

    def _database_spec(self, *, restore: bool) -> dict[str, Any]:
        return {
            "psql": self.server["psql"],
            "name": _RUN_DATABASE,
            "template": self.template["database"] if restore else None,
            "server_pid": self.server["pid"],
            "log": self._database_log,
        }

    def _table(self, workload: str) -> tuple[str, str, bool]:
        """The request tables of a workload on the host, shipped when first asked for."""
        if workload not in self._tables:
            drawn = orders.table_of(self._plan, self._plan.workloads[workload])
            paths = []
            for part, rows in (("measured", drawn.measured), ("warmup", drawn.warmup)):
                local = self._scratch / f"{workload}.{part}.tsv"
                write_table(local, rows)
                paths.append(f"{self._folder}/{local.name}")
                self._host.put(local.read_bytes(), paths[-1])
            self._tables[workload] = (paths[0], paths[1], drawn.repeatable)
        return self._tables[workload]

    def _psql_arguments(self) -> list[str]:
        psql = self.server["psql"]
        reached = {f"pg-{key}": psql[key] for key in ("host", "port", "user", "passfile")}
        return _options({"psql": psql["binary"], **reached})

    def _dataset_arguments(self) -> list[str]:
        numbers = asdict(orders.dataset_of(self._plan))
        return _options({key.replace("_", "-"): value for key, value in numbers.items()})

    def _await_and_fetch(self, ticket: Ticket) -> Fetched:
        done = self._dispatch.wait(ticket)
        folder = self._scratch / ticket.folder.rpartition("/")[2]
        self._host.fetch(ticket.folder, folder)
        self._host.run("rm", "-rf", ticket.folder)
        return Fetched(folder, done)


def _options(values: dict[str, Any]) -> list[str]:
    return [part for name, value in values.items() for part in (f"--{name}", str(value))]
