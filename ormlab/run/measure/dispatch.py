"""Orders to the agent of a host: placed, awaited without polling, stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ormlab.base.errors import LoadError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from host.environment import Program
    from ormlab.hosts import Host

_HEARTBEAT_TIMEOUT_S = 10.0
_BEAT_PERIOD_S = 2
# One shell per beat: move the heartbeat, then wait on the lock that the agent holds. Only flock's
# own 1 means "not yet"; a heartbeat that cannot be moved must not be waited on.
_BEAT_AND_WAIT = 'touch "$1" || exit 3; exec flock --shared --wait "$2" "$3" echo ended'
# The last two: a terminal's Ctrl-C reaches what runs on this machine, too.
_NOT_YET = (0, 1, 130, -2)


@dataclass(frozen=True)
class Ticket:
    """An order that was accepted.

    Attributes:
        folder: of the order, on the host.
        pid: of the agent that carries it out.
        where: host and folder, for messages.
        placed: when, ISO 8601, UTC.
    """

    folder: str
    pid: int
    where: str
    placed: str


@dataclass(frozen=True)
class Done:
    """How an order ended.

    Attributes:
        failure: code, what, where and hint; None if it was carried out.
        observed: what the agent recorded.
        started: ISO 8601, UTC; by the orchestrator's clock if the agent could not say.
        ended: likewise.
    """

    failure: dict[str, str] | None
    observed: dict[str, Any]
    started: str
    ended: str

    def require(self) -> dict[str, Any]:
        """What was observed.

        Raises:
            LoadError: the order was not carried out.
        """
        if self.failure:
            raise LoadError(**self.failure)
        return self.observed


class Dispatch:
    """The orders of one run on one host.

    Args:
        host: connected.
        folder: of the run on the host; exists.
        python: the agent's interpreter there.
        code: folder of the shipped packages there.
        cpus: where agents run; None leaves them alone.
        check: raises KeyboardInterrupt when the run is to stop.

    Attributes:
        beside: orders of the same run on other hosts, whose agents are told at the same time that
            somebody still waits.
    """

    def __init__(
        self,
        host: Host,
        *,
        folder: str,
        python: str,
        code: str,
        cpus: Sequence[int] | None,
        check: Callable[[], None],
    ) -> None:
        self._host = host
        self._folder = folder
        self._python = python
        self._code = code
        self._cpus = list(cpus) if cpus is not None else None
        self._heartbeat = f"{folder}/heartbeat"
        self._check = check
        self.beside: tuple[Dispatch, ...] = ()

    def place(
        self,
        name: str,
        kind: str,
        body: dict[str, Any],
        *,
        deadline_s: float,
        program: Program = "agent",
    ) -> Ticket:
        """Hand an order to a new agent; returns once the agent has taken it.

        Args:
            name: of the order's folder.
            kind: of the order.
            body: what its kind needs.
            deadline_s: after which the agent stops by itself.
            program: whose variables the agent gets: more where it starts such a program.

        Raises:
            CommandFailed: no agent could be started.
            KeyboardInterrupt: the run is to stop; nothing was started.
        """
        self._check()
        folder = f"{self._folder}/{name}"
        self._host.run("mkdir", "-p", folder)
        order = {
            "schema": "order/1",
            "kind": kind,
            "heartbeat": self._heartbeat,
            "heartbeat_timeout_s": _HEARTBEAT_TIMEOUT_S,
            "deadline_s": deadline_s,
            "cpus": self._cpus,
            **body,
        }
        self._host.put(json.dumps(order, indent=1).encode(), f"{folder}/order.json")
        self.beat()
        agent = [self._python, "-m", "agent", f"{folder}/order.json"]
        # Inherited by all that the agent starts: the shipped code, not what lies where it stands.
        path = (f"PYTHONPATH={self._code}", "PYTHONSAFEPATH=1")
        pid = self._host.run("env", *path, *agent, program=program)
        return Ticket(folder, int(pid), f"{self._host.spec.name}:{folder}", _now())

    def beat(self) -> None:
        """Tell every agent of the run that somebody still waits, on whatever host."""
        for each in (self, *self.beside):
            each._host.run("touch", each._heartbeat)  # noqa: SLF001 - of its own kind

    def wait(self, ticket: Ticket) -> Done:
        """Wait for the order's end, however it comes; the heartbeat goes on meanwhile.

        Raises:
            KeyboardInterrupt: the run is to stop; the agent has stopped already.
        """
        while not self._beat_and_wait(ticket):
            try:
                self._check()
            except KeyboardInterrupt:
                self.stop(ticket)
                raise
        return self._outcome(ticket)

    def wait_for_file(self, ticket: Ticket, name: str) -> dict[str, Any]:
        """Wait for a JSON file that the agent renames into place while it goes on working.

        Raises:
            LoadError: the agent ended instead.
        """
        if (found := self.look_for_file(ticket, name)) is not None:
            return found
        self._outcome(ticket).require()
        raise LoadError(
            "agent-lost",
            f"the agent ended without leaving {name}",
            where=ticket.where,
            hint="see agent.log there",
        )

    def look_for_file(self, ticket: Ticket, name: str) -> dict[str, Any] | None:
        """As `wait_for_file`; None if the agent ended instead."""
        path, lock = f"{ticket.folder}/{name}", f"{ticket.folder}/lock"
        look = 'until [ -e "$1" ] || flock --shared --nonblock "$2" true; do sleep 0.02; done'
        seen = ["timeout", str(_BEAT_PERIOD_S), "sh", "-c", look, "look", path, lock]
        while not self._host.try_run(*seen):
            self._check()
            self.beat()
        if not self._host.try_run("test", "-e", path):
            return None
        return dict(json.loads(self._host.run("cat", path)))

    def stop(self, ticket: Ticket) -> Done:
        """Ask the agent to stop, and wait until it has stopped everything it started."""
        if not self.ended(ticket):
            # The shell's own: not every host has the program.
            self._host.try_run("sh", "-c", 'kill -TERM "$1"', "kill", str(ticket.pid))
        while not self._beat_and_wait(ticket):
            pass
        return self._outcome(ticket)

    def ended(self, ticket: Ticket) -> bool:
        """Whether the agent is gone."""
        return self._host.try_run(
            "flock", "--shared", "--nonblock", f"{ticket.folder}/lock", "true"
        )

    def command(
        self,
        name: str,
        argv: Sequence[str],
        *,
        deadline_s: float,
        env: dict[str, str] | None = None,
        program: Program = "tool",
    ) -> tuple[int, str]:
        """Run a program of the shipped code to its end under the agent's care.

        Args:
            name: of the order's folder.
            argv: the program and its arguments.
            deadline_s: after which it is ended.
            env: variables added to those of its kind.
            program: its kind.

        Returns:
            its exit status and its standard output.

        Raises:
            LoadError: it could not be run to its end.
        """
        body = {"argv": list(argv), "env": env or {}, "program": program}
        ticket = self.place(name, "command", body, deadline_s=deadline_s, program=program)
        observed = self.wait(ticket).require()
        return int(observed["exit_status"]), self._host.run("cat", f"{ticket.folder}/stdout")

    def _beat_and_wait(self, ticket: Ticket) -> bool:
        if self.beside:
            self.beat()
        lock = f"{ticket.folder}/lock"
        wait = [_BEAT_AND_WAIT, "beat", self._heartbeat, str(_BEAT_PERIOD_S), lock]
        return self._host.run("sh", "-c", *wait, accept=_NOT_YET).strip() == "ended"

    def _outcome(self, ticket: Ticket) -> Done:
        path = f"{ticket.folder}/done.json"
        if not self._host.try_run("test", "-e", path):
            failure = {
                "code": "agent-lost",
                "what": "the agent ended without saying how",
                "where": ticket.where,
                "hint": "it was killed, or the disk is full; see agent.log there",
            }
            return Done(failure, {}, ticket.placed, _now())
        done = json.loads(self._host.run("cat", path))
        return Done(done["failure"], done["observed"], done["started"], done["ended"])


def _now() -> str:
    return datetime.now(UTC).isoformat()
