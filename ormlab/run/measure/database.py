"""The database server of a run: on its host, and as the other hosts reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ormlab.run.measure.dispatch import Ticket
    from ormlab.run.measure.station import Station

_DEADLINE_S = 7 * 24 * 3600.0
_NAME = "ormlab_run"


class Database:
    """A PostgreSQL that an agent holds up for the length of a run: private, or provisioned.

    Args:
        station: its host.
        clients: the other hosts of the run; they come in by password, and nobody else does.

    Attributes:
        server: its version and settings, after `start`.
    """

    name = _NAME

    def __init__(self, station: Station, clients: Sequence[Station]) -> None:
        self._station = station
        self._clients = clients
        self._ticket: Ticket | None = None
        self._starts = 0
        self.server: dict[str, Any] = {}

    def start(self, settings: Mapping[str, str]) -> str:
        """Start the server, with settings beside the lab's own; returns its password."""
        self._starts += 1
        station = self._station
        body = {
            "cluster": f"{station.deployment.root}/postgres",
            "binaries": station.deployment.postgres,
            "port": station.ports.postgres,
            "placement": station.placement,
            "settings": dict(settings),
            "configuration": station.host.spec.postgres_cluster,
        }
        if self._clients:
            reached = [client.host.spec.reach for client in self._clients]
            body |= {"listen": station.host.spec.reach, "allow": reached}
        name = f"database-{self._starts}"
        self._ticket = station.dispatch.place(name, "database", body, deadline_s=_DEADLINE_S)
        self.server = station.dispatch.wait_for_file(self._ticket, "ready.json")
        lines = station.host.run("cat", self.server["psql"]["passfile"])
        password = lines.strip().rpartition(":")[2]
        for client in self._clients:
            psql = self.psql(client)
            # Whatever the address: the diagnostic pass goes through a proxy.
            client.host.put_secret(f"*:*:*:{psql['user']}:{password}\n", psql["passfile"])
        return password

    def stop(self) -> None:
        """Stop it, if it was started."""
        if self._ticket is not None:
            self._station.dispatch.stop(self._ticket)

    def has_died(self) -> bool:
        """Whether it is gone without having been stopped."""
        return self._ticket is None or self._station.dispatch.ended(self._ticket)

    def log(self) -> bytes:
        """What it has logged since it was last started."""
        path = self._log
        return b"" if path is None else self._station.host.run("cat", path).encode()

    def psql(self, station: Station) -> dict[str, Any]:
        """How a host reaches it, as `workloads.psql.Psql` takes it."""
        if station is self._station:
            return dict(self.server["psql"])
        return {
            "binary": f"{station.deployment.postgres}/psql",
            "host": self._station.host.spec.reach,
            "port": self._station.ports.postgres,
            "user": self.server["psql"]["user"],
            "passfile": f"{station.folder}/pgpass",
        }

    def options(self, station: Station) -> dict[str, Any]:
        """The same as options of the programs of workloads."""
        psql = self.psql(station)
        reached = {f"pg-{key}": psql[key] for key in ("host", "port", "user", "passfile")}
        return {"psql": psql["binary"], **reached}

    def seen_from(self, station: Station, *, template: str | None) -> dict[str, Any]:
        """The run's database as an order to a host names it.

        Args:
            station: that host; only where the server runs are its process and log.
            template: to restore it from first; None to take it as it is.
        """
        here = station is self._station
        return {
            "psql": self.psql(station),
            "name": _NAME,
            "template": template,
            "identity": self.server["identity"],
            "server_pid": self.server["pid"] if here else None,
            "log": self._log if here else None,
        }

    @property
    def _log(self) -> str | None:
        return f"{self._ticket.folder}/postgres.log" if self._ticket else None
