"""The server's JSON log as the source of the statements of one request.

``log_statement = all`` logs a statement once, when the server executes it: a simple query as it
came, one of the extended protocol with the name of its prepared statement. The pass switches it on
for single databases, and the collector runs only in a server that was started with ``SERVER``.

Source: PostgreSQL 16, "Error Reporting and Logging".
"""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Self

from workloads.databases.interface import Sent
from workloads.diagnosis.fingerprint import normalised

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

    from workloads.databases.postgresql.proxy import Counts, Proxy
    from workloads.databases.postgresql.psql import Psql

# Settings of a server that logs statements; the collector starts only with the server.
SERVER = {
    "logging_collector": "on",
    "log_destination": "jsonlog",
    "log_directory": "log",
    "log_filename": "statements.log",
    "log_rotation_age": "0",
    "log_rotation_size": "0",
}
FOLDER = SERVER["log_directory"]
# Settings of a server that logs no statement at all.
SILENT = {
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "databases": "0",
}
_SHOWN = tuple(name for name in SILENT if name != "databases")
_TIMEOUT_S = 30.0
_POLL_S = 0.01
_MOST_BYTES = 1 << 28  # read at once
_MARK = "ormlab mark"
_STATEMENT = re.compile(r"statement: |execute (?:fetch from )?(?:<unnamed>|\S+): ")
_HERE = "log_statement%"


def logging(psql: Psql) -> dict[str, str]:
    """The server's settings of its log, and the number of databases or roles that differ."""
    shown = "".join(f"SHOW {name};" for name in _SHOWN)
    special = (
        "SELECT count(*) FROM pg_db_role_setting, unnest(setconfig) AS one "  # noqa: S608 - constant
        f"WHERE one LIKE '{_HERE}'"
    )
    values = psql.run(f"{shown}{special}").splitlines()
    return dict(zip((*_SHOWN, "databases"), values, strict=True))


class StatementLog:
    """The statements of one database, cut into pieces by marks.

    Raises:
        RuntimeError: the server was not started with ``SERVER``.
    """

    def __init__(self, psql: Psql, database: str) -> None:
        self._psql = psql
        self._database = database
        self._file = psql.run("SELECT pg_current_logfile('jsonlog')")
        if not self._file:
            raise RuntimeError("the server writes no JSON log: it was not started for the pass")
        self._offset = self._length()
        self._marks = 0

    @classmethod
    @contextmanager
    def on(cls, psql: Psql, database: str) -> Iterator[Self]:
        """Log every statement of the sessions that begin on a database during the block."""
        psql.run(f"ALTER DATABASE {database} SET log_statement = 'all'")
        try:
            yield cls(psql, database)
        finally:
            psql.run(f"ALTER DATABASE {database} RESET log_statement")

    def mark(self) -> None:
        """End a piece: statements after the mark belong to the next one."""
        self._marks += 1
        self._psql.run(f"SELECT '{_MARK} {self._marks}'", database=self._database)

    def pieces(self) -> list[list[str]]:
        """The normalised statements of each piece; TimeoutError if the last mark is not logged."""
        pieces: list[list[str]] = [[]]
        deadline = time.monotonic() + _TIMEOUT_S
        while len(pieces) <= self._marks:
            if time.monotonic() > deadline:
                raise TimeoutError("the server's log does not grow")
            pieces = self._read()
            time.sleep(0 if len(pieces) > self._marks else _POLL_S)
        return pieces[: self._marks]

    def _read(self) -> list[list[str]]:
        text = self._psql.run(f"SELECT pg_read_file('{self._file}', {self._offset}, {_MOST_BYTES})")
        pieces: list[list[str]] = [[]]
        for line in text.splitlines():
            if not line.endswith("}"):
                break  # the collector is still writing it
            entry = json.loads(line)
            prefix = _STATEMENT.match(entry.get("message", ""))
            if entry.get("dbname") != self._database or prefix is None:
                continue
            statement = entry["message"][prefix.end() :]
            if entry.get("application_name") != "psql":
                pieces[-1].append(normalised(statement))
            elif _MARK in statement:
                pieces.append([])
        return pieces

    def _length(self) -> int:
        return int(self._psql.run(f"SELECT size FROM pg_stat_file('{self._file}')"))  # noqa: S608 - a name


class PairedLog:
    """What one service sent on one connection: statements by the log, messages by the proxy.

    The log does not tell to which request a statement belongs. On one connection they come in
    order, so the number of messages in each piece assigns them.
    """

    def __init__(self, proxy: Proxy, statements: StatementLog, begun: ExitStack) -> None:
        self._proxy = proxy
        self._begun = begun
        self._log = statements
        self._cuts: list[Counts] = [proxy.counts]

    @property
    def address(self) -> tuple[str, int]:
        """Where the proxy listens."""
        return "127.0.0.1", self._proxy.port

    def begin(self) -> None:
        """Pass messages on until the end of the recording."""
        self._begun.enter_context(self._proxy)

    def cut(self) -> None:
        """End a piece."""
        if len(self._cuts) == 1:
            self._log.mark()  # a service may open more connections before its first request
        self._cuts.append(self._proxy.counts)

    def pieces(self) -> list[Sent]:
        """Every piece that was ended; the first is not compared with the number of messages.

        Raises:
            RuntimeError: the server logged more or fewer statements than were sent.
            TimeoutError: the server's log does not grow.
        """
        self._log.mark()
        first, logged = self._log.pieces()
        counts = [after - before for before, after in pairwise(self._cuts)]
        sent = sum(each.statements for each in counts[1:])
        if len(logged) != sent:
            raise RuntimeError(f"{sent} statements were sent, but the server logged {len(logged)}")
        statements = iter(logged)
        assigned = [first, *(list(islice(statements, each.statements)) for each in counts[1:])]
        return [
            Sent(statements=told, round_trips=each.round_trips, rows=each.rows)
            for told, each in zip(assigned, counts, strict=True)
        ]
