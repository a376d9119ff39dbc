"""A service as its users start it: a process of its own, from a settings file."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.conftest import CHECKOUT, free_port
from tests.services.stacks import python_for
from workloads.load.requests import bracketed
from workloads.services import manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workloads.databases.postgresql.psql import Psql

# Those that can use PostgreSQL.
SERVICES = tuple(name for name, each in manifest.shipped().items() if each.drivers())
# Those that run on the stacks of the lab, in the environment of the tests as well.
SHARED = tuple(name for name in SERVICES if not manifest.shipped()[name].has_own_stack)
_DEADLINE_S = 120
_numbers = count()


@dataclass
class Running:
    """A process that was started as a service.

    Attributes:
        process: it, or the parent of its workers.
        port: where it serves.
        log: what it writes on stderr.
        host: where it listens.
    """

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    host: str

    @property
    def url(self) -> str:
        return f"http://{bracketed(self.host)}:{self.port}"

    @property
    def stderr(self) -> str:
        return self.log.read_text()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=_DEADLINE_S)

    def get(self, path: str) -> Any:
        """The JSON at a path, over a connection of its own."""
        connection = self.connect()
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def await_ready(self) -> Running:
        """Wait until it accepts connections.

        Raises:
            AssertionError: it ended instead.
        """

        def listening() -> bool:
            assert self.process.poll() is None, self.stderr
            try:
                self.get("/health")
            except ConnectionRefusedError:
                return False
            return True

        until(listening)
        return self

    def wait(self) -> int:
        """Wait for its end and return its exit code."""
        return self.process.wait(timeout=_DEADLINE_S)


def until(condition) -> None:
    """Ask again and again until the condition holds."""
    deadline = time.monotonic() + _DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def settings(psql: Psql, database: str, **changes: Any) -> dict[str, Any]:
    """Settings of a service on a database, some of them changed."""
    return {
        "service": "asyncpg",
        "host": "127.0.0.1",
        "port": free_port(),
        "database": {
            "host": psql.host,
            "port": psql.port,
            "user": psql.user,
            "database": database,
            "passfile": psql.passfile,
        },
        "pool": {"size": 3, "overflow": 0},
        **changes,
    }


@contextmanager
def started(
    folder: Path,
    wanted: dict[str, Any],
    *,
    python: str | None = None,
    program: tuple[str, ...] = ("-m", "workloads.services"),
) -> Iterator[Running]:
    """Start a service, on its own stack if it brings one; at the end kill what is left of it."""
    number = next(_numbers)
    file, log = folder / f"service-{number}.json", folder / f"service-{number}.log"
    file.write_text(json.dumps(wanted))
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [python or python_for(wanted["service"]), *program, str(file)],
            stderr=stderr,
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        )
    try:
        yield Running(process, wanted["port"], log, wanted["host"])
    finally:
        process.kill()
        process.wait()


@contextmanager
def serving(folder: Path, wanted: dict[str, Any], **how: Any) -> Iterator[Running]:
    """Start a service and wait until it answers."""
    with started(folder, wanted, **how) as running:
        yield running.await_ready()
