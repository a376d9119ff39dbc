"""The database server in a trial: its counters, connections and log, and the faults put into it.

Only `Kills` talks to the server inside a window. The connections of a pool that is open before the
first request have the same process ids just before and just after the window; if they do not, the
pool has opened other connections.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agent.failure import Failure
from bundle.documents.readings import Connections, DatabaseServer, Kill, Rows, ServerLog
from workloads.dataset import clone
from workloads.psql import PsqlError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.orders import DatabaseSpec, KillSpec
    from workloads.psql import Psql

_POLL_S = 0.02
_TAIL_BYTES = 1 << 16  # of the log before a window, to see a checkpoint that is under way
_COUNTERS = """
select coalesce(json_object_agg(relname, json_build_object(
    'inserted', n_tup_ins, 'updated', n_tup_upd, 'deleted', n_tup_del,
    'sequential_scans', seq_scan, 'index_scans', idx_scan)), '{}')
from pg_stat_user_tables
"""
_IDENTITY = """
select system_identifier || ' since ' || extract(epoch from pg_postmaster_start_time())
from pg_control_system()
"""
_NOW = """
select json_build_object(
    'checkpoints', (select checkpoints_timed + checkpoints_req from pg_stat_bgwriter),
    'connections', (
        select coalesce(json_object_agg(pid, application_name), '{}') from pg_stat_activity
        where datname = current_database() and backend_type = 'client backend'
        and pid <> pg_backend_pid()))
"""
# In the trial's own database only the service is connected.
_END = """
select count(*) filter (where pg_terminate_backend(pid)) from (
    select pid from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend'
    and pid <> pg_backend_pid() order by pid limit {connections}) as victims
"""


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """The server at one instant; None where it does not answer."""

    checkpoints: int | None = None  #: begun since its statistics were reset
    #: application name by process id, of the clients of the trial's database
    connections: dict[str, str] | None = None
    log_bytes: int | None = None  #: length of its log


def identity(psql: Psql) -> str:
    """A text that differs for every server, and for each start of one server.

    Raises:
        PsqlError: the server does not answer.
    """
    return psql.run(_IDENTITY)


def require_own(psql: Psql, known: str) -> None:
    """Make sure that the run has started the server which answers: ``known`` is its `identity`.

    Raises:
        Failure: ``database-foreign`` or ``database-unreachable``.
    """
    try:
        answers = identity(psql)
    except PsqlError as refused:
        raise _refused(psql, "postgres", refused) from None
    if answers != known:
        raise Failure(
            "database-foreign",
            f"another PostgreSQL answers: cluster {answers}, and the run started {known}",
            where=f"{psql.host}:{psql.port}",
            hint="end it, or see lab_address in the inventory; nothing in it was changed",
        )


def prepare(database: DatabaseSpec) -> None:
    """Make sure that it is the run's server, and restore the database if it has a template.

    Raises:
        Failure: as `require_own` and `restore`.
    """
    require_own(database.psql, database.identity)
    if database.template is not None:
        restore(database.psql, database.template, database.name)


def restore(psql: Psql, template: str, database: str) -> None:
    """Replace a database by a copy of a template.

    Raises:
        Failure: ``disk-full`` or ``database-unreachable``.
    """
    try:
        clone(psql, template, database)
    except PsqlError as refused:
        raise _refused(psql, database, refused) from None


def counters(psql: Psql, database: str) -> dict[str, Rows]:
    """Rows inserted, updated and deleted, and scans, by table, since the database was made.

    Raises:
        Failure: ``database-unreachable``.
    """
    try:
        return msgspec.json.decode(psql.run(_COUNTERS, database=database), type=dict[str, Rows])
    except PsqlError as refused:
        raise _refused(psql, database, refused) from None


def _refused(psql: Psql, database: str, refused: PsqlError) -> Failure:
    where = f"{psql.host}:{psql.port}/{database}"
    if "No space left on device" in str(refused):
        what = f"PostgreSQL has no space for the database: {refused}"
        return Failure("disk-full", what, where=where, hint="free some space, then run again")
    return Failure(
        "database-unreachable",
        f"the database refused: {refused}",
        where=where,
        hint="see host/postgres.log in the bundle",
    )


def await_silence(psql: Psql, database: str, *, timeout_s: float) -> int | None:
    """Wait until no client is connected to a database: a backend reports its counts when it ends.

    Returns:
        How many clients are connected after ``timeout_s``; None if the server does not answer.
    """
    deadline = time.monotonic() + timeout_s
    while (left := observe(psql, database, None).connections) != {}:
        if time.monotonic() >= deadline:
            return None if left is None else len(left)
        time.sleep(_POLL_S)
    return 0


def observe(psql: Psql, database: str, log: str | None) -> Now:
    """The server now, with the length of its log."""
    try:
        now = msgspec.json.decode(psql.run(_NOW, database=database), type=Now)
    except PsqlError:
        now = Now()
    return msgspec.structs.replace(now, log_bytes=log_length(log))


def between(before: Now, after: Now, log: str | None) -> DatabaseServer:
    """The record of what happened between two observations."""
    return DatabaseServer(
        log=log_between(log, before.log_bytes, after.log_bytes),
        checkpoints=None
        if before.checkpoints is None or after.checkpoints is None
        else after.checkpoints - before.checkpoints,
        connections=None
        if before.connections is None or after.connections is None
        else Connections(
            before=_by_application(before.connections),
            after=_by_application(after.connections),
            kept=len(before.connections.keys() & after.connections.keys()),
        ),
    )


def parse_log(earlier: str, inside: str) -> ServerLog:
    """Count checkpoints and autovacuums in ``inside``, a piece of the server's log.

    A checkpoint that began in ``earlier``, the text before it, may still be under way.
    """
    begun, done = "checkpoint starting:", "checkpoint complete:"
    under_way = earlier.count(begun) and earlier.rfind(begun) > earlier.rfind(done)
    return ServerLog(
        checkpoints=inside.count(begun) + bool(under_way),
        autovacuums=inside.count("automatic vacuum of") + inside.count("automatic analyze of"),
        lines=inside.count("\n"),
    )


def _by_application(connections: dict[str, str]) -> dict[str, int]:
    names = sorted(connections.values())
    return {name: names.count(name) for name in names}


def died(pid: int | None) -> Failure:
    """The failure of a trial in which the server ended."""
    return Failure(
        "database-died",
        "PostgreSQL ended in the middle of the trial",
        where=f"process {pid}",
        hint="the trial is recorded as failed; the run starts the server again and goes on",
    )


def log_length(log: str | None) -> int | None:
    """Bytes of the server's log now; None if this host cannot read it."""
    try:
        return None if log is None else Path(log).stat().st_size
    except OSError:
        return None


def log_between(log: str | None, start: int | None, end: int | None) -> ServerLog | None:
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
    return parse_log(earlier.decode(errors="replace"), inside.decode(errors="replace"))


class Kills:
    """The kills of one window: the server ends connections of the service at planned times."""

    def __init__(self, psql: Psql, database: str, planned: Iterable[KillSpec]) -> None:
        self._psql = psql
        self._database = database
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
                query = _END.format(connections=kill.connections)
                ended = int(self._psql.run(query, database=self._database))
            except PsqlError as refused:
                raise Failure(
                    "not-killed",
                    f"the connections could not be ended: {refused}",
                    where=f"{self._psql.host}:{self._psql.port}/{self._database}",
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
