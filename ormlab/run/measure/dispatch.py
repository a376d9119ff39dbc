"""Orders to the agent of a host: placed, awaited without polling, stopped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from agent.answers import Done
from agent.orders import Order, RunCommand
from bundle import codec
from bundle.documents.failure import Failure
from bundle.documents.services import Observed
from ormlab.base.errors import LoadError
from ormlab.run.measure.deployment import read_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.orders import Work
    from host.environment import Program
    from ormlab.hosts import Host
    from ormlab.run.measure.deployment import Deployment

_HEARTBEAT_TIMEOUT_S = 10.0
_BEAT_PERIOD_S = 2
# One shell per beat: move the heartbeat, then wait on the lock that the agent holds. Only flock's
# own 1 means "not yet"; a heartbeat that cannot be moved must not be waited on.
_BEAT_AND_WAIT = 'touch "$1" || exit 3; exec flock --shared --wait "$2" "$3" echo ended'
# The last two: a terminal's Ctrl-C reaches what runs on this machine, too.
_NOT_YET = (0, 1, 130, -2)


@dataclass(frozen=True)
class Ticket[T]:
    """An order that was accepted."""

    folder: str  #: of the order, on the host
    pid: int  #: of the agent that carries it out
    where: str  #: host and folder, for messages
    placed: str  #: when, ISO 8601, UTC
    observes: type[T]  #: the type of what is observed of its work


class Dispatch:
    """The orders of one run on one host.

    Args:
        deployment: of the lab there.
        folder: of the run there; exists.
        cpus: where agents run; None leaves them alone.
        beats: each host of the run, and the file there whose touch tells its agents that somebody
            still waits for them.
        check: raises KeyboardInterrupt when the run is to stop.
    """

    def __init__(
        self,
        deployment: Deployment,
        *,
        folder: str,
        cpus: Sequence[int] | None,
        beats: Sequence[tuple[Host, str]],
        check: Callable[[], None],
    ) -> None:
        self._host = deployment.host
        self._deployment = deployment
        self._folder = folder
        self._cpus = list(cpus) if cpus is not None else None
        self._beats = beats
        self._heartbeat = next(path for host, path in beats if host is self._host)
        self._check = check

    def place[T](
        self,
        name: str,
        work: Work,
        observes: type[T],
        *,
        deadline_s: float,
        program: Program = "agent",
    ) -> Ticket[T]:
        """Give an order to a new agent; returns once the agent has accepted it.

        Args:
            name: of the order's folder.
            work: what the agent does.
            observes: the type of what the agent reports of it.
            deadline_s: after which the agent stops by itself.
            program: the kind of program whose variables the agent gets.

        Raises:
            CommandFailed: no agent could be started.
            KeyboardInterrupt: the run is to stop; nothing was started.
        """
        self._check()
        folder = f"{self._folder}/{name}"
        self._host.run("mkdir", "-p", folder)
        order = Order(
            heartbeat=self._heartbeat,
            heartbeat_timeout_s=_HEARTBEAT_TIMEOUT_S,
            deadline_s=deadline_s,
            cpus=self._cpus,
            work=work,
        )
        self._host.put(codec.encode(order), f"{folder}/order.json")
        self.beat()
        agent = [*self._deployment.interpreter, "-m", "agent", f"{folder}/order.json"]
        pid = self._host.run(*agent, program=program)
        return Ticket(folder, int(pid), f"{self._host.spec.name}:{folder}", _now(), observes)

    def wait[T](self, ticket: Ticket[T]) -> Done[T]:
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

    def wait_for_file[T, F](self, ticket: Ticket[T], name: str, kind: type[F]) -> F:
        """Wait for a JSON file that the agent renames into place while it goes on working.

        Raises:
            LoadError: the agent ended instead.
        """
        if (found := self.look_for_file(ticket, name, kind)) is not None:
            return found
        required(self._outcome(ticket))
        raise LoadError(
            "agent-lost",
            f"the agent ended without leaving {name}",
            where=ticket.where,
            hint="see agent.log there",
        )

    def look_for_file[T, F](self, ticket: Ticket[T], name: str, kind: type[F]) -> F | None:
        """As `wait_for_file`; None if the agent ended instead."""
        path, lock = f"{ticket.folder}/{name}", f"{ticket.folder}/lock"
        look = 'until [ -e "$1" ] || flock --shared --nonblock "$2" true; do sleep 0.02; done'
        seen = ["timeout", str(_BEAT_PERIOD_S), "sh", "-c", look, "look", path, lock]
        while not self._host.try_run(*seen):
            self._check()
            self.beat()
        return self._read(ticket, name, kind)

    def stop[T](self, ticket: Ticket[T]) -> Done[T]:
        """Ask the agent to stop, and wait until it has stopped everything it started."""
        if not self.ended(ticket):
            # The shell's own: not every host has the program.
            self._host.try_run("sh", "-c", 'kill -TERM "$1"', "kill", str(ticket.pid))
        while not self._beat_and_wait(ticket):
            pass
        return self._outcome(ticket)

    def ended[T](self, ticket: Ticket[T]) -> bool:
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
        """Run a program of the shipped code to its end; returns exit status and standard output.

        Raises:
            LoadError: it could not be run to its end.
        """
        work = RunCommand(argv=list(argv), env=env or {}, program=program)
        ticket = self.place(name, work, Observed, deadline_s=deadline_s, program=program)
        status = required(self.wait(ticket)).exit_status
        if not isinstance(status, int):
            raise LoadError(**asdict(_silent(ticket)))
        return status, self._host.run("cat", f"{ticket.folder}/stdout")

    def beat(self) -> None:
        """Tell every agent of the run, on whatever host, that somebody still waits for it."""
        for host, path in self._beats:
            host.run("touch", path)

    def _beat_and_wait[T](self, ticket: Ticket[T]) -> bool:
        if len(self._beats) > 1:
            self.beat()
        lock = f"{ticket.folder}/lock"
        wait = [_BEAT_AND_WAIT, "beat", self._heartbeat, str(_BEAT_PERIOD_S), lock]
        return self._host.run("sh", "-c", *wait, accept=_NOT_YET).strip() == "ended"

    def _outcome[T](self, ticket: Ticket[T]) -> Done[T]:
        done = self._read(ticket, "done.json", Done[ticket.observes])  # type: ignore[name-defined]
        if done is not None:
            return done
        return Done(
            started=ticket.placed,
            ended=_now(),
            failure=_silent(ticket),
            ended_by_force=[],
            observed=ticket.observes(),
        )

    def _read[T, F](self, ticket: Ticket[T], name: str, kind: type[F]) -> F | None:
        """Read what the agent has left in an order's folder; None if there is no such file."""
        path = f"{ticket.folder}/{name}"
        if not self._host.try_run("test", "-e", path):
            return None
        return read_answer(self._host.run("cat", path), kind, where=f"{ticket.where}/{name}")


def _silent[T](ticket: Ticket[T]) -> Failure:
    return Failure(
        code="agent-lost",
        what="the agent ended without saying how",
        where=ticket.where,
        hint="it was killed, or the disk is full; see agent.log there",
    )


def required[T](done: Done[T]) -> T:
    """What was observed of an order that was carried out.

    Raises:
        LoadError: it was not.
    """
    if done.failure:
        raise LoadError(**asdict(done.failure))
    return done.observed


def _now() -> str:
    return datetime.now(UTC).isoformat()
