"""Real parts: an S3 server on the loopback interface, and a proxy that cuts connections."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from contextlib import closing, suppress

import pytest

from ormlab.archive.store import Store
from tests.archive import making as archives
from tests.conftest import free_port

BUCKET = "benchmarks"
PATIENCE_S = 60
SECRET = "a-secret-that-nobody-may-see"  # of the server in this test, which asks for none
CONDITION = b"if-none-match: *\r\n"


class Proxy:
    """Hands bytes on to the server, both ways, and cuts the line when told to.

    Attributes:
        cut_up: how many bytes a connection may carry to the server; None for any number.
        cut_down: how many it may carry back.
        drop_condition: take ``If-None-Match: *`` out of what goes to the server, as a store does
            that does not know it.
        cuts: how many connections were cut.
    """

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.restore()
        threading.Thread(target=self._accept, daemon=True).start()

    def restore(self) -> None:
        self.cut_up: int | None = None
        self.cut_down: int | None = None
        self.drop_condition = False
        self.cuts = 0

    def close(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        """One connection, until both ends have said all, or it is cut."""
        with near, socket.create_connection(("127.0.0.1", self._upstream)) as far:
            pumps = [
                threading.Thread(target=self._pump, args=pair, daemon=True)
                for pair in ((near, far, "cut_up"), (far, near, "cut_down"))
            ]
            for pump in pumps:
                pump.start()
            for pump in pumps:
                pump.join()

    def _pump(self, source: socket.socket, target: socket.socket, limit: str) -> None:
        carried = 0
        with suppress(OSError):
            while data := source.recv(65536):
                if self.drop_condition and limit == "cut_up":
                    data = data.replace(CONDITION, b"")
                carried += len(data)
                allowed = getattr(self, limit)
                if allowed is not None and carried > allowed:
                    self.cuts += 1
                    target.sendall(data[: max(0, allowed - (carried - len(data)))])
                    for each in (source, target):
                        each.shutdown(socket.SHUT_RDWR)
                    return
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="session")
def s3_port():
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **quiet) as server:
        try:
            _await(port, server)
            make = urllib.request.Request(f"http://127.0.0.1:{port}/{BUCKET}", method="PUT")
            urllib.request.urlopen(make).close()
            yield port
        finally:
            server.terminate()


def _await(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while server.poll() is None and time.monotonic() < deadline:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the S3 server did not start")


@pytest.fixture
def s3(s3_port, monkeypatch):
    """The proxy before the S3 server, which the environment names; and an address of its own."""
    proxy = Proxy(s3_port)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
    proxy.url = f"s3://{BUCKET}/{uuid.uuid4().hex}"
    yield proxy
    proxy.close()


@pytest.fixture(params=["s3", "folder", "memory"])
def store(request, tmp_path):
    """An empty store of each kind."""
    if request.param == "s3":
        return Store.open(request.getfixturevalue("s3").url, retries=0)
    return Store.open(
        {"folder": str(tmp_path / "store"), "memory": "memory:///"}[request.param], make=True
    )


@pytest.fixture
def archive(tmp_path):
    """An archive of four bundles."""
    archives.archive(tmp_path / "archive", tmp_path / "bundles")
    return tmp_path / "archive"
