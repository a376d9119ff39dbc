"""The database server of a run: on its host, and as the other hosts reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from agent import answers
from agent.database import LOG
from agent.orders import DatabaseSpec, KeepDatabase
from bundle.documents.plan import POSTGRESQL
from workloads.databases import known
from workloads.databases.interface import Server

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ormlab.run.measure.dispatch import Ticket
    from ormlab.run.measure.site import Site
    from ormlab.run.measure.station import Station
    from workloads.databases.interface import DatabaseClient

_DEADLINE_S = 7 * 24 * 3600.0
_NAME = "ormlab_run"
_FOLDERS = {POSTGRESQL: "postgres"}  # in the lab's folder, where it is not the database's name


class Database:
    """A database server that an agent holds up for the length of a run: private, or provisioned.

    It is started when this is made; leaving the context stops it.

    Args:
        site: its host, and the others: they come in by password, and nobody else does.
        kind: which database it is: the name of a folder of `workloads.databases`.

    Attributes:
        running: the server as it was last started.
        passwords: of its role, one for each start, which may have drawn another.
    """

    name = _NAME

    def __init__(self, site: Site, kind: str = POSTGRESQL) -> None:
        self.kind = kind
        self._station = site.db
        self._clients = [each for each in site.stations if each is not site.db]
        self._starts = 0
        self.passwords: set[str] = set()
        self._ticket, self.running = self._start({})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    @property
    def client(self) -> DatabaseClient:
        """What the lab knows of this database; only its own host reaches the server by it."""
        return known.client(self.running.server)

    def restart(self, settings: Mapping[str, str] | None = None) -> None:
        """Stop the server if it runs, and start it with settings in addition to the lab's own."""
        self._stop()
        self._ticket, self.running = self._start(settings or {})

    def has_died(self) -> bool:
        """Whether the server ended without having been stopped."""
        return self._station.dispatch.ended(self._ticket)

    def log(self) -> bytes:
        """The log of the server since its last start."""
        return self._station.host.run("cat", self._log).encode()

    def server(self, station: Station) -> Server:
        """How a host reaches it."""
        own = self.running.server
        if station is self._station:
            return own
        return Server(
            kind=own.kind,
            programs=station.deployment.programs(own.kind),
            host=self._station.host.spec.reach,
            port=self._station.ports.of_database(self.kind),
            user=own.user,
            passfile=_passfile(station),
        )

    def options(self, station: Station) -> dict[str, str]:
        """The same, as options of the programs in workloads/."""
        return known.options(self.server(station))

    def seen_from(
        self, station: Station, *, template: str | None, name: str = _NAME
    ) -> DatabaseSpec:
        """The run's database as an order to a host names it.

        Args:
            station: that host; only where the server runs are its process and log.
            name: of the database, where a subject has one of its own.
            template: to restore it from first; None to take it as it is.
        """
        here = station is self._station
        return DatabaseSpec(
            server=self.server(station),
            name=name,
            identity=self.running.identity,
            template=template,
            server_pid=self.running.pid if here else None,
            log=self._log if here else None,
        )

    @property
    def _log(self) -> str:
        return f"{self._ticket.folder}/{LOG}"

    def _stop(self) -> None:
        self._station.dispatch.stop(self._ticket)

    def _start(self, settings: Mapping[str, str]) -> tuple[Ticket[answers.Kept], answers.Running]:
        self._starts += 1
        station = self._station
        spec = station.host.spec
        work = KeepDatabase(
            database=self.kind,
            cluster=f"{station.deployment.root}/{_FOLDERS.get(self.kind, self.kind)}",
            binaries=station.deployment.programs(self.kind),
            port=station.ports.of_database(self.kind),
            cpus=station.cpus("database"),
            settings=dict(settings),
            configuration=spec.postgres_cluster if self.kind == POSTGRESQL else None,
            listen=spec.reach if self._clients else None,
            allow=tuple(client.host.spec.reach for client in self._clients),
        )
        name = f"{self.kind}-{self._starts}"
        dispatch = station.dispatch
        ticket = dispatch.place(name, work, answers.Kept, deadline_s=_DEADLINE_S)
        try:
            running = dispatch.wait_for_file(ticket, "ready.json", answers.Running)
            self._admit(running)
        except BaseException:
            dispatch.stop(ticket)
            raise
        return ticket, running

    def _admit(self, running: answers.Running) -> None:
        """Write the password of the server to the other hosts."""
        client = known.client(running.server)
        password = client.password(self._station.host.run("cat", running.server.passfile))
        self.passwords.add(password)
        for each in self._clients:
            each.host.put_secret(client.passfile_of(password), _passfile(each))


def _passfile(client: Station) -> str:
    return f"{client.folder}/pgpass"
