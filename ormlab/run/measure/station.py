"""One host of a run: what was shipped there, what it is, and the orders to it."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ormlab.base.errors import LoadError, ProvisioningError
from ormlab.run.measure import leftovers, readiness
from ormlab.run.measure.deployment import Deployment, deploy
from ormlab.run.measure.dispatch import Dispatch, Done, Ticket
from ormlab.run.measure.ports import Ports, settle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bundle.documents.host import HostReadings
    from ormlab.hosts import Host

PURPOSES = {"app": "service", "db": "database", "load": "load"}
"""What a host with a role has cores for."""

# Lives, and holds the lock that flock gave it, until its standard input ends.
_HOLD = 'printf "%s\\n" "$2" > "$1"; echo held; exec cat > /dev/null'
_HELD = "held"


@dataclass(frozen=True)
class Fetched:
    """What an order left: its raw files, copied here, and how it ended."""

    folder: Path
    done: Done


class Station:
    """A host, with what a run holds there.

    Args:
        host: connected.
        roles: of the run that it carries: app, db, load.
        scratch: a local folder for what is fetched.
        check: raises KeyboardInterrupt when the run is to stop.

    Attributes:
        host: likewise.
        roles: likewise.
        deployment: after `deploy`.
        facts: the host's, after `look`.
        ports: of the run on it, after `look`.
        readings: the host's just before the run, after `look`.
        folder: of the run on it, after `open`.
        dispatch: of orders to it, after `open`.
    """

    def __init__(
        self, host: Host, roles: tuple[str, ...], *, scratch: Path, check: Callable[[], None]
    ) -> None:
        self.host = host
        self.roles = roles
        self._scratch = scratch
        self._check = check
        self.deployment: Deployment
        self.dispatch: Dispatch
        self.facts: dict[str, Any] = {}
        self.ports = Ports()
        self.readings: HostReadings
        self.folder = ""

    @property
    def name(self) -> str:
        """The host's, in the inventory."""
        return self.host.spec.name

    @property
    def placement(self) -> dict[str, list[int]]:
        """The CPUs of each purpose that it has in the run."""
        return {PURPOSES[role]: self.facts["placement"][PURPOSES[role]] for role in self.roles}

    def claim(self, run_id: str) -> Callable[[], None]:
        """Take the lab's folder on the host for one run; it is free when this process ends.

        Args:
            run_id: names the run to whoever comes too late.

        Returns:
            What gives it back.

        Raises:
            LoadError: another run has it, and would be disturbed.
        """
        root = self.host.spec.root
        lock = f"{root}/run.lock"
        who = f"{run_id} (process {os.getpid()} on {socket.gethostname()})"
        self.host.run("mkdir", "-p", root)
        held = self.host.begin("flock", "--nonblock", lock, "sh", "-c", _HOLD, "hold", lock, who)
        if held.line != _HELD:
            held.end()
            other = self.host.run("cat", lock).strip() or "of an unknown name"
            raise LoadError(
                "host-in-use",
                f"the run {other} uses the lab's folder on {self.name}: two at once would "
                "disturb each other",
                where=f"{self.name}:{root}",
                hint="wait until it has ended",
            )
        return held.end

    def deploy(self, stacks: Path) -> None:
        """Ship the code and make the agent's environment."""
        self.deployment = deploy(self.host, stacks)

    def require_database_user(self) -> None:
        """Make sure that PostgreSQL can be run from the lab's folder, before anything else is.

        Raises:
            ProvisioningError: it would run as root, or as a user who cannot get there.
        """
        if self.host.spec.postgres_cluster:
            return  # it belongs to an account of its own
        found = self.ask("obstacle", self.deployment.root, self.deployment.postgres)
        if found is not None:
            raise ProvisioningError(**found)

    def look(self, run_id: str, subjects: int, *, apart: bool) -> None:
        """Read what the host is, settle on ports, and read whether it is fit for the run.

        What an earlier attempt at the run has left may hold ports, so its end comes first.

        Args:
            run_id: names the run.
            subjects: of the run; each has a port of its own.
            apart: whether the run has other hosts.
        """
        leftovers.remove(self.host, f"{self.deployment.root}/runs", run_id)
        self.facts = self.ask("facts")
        self.ports = settle(
            self.host, self.deployment, roles=self.roles, subjects=subjects, apart=apart
        )
        self.readings = self.read_readings(self.ports.all)

    def read_readings(self, ports: tuple[int, ...] = ()) -> HostReadings:
        """The host's readings as they are now; see `ormlab.run.measure.readiness`."""
        return readiness.read(self.host, self.deployment, ports)

    def ask(self, question: str, *about: str) -> Any:  # noqa: ANN401 - JSON
        """What the agent says: its ``facts``, or whose host it is, ``owner``."""
        path = (f"PYTHONPATH={self.deployment.code}", "PYTHONSAFEPATH=1")
        command = ("env", *path, self.deployment.python, "-m", "agent", question, *about)
        return json.loads(self.host.run(*command))

    def open(self, run_id: str, attempt: int) -> None:
        """Make the run's folder.

        Args:
            run_id: names the folder.
            attempt: how often the run was begun before.
        """
        runs = f"{self.deployment.root}/runs"
        # A folder of its own, so that no late agent of an earlier attempt takes heart from it.
        self.folder = f"{runs}/{run_id}{f'.{attempt}' if attempt else ''}"
        self.host.run("mkdir", "-p", self.folder)
        self.dispatch = Dispatch(
            self.host,
            folder=self.folder,
            python=self.deployment.python,
            code=self.deployment.code,
            cpus=self.facts["placement"]["housekeeping"],
            check=self._check,
        )

    def close(self) -> None:
        """Remove the run's folder."""
        if self.folder:
            self.host.run("rm", "-rf", self.folder)

    def wait(self, ticket: Ticket) -> Fetched:
        """Wait for the end of an order, and copy here what it left."""
        return self._fetch(ticket, self.dispatch.wait(ticket))

    def stop(self, ticket: Ticket) -> Fetched:
        """Have an order stopped, and copy here what it left."""
        return self._fetch(ticket, self.dispatch.stop(ticket))

    def last_said(self, order: str) -> str:
        """The last line that the program of an order logged; its folder goes with the run."""
        log = f"{self.folder}/{order}/log.txt"
        return self.host.run("tail", "--lines=1", log).strip() or "it logged nothing"

    def _fetch(self, ticket: Ticket, done: Done) -> Fetched:
        folder = self._scratch / ticket.folder.rpartition("/")[2]
        self.host.fetch(ticket.folder, folder)
        self.host.run("rm", "-rf", ticket.folder)
        return Fetched(folder, done)
