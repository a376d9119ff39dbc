"""Passes connections on to one PostgreSQL server, and shows each message to an observer.

The bytes pass unchanged. The first message of a connection has no type: it starts a session, asks
for a cancellation, or asks for encryption. Encryption would hide the messages, so the relay
declines it, as a server without certificates does. Clients that only prefer it go on without.

Source: PostgreSQL 16, "Frontend/Backend Protocol", message flow.
"""

from __future__ import annotations

import enum
import shutil
import socket
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from .frames import Frame, Frames

if TYPE_CHECKING:
    from collections.abc import Callable, Container

_ENCRYPTION_REQUESTS = (80877103, 80877104)  # SSL, GSSAPI
_TLS_HANDSHAKE = 0x16  # first byte of a client that begins TLS without a request
_HEAD = 8  # bytes of length and code
_LONGEST_OPENING = 10_000  # bytes; PostgreSQL's own limit
_PIECE = 1 << 16  # bytes passed on at once
_NO_TLS = (
    "a client insisted on encryption, which would hide its messages from the proxy: let it connect "
    "without, as by sslmode=disable (libpq), ssl=False (asyncpg)"
)


class Sender(enum.Enum):
    """Who sent a message."""

    CLIENT = enum.auto()
    SERVER = enum.auto()


type Watch = Callable[[Sender, Frame], None]
"""Called for each message of one connection before it is passed on, so that a client that has an
answer finds everything of it seen. Two threads call it, one for each sender."""


@dataclass(frozen=True)
class Location:
    """Where a server listens, written as libpq writes it."""

    host: str  #: a name or address; the folder of its socket if it begins with a slash
    port: int

    @property
    def local(self) -> bool:
        """Whether this is a Unix socket."""
        return self.host.startswith("/")

    @property
    def path(self) -> str:
        """The file of the Unix socket."""
        return f"{self.host}/.s.PGSQL.{self.port}"

    def __str__(self) -> str:
        return self.path if self.local else f"{self.host}:{self.port}"

    def connect(self) -> socket.socket:
        """Connect to it.

        Raises:
            OSError: nothing listens there.
        """
        if not self.local:
            connection = socket.create_connection((self.host, self.port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(self.path)
        except OSError:
            connection.close()
            raise
        return connection


class Relay:
    """Passes bytes between clients and one server; use as a context manager.

    It listens as the server does: on a port of 127.0.0.1 for TCP, in a folder of its own for a Unix
    socket. Its threads start with the context; earlier connections wait.
    """

    def __init__(
        self, server: Location, watch: Callable[[], Watch], *, bodies: Container[bytes] = ()
    ) -> None:
        """Listen.

        Args:
            server: where the server is.
            watch: called for each connection; returns what sees its messages.
            bodies: the types of the messages whose bodies are to be seen.

        Raises:
            OSError: it cannot listen.
        """
        self._server = server
        self._watch = watch
        self._bodies = bodies
        self._folder: str | None = None
        if server.local:
            self._folder = tempfile.mkdtemp(prefix="ormlab-")
            self.location = Location(self._folder, server.port)
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(self.location.path)
            self._listener.listen()
        else:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.location = Location("127.0.0.1", int(self._listener.getsockname()[1]))
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._ending = False
        self.connections = 0  #: that were passed on so far
        self.refusals: list[str] = []  #: why clients got no session, in whole sentences

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
        with suppress(OSError):
            self.location.connect().close()  # not every system wakes accept() at a shutdown
        self._accepting.join()
        self._listener.close()
        with self._lock:
            threads = list(self._threads)
            for connection in self._sockets:
                _hang_up(connection)
        for thread in threads:
            thread.join()
        if self._folder:
            shutil.rmtree(self._folder)

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if self._ending:
                client.close()
                return
            if not self.location.local:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            with self._lock:
                self._threads.add(thread)
                self._sockets.add(client)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        """Work of the thread of one connection."""
        try:
            with client, suppress(OSError):
                if opening := self._opening(client):
                    self._connect(client, opening)
        finally:
            with self._lock:
                self._sockets.discard(client)
                self._threads.discard(threading.current_thread())

    def _opening(self, client: socket.socket) -> bytes:
        """The message that starts a session or cancels a query; nothing if the client leaves."""
        asked = False
        while len(head := client.recv(_HEAD, socket.MSG_WAITALL)) == _HEAD:
            length, code = int.from_bytes(head[:4]), int.from_bytes(head[4:])
            if head[0] == _TLS_HANDSHAKE:
                self.refusals.append(_NO_TLS)
                break
            if code in _ENCRYPTION_REQUESTS:
                if not asked:
                    self.refusals.append(_NO_TLS)  # unless the client goes on without
                asked = True
                client.sendall(b"N")
                continue
            if asked:
                self.refusals.remove(_NO_TLS)
            if _HEAD <= length <= _LONGEST_OPENING:
                return head + client.recv(length - _HEAD, socket.MSG_WAITALL)
            self.refusals.append("a client did not speak PostgreSQL's protocol")
            break
        return b""

    def _connect(self, client: socket.socket, opening: bytes) -> None:
        try:
            server = self._server.connect()
        except OSError as problem:
            why = f"the proxy cannot reach PostgreSQL at {self._server}: {problem}"
            self.refusals.append(why)
            client.sendall(_fatal(why))
            return
        with self._lock:
            self._sockets.add(server)
            self.connections += 1
        watch = self._watch()
        back = threading.Thread(
            target=self._pass, args=(server, client, Sender.SERVER, watch), daemon=True
        )
        with server:
            try:
                server.sendall(opening)
                back.start()
                try:
                    self._pass(client, server, Sender.CLIENT, watch)
                finally:
                    back.join()
            finally:
                with self._lock:
                    self._sockets.discard(server)

    def _pass(
        self, source: socket.socket, target: socket.socket, sender: Sender, watch: Watch
    ) -> None:
        frames = Frames(self._bodies)
        ended = False
        try:
            with suppress(OSError):  # the other end is gone
                while data := source.recv(_PIECE):
                    for frame in frames.feed(data):
                        watch(sender, frame)
                    target.sendall(data)
                target.shutdown(socket.SHUT_WR)
                ended = True
        finally:
            if not ended:
                _hang_up(source)
                _hang_up(target)


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _fatal(message: str) -> bytes:
    """An error of the server that ends the start of a session: it cannot be connected to."""
    fields = [b"SFATAL", b"VFATAL", b"C08001", b"M" + message.encode(), b""]
    body = b"\0".join(fields) + b"\0"
    return b"E" + (len(body) + 4).to_bytes(4) + body
