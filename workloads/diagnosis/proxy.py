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
import socket
import struct
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from io import BufferedReader

_ENCRYPTION_REQUESTS = (80877103, 80877104)  # SSL, GSSAPI
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


class Proxy:
    """Passes bytes between clients and one server; use as a context manager.

    It listens on `port` of 127.0.0.1. Its threads start with the context; earlier connections wait.
    It counts a message before it passes it on, so that a client with an answer finds it counted. It
    declines encryption, which would hide the messages.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._sent: Counter[bytes] = Counter()
        self._received: Counter[bytes] = Counter()
        self._lock = threading.Lock()
        self._sockets = [self._listener]
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            for connection in self._sockets:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for connection in self._sockets:
            connection.close()

    @property
    def counts(self) -> Counts:
        """The messages of all connections so far."""
        with self._lock:
            return Counts(
                queries=self._sent[_QUERY],
                executes=self._sent[_EXECUTE],
                flushes=self._sent[_FLUSH],
                ready=self._received[_READY],
                rows=self._received[_ROW],
                empty=self._received[_EMPTY],
            )

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)  # type: ignore[arg-type]  # a method
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is shut down at the end
            while True:
                client, _ = self._listener.accept()
                self._keep(client)
                self._start(self._connect, client)

    def _keep(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._sockets.append(connection)

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._server)
        except OSError:
            client.shutdown(socket.SHUT_RDWR)  # as a server that is not running would
            return
        with suppress(OSError), client.makefile("rb") as stream:
            self._keep(server)
            self._start(self._pass, server, client)
            _greet(stream, client, server)
            self._count(stream, server, self._sent)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _pass(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError), server.makefile("rb") as stream:
            self._count(stream, client, self._received)
        with suppress(OSError):
            client.shutdown(socket.SHUT_WR)

    def _count(
        self, stream: BufferedReader, target: socket.socket, counter: Counter[bytes]
    ) -> None:
        while head := stream.read(5):
            kind, length = head[:1], struct.unpack("!i", head[1:])[0]
            body = stream.read(length - 4)
            with self._lock:
                counter[kind] += 1
            target.sendall(head + body)


def _greet(stream: BufferedReader, client: socket.socket, server: socket.socket) -> None:
    """Pass the first message on, which has a length but no type."""
    while head := stream.read(8):
        length, code = struct.unpack("!ii", head)
        if code not in _ENCRYPTION_REQUESTS:
            server.sendall(head + stream.read(length - 8))
            return
        client.sendall(b"N")
