"""What one service sent, from the server's own record of statements, as the diagnostic pass has it.

The performance schema keeps the last statements of all sessions. Each has a digest text: the
statement without literals, in one spelling. The record is read and emptied at each cut, so a
statement belongs to the request after which it was found. Nothing else talks to the database: a
driver without prepared statements waits once for each statement.

Source: MariaDB Knowledge Base, "Performance Schema events_statements_history_long Table".
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

from workloads.databases.interface import Sent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workloads.databases.mariadb.shell import Shell
    from workloads.databases.program import ConnectedProgram

_KEPT: Final = 2_000  # statements between two cuts; more are an error
SERVER: Final = {
    "performance_schema_consumer_events_statements_current": "ON",
    "performance_schema_consumer_events_statements_history_long": "ON",
    "performance_schema_consumer_statements_digest": "ON",
    "performance_schema_events_statements_history_long_size": str(_KEPT),
    "max_digest_length": "16384",
    "performance_schema_max_digest_length": "16384",
}
"""Settings of a server that records statements."""

_CONSUMERS: Final = (
    "events_statements_current",
    "events_statements_history",
    "events_statements_history_long",
    "statements_digest",
)
SILENT: Final = {
    **dict.fromkeys(_CONSUMERS, "NO"),
    "general_log": "0",
    "slow_query_log": "0",
}
"""The settings of a server that records no statement."""

_HISTORY: Final = "performance_schema.events_statements_history_long"
_TIMEOUT_S: Final = 30.0
_POLL_S: Final = 0.005
# Nobody waits for an answer to these.
_UNANSWERED: Final = ("statement/com/Quit", "statement/com/Close stmt")
_DRAINED: Final = """
SELECT count(*) FROM performance_schema.events_statements_current
JOIN performance_schema.threads USING (thread_id)
WHERE processlist_db = '{name}' AND end_event_id IS NULL
"""
_READ: Final = f"""
SELECT json_object('event', event_name, 'digest', digest_text, 'rows', rows_sent)
FROM {_HISTORY} WHERE current_schema = '{{name}}' ORDER BY timer_start
"""  # noqa: S608 - names of this module


def logging(shell: Shell) -> dict[str, str]:
    """The server's settings of what it records of statements."""
    named = ", ".join(f"'{name}'" for name in _CONSUMERS)
    told = shell.run(
        f"SELECT name, enabled FROM performance_schema.setup_consumers WHERE name IN ({named});\n"  # noqa: S608 - names of this module
        "SELECT 'general_log', @@general_log;\nSELECT 'slow_query_log', @@slow_query_log"
    )
    return dict(line.split("\t") for line in told.splitlines())


class DigestRecording:
    """What the sessions of one database send.

    Raises:
        RuntimeError: the server was not started with ``SERVER``.
    """

    def __init__(self, shell: Shell, connected: ConnectedProgram, name: str) -> None:
        if logging(shell)["events_statements_history_long"] != "YES":
            raise RuntimeError("the server records no statements: it was not started for the pass")
        self.address = (shell.host, shell.port)
        self._connected = connected
        self._name = name
        self._pieces: list[Sent] = []
        connected.run(f"TRUNCATE TABLE {_HISTORY}")

    @classmethod
    @contextmanager
    def on(cls, shell: Shell, name: str) -> Iterator[Self]:
        """Record what is sent to a database during the block."""
        with shell.connected("") as connected:
            yield cls(shell, connected, name)

    def begin(self) -> None:
        """No-op: the service reaches the server itself."""

    def cut(self) -> None:
        """End a piece.

        Raises:
            RuntimeError: there were more statements than the server keeps.
            TimeoutError: a statement does not end.
        """
        # The server writes a statement into its record after it has sent the answer.
        deadline = time.monotonic() + _TIMEOUT_S
        while self._connected.run(_DRAINED.format(name=self._name)) != "0":
            if time.monotonic() > deadline:
                raise TimeoutError("a statement of the service does not end")
            time.sleep(_POLL_S)
        lines = self._connected.run(_READ.format(name=self._name)).splitlines()
        self._connected.run(f"TRUNCATE TABLE {_HISTORY}")
        if len(lines) >= _KEPT:
            raise RuntimeError(f"more than {_KEPT:,} statements were sent, and some are lost")
        events = [event for event in map(json.loads, lines) if event["event"] not in _UNANSWERED]
        self._pieces.append(
            Sent(
                statements=[_text(event["event"], event["digest"]) for event in events],
                round_trips=len(events),
                rows=sum(event["rows"] for event in events),
            )
        )

    def pieces(self) -> list[Sent]:
        """Every piece that was ended, in order."""
        return self._pieces


def _text(event: str, digest: str | None) -> str:
    """The digest text; of a command without SQL, such as a ping, its name."""
    return (digest or event.rpartition("/")[2]).strip()
