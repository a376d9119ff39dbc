"""How many statements an operation costs, counted between the service and the server.

Every driver here executes each parameterised statement with one Bind message of PostgreSQL's
extended query protocol; BEGIN, ROLLBACK and the reset of a session are simple queries.
"""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path

import pytest

from tests.services.running import SERVICES, serving, settings

SSL_REQUEST = 80877103
STACKS = ("current", "published-py312")
UNRESET = {"reset_on_return": False}
STATEMENTS = {
    "/users/1": 1,
    "/users?limit=100": 1,
    "/orders/1": 1,
    "/orders?limit=100": 1,
    "/users/1/orders": 1,
    "/users-with-orders?loading=join&limit=7": 1,
    "/users-with-orders?loading=prefetch&limit=1": 2,
    "/users-with-orders?loading=prefetch&limit=7": 2,
    "/users-with-orders?loading=lazy&limit=1": 2,
    "/users-with-orders?loading=lazy&limit=7": 8,
}


class CountingProxy:
    """Passes bytes between clients and the server, and counts the clients' messages by type."""

    def __init__(self, server):
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.counts = {}
        self._sockets = [self._listener]

    def accept(self):
        with suppress(OSError):  # the listener is closed at the end
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                for each in (client, server):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._sockets.append(each)
                threading.Thread(target=self._count, args=(client, server)).start()
                threading.Thread(target=self._pass, args=(server, client)).start()

    def close(self):
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _count(self, client, server):
        with suppress(OSError), client.makefile("rb") as stream:
            # The first messages have a length but no type.
            while head := stream.read(8):
                length, code = struct.unpack("!ii", head)
                server.sendall(head + stream.read(length - 8))
                if code != SSL_REQUEST:
                    break
            while kind := stream.read(1):
                length = stream.read(4)
                rest = stream.read(struct.unpack("!i", length)[0] - 4)
                self.counts[kind] = self.counts.get(kind, 0) + 1
                server.sendall(kind + length + rest)
            server.shutdown(socket.SHUT_WR)

    @staticmethod
    def _pass(source, target):
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@contextmanager
def counting(psql):
    proxy = CountingProxy((psql.host, psql.port))
    thread = threading.Thread(target=proxy.accept)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join()


@contextmanager
def counted(psql, folder, python, wanted):
    """Runs a service on one connection; gives what sends a request and counts its messages."""
    with counting(psql) as proxy:
        # The passfile has a line for the server's port only.
        passfile = folder / "pgpass"
        passfile.write_text(Path(psql.passfile).read_text().replace(f":{psql.port}:", ":*:"))
        passfile.chmod(0o600)
        wanted["database"] |= {"port": proxy.port, "passfile": str(passfile)}
        wanted["pool"] = {"size": 1, "overflow": 0}
        with serving(folder, wanted, python=python) as running:

            def send(path):
                running.get(path)  # to have every statement prepared
                running.get(path)  # ... and the connection handed back
                before = dict(proxy.counts)
                running.get(path)
                return {kind: count - before.get(kind, 0) for kind, count in proxy.counts.items()}

            yield send
            running.process.terminate()
            assert running.wait() == 0


SUBJECTS = pytest.mark.parametrize("subject", list(product(STACKS, SERVICES)), ids="-".join)


@SUBJECTS
def test_what_each_read_costs(psql, database, tmp_path, stack_python, subject):
    stack, service = subject
    wanted = settings(psql, database, service=service)
    with counted(psql, tmp_path, stack_python(stack), wanted) as send:
        costs = {path: send(path) for path in STATEMENTS}
    assert {path: cost[b"B"] for path, cost in costs.items()} == STATEMENTS
    # The reset of asyncpg's pool, once for each time a connection is handed back; BEGIN and
    # ROLLBACK around SQLAlchemy's session.
    assert costs["/users/1"][b"Q"] == (2 if service == "sqlalchemy" else 1)


@SUBJECTS
def test_what_a_read_costs_beside_its_statement_is_an_option(
    psql, database, tmp_path, stack_python, subject
):
    stack, service = subject
    saving = {"isolation_level": "AUTOCOMMIT"} if service == "sqlalchemy" else UNRESET
    wanted = settings(psql, database, service=service, options=saving)
    with counted(psql, tmp_path, stack_python(stack), wanted) as send:
        cost = send("/users/1")
    assert (cost[b"B"], cost.get(b"Q", 0)) == (1, 0)
