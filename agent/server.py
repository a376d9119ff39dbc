"""What the database server tells of a trial: row counters, connections, checkpoints, vacuums.

Nothing here asks inside a window. The connections of a pool that is open before the first request
are the same just before and just after it, by their process ids; if they are not, the pool has
opened others.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agent.failure import Failure
from bundle.documents.readings import Connections, DatabaseServer, Rows, ServerLog
from workloads.dataset import clone
from workloads.psql import PsqlError

if TYPE_CHECKING:
    from agent.orders import DatabaseSpec
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


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """The server at one instant; None where it does not answer.

    Attributes:
        checkpoints: begun since its statistics were reset.
        connections: clients of the trial's database: process id and name of the application.
        log_bytes: length of its log.
    """

    checkpoints: int | None = None
    connections: dict[str, str] | None = None
    log_bytes: int | None = None


def identity(psql: Psql) -> str:
    """What no other server says of itself, nor this one after another start.

    Raises:
        PsqlError: it does not answer.
    """
    return psql.run(_IDENTITY)


def require_own(psql: Psql, known: str) -> None:
    """Make sure that the server which answers is the one that the run has started.

    Args:
        psql: how it is reached from here.
        known: its `identity`, as its own host has read it.

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
    """Make sure of the server, and restore the database if it has a template.

    Raises:
        Failure: as `require_own` and `restore`.
    """
    require_own(database.psql, database.identity)
    if database.template is not None:
        restore(database.psql, database.template, database.name)


def restore(psql: Psql, template: str, database: str) -> None:
    """Make a database anew from a template.

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
        what = f"PostgreSQL found no room for the database: {refused}"
        return Failure("disk-full", what, where=where, hint="free some space, then run again")
    return Failure(
        "database-unreachable",
        f"the database refused: {refused}",
        where=where,
        hint="see host/postgres.log in the bundle",
    )


def await_silence(psql: Psql, database: str, *, timeout_s: float) -> int | None:
    """Wait until nobody is connected to a database: a backend tells its last counts when it ends.

    Returns:
        How many are still connected after ``timeout_s``; None if the server does not answer.
    """
    deadline = time.monotonic() + timeout_s
    while (left := observe(psql, database, None).connections) != {}:
        if time.monotonic() >= deadline:
            return None if left is None else len(left)
        time.sleep(_POLL_S)
    return 0


def observe(psql: Psql, database: str, log: str | None) -> Now:
    """Look at the server once."""
    try:
        now = msgspec.json.decode(psql.run(_NOW, database=database), type=Now)
    except PsqlError:
        now = Now()
    return msgspec.structs.replace(now, log_bytes=log_length(log))


def between(before: Now, after: Now, log: str | None) -> DatabaseServer:
    """What happened between two looks, for the record."""
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
    """Count checkpoints and autovacuums in a piece of the server's log.

    Args:
        earlier: what stands before it: a checkpoint may have begun there.
        inside: the piece.
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
    """The failure of a trial whose server ended by itself."""
    return Failure(
        "database-died",
        "PostgreSQL ended in the middle of the trial",
        where=f"process {pid}",
        hint="the trial is recorded as failed; the run starts the server again and goes on",
    )


def log_length(log: str | None) -> int | None:
    """Bytes of the server's log now; None where there is none to read."""
    try:
        return None if log is None else Path(log).stat().st_size
    except OSError:
        return None


def log_between(log: str | None, start: int | None, end: int | None) -> ServerLog | None:
    """What stands in the server's log between two lengths of it, counted; None where unreadable."""
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
