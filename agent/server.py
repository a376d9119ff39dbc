"""The database server in a trial: its counters, connections and log, and the faults put into it.

Only `Kills` talks to the server inside a window. The connections of a pool that is open before the
first request have the same ids just before and just after the window; if they do not, the
pool has opened other connections.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent.failure import Failure
from bundle.documents.readings import Connections, DatabaseServer, Kill
from workloads.databases import known
from workloads.databases.interface import NoSpaceError, ServerError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.orders import DatabaseSpec, KillSpec, Observe
    from bundle.documents.readings import Rows, ServerLog
    from workloads.databases.interface import Activity, DatabaseClient

_POLL_S = 0.02
_TAIL_BYTES = 1 << 16  # of the log before a window, to see a checkpoint that is under way


@dataclass(frozen=True)
class Now:
    """The server at one instant."""

    activity: Activity | None  #: None where it does not answer
    log_bytes: int | None  #: length of its log; None if this host cannot read it


def require_own(client: DatabaseClient, identity: str) -> None:
    """Make sure that the server which answers is the one that the run has started.

    Raises:
        Failure: ``database-foreign`` or ``database-unreachable``.
    """
    try:
        answers = client.identity()
    except ServerError as refused:
        raise _refused(client, "", refused) from None
    if answers != identity:
        raise Failure(
            "database-foreign",
            f"another {client.title} answers: server {answers}, and the run started {identity}",
            where=_address(client),
            hint="end it, or see lab_address in the inventory; nothing in it was changed",
        )


def prepare(database: DatabaseSpec) -> None:
    """Make sure that it is the run's server, and restore the database if it has a template.

    Raises:
        Failure: as `require_own` and `restore`.
    """
    client = known.client(database.server)
    require_own(client, database.identity)
    if database.template is not None:
        restore(client, database.template, database.name)


def restore(client: DatabaseClient, template: str, name: str) -> None:
    """Replace a database by a copy of a template.

    Raises:
        Failure: ``disk-full`` or ``database-unreachable``.
    """
    try:
        client.clone(template, name)
    except ServerError as refused:
        raise _refused(client, name, refused) from None


def counters(client: DatabaseClient, name: str) -> dict[str, Rows]:
    """Rows inserted, updated and deleted, and scans, by table, since the database was made.

    Raises:
        Failure: ``database-unreachable``.
    """
    try:
        return client.counters(name)
    except ServerError as refused:
        raise _refused(client, name, refused) from None


def _address(client: DatabaseClient) -> str:
    return f"{client.server.host}:{client.server.port}"


def _refused(client: DatabaseClient, name: str, refused: ServerError) -> Failure:
    where = f"{_address(client)}/{name}"
    if isinstance(refused, NoSpaceError):
        what = f"{client.title} has no space for the database: {refused}"
        return Failure("disk-full", what, where=where, hint="free some space, then run again")
    return Failure(
        "database-unreachable",
        f"the database refused: {refused}",
        where=where,
        hint="see the server's log in host/ of the bundle",
    )


def await_silence(client: DatabaseClient, name: str, *, timeout_s: float) -> int | None:
    """Wait until no client is connected to a database: a connection may report as it ends.

    Returns:
        How many clients are connected after ``timeout_s``; None if the server does not answer.
    """
    deadline = time.monotonic() + timeout_s
    while (now := observe(client, name, None).activity) is None or now.connections:
        if time.monotonic() >= deadline:
            return None if now is None else len(now.connections)
        time.sleep(_POLL_S)
    return 0


def observe(client: DatabaseClient, name: str, log: str | None) -> Now:
    """The server now, with the length of its log."""
    try:
        activity = client.activity(name)
    except ServerError:
        activity = None
    return Now(activity, log_length(log))


def between(client: DatabaseClient, before: Now, after: Now, log: str | None) -> DatabaseServer:
    """The record of what happened between two observations."""
    then, now = before.activity, after.activity
    checkpoints = None
    if then and now and then.checkpoints is not None and now.checkpoints is not None:
        checkpoints = now.checkpoints - then.checkpoints
    return DatabaseServer(
        log=log_between(client, log, before.log_bytes, after.log_bytes),
        checkpoints=checkpoints,
        connections=None
        if then is None or now is None
        else Connections(
            before=_by_application(then.connections),
            after=_by_application(now.connections),
            kept=len(then.connections.keys() & now.connections.keys()),
        ),
    )


def _by_application(connections: dict[str, str]) -> dict[str, int]:
    names = sorted(connections.values())
    return {name: names.count(name) for name in names}


def died(database: DatabaseSpec | Observe) -> Failure:
    """The failure of a trial in which the server ended."""
    return Failure(
        "database-died",
        f"{known.client(database.server).title} ended in the middle of the trial",
        where=f"process {database.server_pid}",
        hint="the trial is recorded as failed; the run starts the server again and goes on",
    )


def log_length(log: str | None) -> int | None:
    """Bytes of the server's log now; None if this host cannot read it."""
    try:
        return None if log is None else Path(log).stat().st_size
    except OSError:
        return None


def log_between(
    client: DatabaseClient, log: str | None, start: int | None, end: int | None
) -> ServerLog | None:
    """Counts of the server's log between two lengths of it; None if this host cannot read it."""
    if log is None or start is None or end is None:
        return None
    first = max(0, start - _TAIL_BYTES)
    try:
        with Path(log).open("rb") as file:
            file.seek(first)
            data = file.read(end - first)
    except OSError:
        return None
    earlier, inside = data[: start - first], data[start - first :]
    return client.read_log(earlier.decode(errors="replace"), inside.decode(errors="replace"))


class Kills:
    """The kills of one window: the server ends connections of the service at planned times."""

    def __init__(self, client: DatabaseClient, name: str, planned: Iterable[KillSpec]) -> None:
        self._client = client
        self._name = name
        self._planned = sorted(planned, key=lambda kill: kill.at_s)
        self._started: float | None = None
        self.record: list[Kill] = []  #: those done so far

    def do_what_is_due(self) -> None:
        """End connections if it is time; the first call starts the clock.

        Raises:
            Failure: ``not-killed``, the server refused.
        """
        if self._started is None:
            self._started = time.monotonic()
        while self._planned and self._planned[0].at_s <= time.monotonic() - self._started:
            kill = self._planned.pop(0)
            try:
                ended = self._client.end_connections(self._name, kill.connections)
            except ServerError as refused:
                raise Failure(
                    "not-killed",
                    f"the connections could not be ended: {refused}",
                    where=f"{_address(self._client)}/{self._name}",
                    hint="without the fault that the plan declares, this trial is another one",
                ) from None
            done_s = round(time.monotonic() - self._started, 4)
            self.record.append(
                Kill(at_s=kill.at_s, connections=kill.connections, done_s=done_s, ended=ended)
            )

    def require_all(self) -> None:
        """Make sure that the server has carried out every kill.

        Raises:
            Failure: ``not-killed``, the window ended before the last one was due.
        """
        if self._planned:
            raise Failure(
                "not-killed",
                "the window ended before the server was to end connections, at "
                f"{', '.join(f'{kill.at_s:g} s' for kill in self._planned)}",
                hint="the generator ended early; see its log",
            )
