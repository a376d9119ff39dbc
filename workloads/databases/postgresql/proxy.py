"""A pass-through proxy in front of PostgreSQL that counts messages.

A round trip is one wait of the client for the server. The server ends its answer to a simple query
and to a Sync of the extended protocol with ReadyForQuery, so everything that is pipelined up to one
Sync is one round trip. A client that sends a Flush waits for an answer without ReadyForQuery, so
each Flush is one more. A client that sent several Syncs without waiting would wait less often than
the proxy counts; no driver of the lab does.

Source: PostgreSQL 16, "Frontend/Backend Protocol", message flow and message formats.
"""

from __future__ import annotations

import operator
import threading
from collections import Counter
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from workloads.databases.postgresql.wire.relay import Location, Relay, Sender

if TYPE_CHECKING:
    from workloads.databases.postgresql.wire.frames import Frame

_QUERY, _FLUSH, _EXECUTE = b"Q", b"H", b"E"
_READY, _ROW, _EMPTY = b"Z", b"D", b"I"


@dataclass(frozen=True)
class Counts:
    """Messages so far; subtract an earlier count to get those in between."""

    queries: int  #: simple queries of the client
    executes: int  #: statements that the client executed by the extended protocol
    flushes: int  #: waits that the server does not end with ReadyForQuery
    ready: int  #: ReadyForQuery messages of the server
    rows: int  #: rows that the server sent
    empty: int  #: empty statements, by which some clients try a connection; nothing is executed

    def __sub__(self, earlier: Counts) -> Counts:
        return Counts(*map(operator.sub, astuple(self), astuple(earlier)))

    @property
    def round_trips(self) -> int:
        """Number of times that the client waited for the server."""
        return self.ready + self.flushes

    @property
    def statements(self) -> int:
        """Number of statements that the server received; it logs each of them once."""
        return self.queries + self.executes - self.empty


class Proxy(Relay):
    """Counts the messages of all connections; use as a context manager.

    It listens on `port` of 127.0.0.1.
    """

    def __init__(self, host: str, port: int) -> None:
        self._counted: Counter[tuple[Sender, bytes]] = Counter()
        self._counting = threading.Lock()
        super().__init__(Location(host, port), lambda: self._count)
        self.port = self.location.port

    @property
    def counts(self) -> Counts:
        """The messages of all connections so far."""
        with self._counting:
            return Counts(
                queries=self._counted[Sender.CLIENT, _QUERY],
                executes=self._counted[Sender.CLIENT, _EXECUTE],
                flushes=self._counted[Sender.CLIENT, _FLUSH],
                ready=self._counted[Sender.SERVER, _READY],
                rows=self._counted[Sender.SERVER, _ROW],
                empty=self._counted[Sender.SERVER, _EMPTY],
            )

    def _count(self, sender: Sender, frame: Frame) -> None:
        with self._counting:
            self._counted[sender, frame.kind] += 1
