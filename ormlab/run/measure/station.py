"""One host of a run: what was shipped there, what it is, and the orders to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from agent.answers import Done
    from agent.orders import Placement, Purpose
    from bundle.documents.host import HostFacts, HostReadings
    from bundle.documents.readings import TrialReadings
    from ormlab.hosts import Host
    from ormlab.run.measure.deployment import Deployment
    from ormlab.run.measure.dispatch import Dispatch, Ticket
    from ormlab.run.measure.ports import Ports

PURPOSES: Final[dict[str, Purpose]] = {"app": "service", "db": "database", "load": "load"}
"""What a host with a role has cores for."""


@dataclass(frozen=True)
class Fetched[T = TrialReadings]:
    """What an order left: its raw files, copied here, and how it ended."""

    folder: Path
    done: Done[T]


@dataclass(frozen=True)
class Station:
    """A host, with what a run holds there."""

    deployment: Deployment  #: of the lab there
    roles: tuple[str, ...]  #: of the run that it carries: app, db, load
    facts: HostFacts  #: of the host; that of the services has the tier of the weakest host
    ports: Ports  #: of the run on it
    readings: HostReadings  #: of the host, just before the run
    folder: str  #: of the run on it
    dispatch: Dispatch  #: of orders to it
    scratch: Path  #: a local folder for what is fetched

    @property
    def host(self) -> Host:
        """The connection."""
        return self.deployment.host

    @property
    def name(self) -> str:
        """The host's, in the inventory."""
        return self.host.spec.name

    @property
    def placement(self) -> Placement:
        """The CPUs of each purpose that it has in the run."""
        return {PURPOSES[role]: self.cpus(PURPOSES[role]) for role in self.roles}

    def cpus(self, purpose: Purpose) -> list[int]:
        """The CPUs of a purpose."""
        cpus: list[int] = getattr(self.facts.placement, purpose)
        return cpus

    def wait[T](self, ticket: Ticket[T]) -> Fetched[T]:
        """Wait for the end of an order, and copy here what it left."""
        return self._fetch(ticket, self.dispatch.wait(ticket))

    def stop[T](self, ticket: Ticket[T]) -> Fetched[T]:
        """Have an order stopped, and copy here what it left."""
        return self._fetch(ticket, self.dispatch.stop(ticket))

    def last_said(self, order: str) -> str:
        """The last line that the program of an order logged; its folder goes with the run."""
        log = f"{self.folder}/{order}/log.txt"
        return self.host.run("tail", "--lines=1", log).strip() or "it logged nothing"

    def _fetch[T](self, ticket: Ticket[T], done: Done[T]) -> Fetched[T]:
        folder = self.scratch / ticket.folder.rpartition("/")[2]
        self.host.fetch(ticket.folder, folder)
        self.host.run("rm", "-rf", ticket.folder)
        return Fetched(folder, done)
