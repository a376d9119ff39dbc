"""SQL through the client ``mariadb`` of the server's own installation: a host needs no driver."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import msgspec

from host.environment import environment
from workloads.databases.interface import NoSpaceError, ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader, BufferedWriter
    from typing import IO

_END: Final = "-- the end of the answer --"
_FULL: Final = ("Errcode: 28", "No space left on device", "ERROR 1114 ")


class ConnectedShell:
    """A client that stays connected to one database, because each start of it takes 10 ms."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._asked = cast("IO[bytes]", process.stdin)
        self._answered = cast("IO[bytes]", process.stdout)

    def run(self, sql: str) -> str:
        """As `Shell.run`, in its database; an error ends it."""
        with suppress(BrokenPipeError):  # then there is no answer either
            self._asked.write(f"{sql}\n;\nSELECT '{_END}';\n".encode())
            self._asked.flush()
        lines: list[str] = []
        for line in self._answered:
            if (text := line.decode().removesuffix("\n")) == _END:
                return "\n".join(lines)
            lines.append(text)
        _, errors = self._process.communicate()
        raise _ended(self._process, errors)


class Shell(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One MariaDB server, one role, reached over TCP."""

    binary: str  #: path of the client
    host: str  #: address of the server
    port: int  #: its TCP port
    user: str  #: the role to log in as
    #: option file (mode 0600); the password is in no argument and no variable
    passfile: str

    def run(self, sql: str, *, database: str = "") -> str:
        """Run SQL statements and return their output: values between tabs, one line a row.

        Raises:
            ServerError: the server could not be reached or a statement failed.
        """
        answer = subprocess.run(
            self._argv(database),
            input=sql,
            env=environment("database", libraries(self.binary)),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if answer.returncode != 0:
            raise _error(answer.stderr, answer.returncode)
        return answer.stdout.rstrip("\n")

    @contextmanager
    def connected(self, database: str) -> Iterator[ConnectedShell]:
        """Connect to a database for the length of a block.

        Raises:
            ServerError: as `ConnectedShell.run`.
        """
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with self._running(database, **pipes) as process:
            yield ConnectedShell(process)

    @contextmanager
    def fill(self, before: str, table: str, columns: str, *, database: str) -> Iterator[IO[bytes]]:
        """Run statements, and yield the stream for the rows of a table, as text between tabs.

        Raises:
            ServerError: a statement failed, or the client ended before all rows were written.
        """
        load = f"LOAD DATA LOCAL INFILE '/dev/stdin' INTO TABLE {table} ({columns})"
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL}
        options = ("--local-infile=1", "-e", f"{before}{load}")
        with self._running(database, *options, **pipes) as process:
            yield cast("BufferedWriter", process.stdin)

    @contextmanager
    def read(self, query: str, *, database: str) -> Iterator[BufferedReader]:
        """Run one query and yield the stream of its rows, as text between tabs.

        Raises:
            ServerError: it failed; rows may be missing at the end of the stream.
        """
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
        with self._running(database, "--quick", "-e", query, **pipes) as process:
            yield cast("BufferedReader", process.stdout)

    @contextmanager
    def _running(
        self, database: str, *options: str, stdin: int, stdout: int
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run the client during a block; ServerError if it fails or ends before the block does."""
        process = subprocess.Popen(
            [*self._argv(database), *options],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=environment("database", libraries(self.binary)),
        )
        broken = False
        try:
            yield process
        except BrokenPipeError:
            broken = True
        except BaseException:
            process.kill()
            process.communicate()
            raise
        _, errors = process.communicate()
        if process.returncode != 0 or broken:
            raise _ended(process, errors)

    def _argv(self, database: str) -> list[str]:
        return [
            self.binary,
            f"--defaults-file={self.passfile}",  # which must come first
            *("--protocol=tcp", f"--host={self.host}", f"--port={self.port}"),
            *(f"--user={self.user}", "--connect-timeout=10", "--default-character-set=utf8mb4"),
            *("--batch", "--skip-column-names", "--raw", "--unbuffered", "--skip-reconnect"),
            *([f"--database={database}"] if database else []),
        ]


def libraries(binary: str) -> dict[str, str]:
    """The variable by which a program finds its libraries where its package is only unpacked."""
    prefix = Path(binary).parents[1] if "/" in binary else Path("/usr")
    return {} if prefix == Path("/usr") else {"LD_LIBRARY_PATH": ":".join(_folders(prefix))}


def _folders(prefix: Path) -> list[str]:
    return [str(folder) for folder in (*sorted(prefix.glob("lib/*-linux-gnu")), prefix / "lib")]


def _ended(process: subprocess.Popen[bytes], errors: bytes) -> ServerError:
    return _error(errors.decode(errors="replace"), process.returncode)


def _error(said: str, status: int) -> ServerError:
    message = said.strip() or f"mariadb ended with {status}"
    is_full = any(part in message for part in _FULL)
    return (NoSpaceError if is_full else ServerError)(message)
