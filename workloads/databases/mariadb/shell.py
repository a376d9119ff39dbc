"""SQL through the client ``mariadb`` of the server's own installation: a host needs no driver."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from workloads.databases.program import ClientProgram

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from io import BufferedReader, BufferedWriter
    from typing import IO


class Shell(ClientProgram, frozen=True, kw_only=True):
    """One MariaDB server, one role; ``passfile`` is an option file.

    `run` gives values between tabs.
    """

    KIND: ClassVar = "mariadb"
    PROGRAM: ClassVar = "mariadb"
    ENVIRONMENT: ClassVar = "database"
    FULL: ClassVar = ("Errcode: 28", "No space left on device", "ERROR 1114 ")

    @property
    def variables(self) -> Mapping[str, str]:
        """Where it finds its libraries."""
        return libraries(self.binary)

    def argv(self, database: str) -> list[str]:
        """The client with the arguments of every call."""
        return [
            self.binary,
            f"--defaults-file={self.passfile}",  # which must come first
            *("--protocol=tcp", f"--host={self.host}", f"--port={self.port}"),
            *(f"--user={self.user}", "--connect-timeout=10", "--default-character-set=utf8mb4"),
            *("--batch", "--skip-column-names", "--raw", "--unbuffered", "--skip-reconnect"),
            *([f"--database={database}"] if database else []),
        ]

    @contextmanager
    def fill(self, before: str, table: str, columns: str, *, database: str) -> Iterator[IO[bytes]]:
        """Run statements, and yield the stream for the rows of a table, as text between tabs.

        Raises:
            ServerError: a statement failed, or the client ended before all rows were written.
        """
        load = f"LOAD DATA LOCAL INFILE '/dev/stdin' INTO TABLE {table} ({columns})"
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL}
        options = ("--local-infile=1", "-e", f"{before}{load}")
        with self.running(database, *options, **pipes) as process:
            yield cast("BufferedWriter", process.stdin)

    @contextmanager
    def read(self, query: str, *, database: str) -> Iterator[BufferedReader]:
        """Run one query and yield the stream of its rows, as text between tabs.

        Raises:
            ServerError: it failed; rows may be missing at the end of the stream.
        """
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
        with self.running(database, "--quick", "-e", query, **pipes) as process:
            yield cast("BufferedReader", process.stdout)


def libraries(binary: str) -> dict[str, str]:
    """The variable by which a program finds its libraries where its package is only unpacked."""
    prefix = Path(binary).parents[1] if "/" in binary else Path("/usr")
    return {} if prefix == Path("/usr") else {"LD_LIBRARY_PATH": ":".join(_folders(prefix))}


def _folders(prefix: Path) -> list[str]:
    return [str(folder) for folder in (*sorted(prefix.glob("lib/*-linux-gnu")), prefix / "lib")]
