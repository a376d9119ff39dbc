"""SQL through the psql of the server's own installation: the host needs no database driver."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, cast

import msgspec

from host.environment import environment
from workloads.databases.interface import NoSpaceError, ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from io import BufferedReader, BufferedWriter
    from typing import IO


_END: Final = "-- the end of the answer --"
_FULL: Final = "No space left on device"


class PsqlError(ServerError):
    """psql refused or could not reach the server; the message is psql's own."""


class Connected:
    """A psql that stays connected to one database, because each start of psql takes 20 ms."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._asked = cast("IO[bytes]", process.stdin)
        self._answered = cast("IO[bytes]", process.stdout)

    def run(self, sql: str) -> str:
        """As `Psql.run`, in its database; an error ends it."""
        with suppress(BrokenPipeError):  # then there is no answer either
            # psql flushes what it prints at the end of a query.
            self._asked.write(f"{sql}\n;\nSELECT '{_END}';\n".encode())
            self._asked.flush()
        lines: list[str] = []
        for line in self._answered:
            if (text := line.decode().removesuffix("\n")) == _END:
                return "\n".join(lines).rstrip("\n")
            lines.append(text)
        _, errors = self._process.communicate()
        raise _ended(self._process, errors)


class Psql(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One PostgreSQL server, one role, reached over TCP."""

    binary: str  #: path of psql
    host: str  #: address of the server
    port: int  #: its TCP port
    user: str  #: the role to log in as
    #: libpq password file (mode 0600); the password is in no argument and no variable
    passfile: str

    @property
    def variables(self) -> Mapping[str, str]:
        """The libpq variables that name this server and role to any client."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSFILE": self.passfile,
            "PGCONNECT_TIMEOUT": "10",
            "PGCLIENTENCODING": "UTF8",
        }

    def run(self, sql: str, *, database: str = "postgres") -> str:
        """Run SQL statements and return their output, unaligned, one line a row.

        Each statement is its own transaction, unless the SQL says BEGIN.

        Raises:
            PsqlError: the server could not be reached or a statement failed.
        """
        answer = subprocess.run(
            self._argv(database),
            input=sql,
            env=environment("psql", self.variables),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if answer.returncode != 0:
            raise _error(answer.stderr.strip() or f"psql ended with {answer.returncode}")
        return answer.stdout.rstrip("\n")

    @contextmanager
    def connected(self, database: str) -> Iterator[Connected]:
        """Connect to a database for the length of a block.

        Raises:
            PsqlError: as `Connected.run`.
        """
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with self._running(database, **pipes) as process:
            yield Connected(process)

    @contextmanager
    def copy_in(self, *commands: str, database: str) -> Iterator[BufferedWriter]:
        r"""Run commands in one transaction, and yield the stream for the rows of the last one.

        The commands are SQL or psql commands in their order; the last is a ``\copy ... from
        pstdin``. The end of the block ends the rows and commits. An exception in the block ends
        psql, and the server rolls the transaction back.

        Raises:
            PsqlError: a command failed, or psql ended before all rows were written.
        """
        options = [part for command in commands for part in ("-c", command)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL}
        with self._running(database, "--single-transaction", *options, **pipes) as process:
            yield cast("BufferedWriter", process.stdin)

    @contextmanager
    def copy_out(self, command: str, *, database: str) -> Iterator[BufferedReader]:
        r"""Run one ``\copy ... to pstdout`` and yield the stream of its rows.

        Raises:
            PsqlError: the command failed; rows may be missing at the end of the stream.
        """
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
        with self._running(database, "-c", command, **pipes) as process:
            yield cast("BufferedReader", process.stdout)

    @contextmanager
    def _running(
        self, database: str, *options: str, stdin: int, stdout: int
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run psql during a block; PsqlError if it fails or ends before the block does."""
        process = subprocess.Popen(
            [*self._argv(database), *options],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=environment("psql", self.variables),
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
        options = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        return [self.binary, *options, "-d", database]


def _ended(process: subprocess.Popen[bytes], errors: bytes) -> ServerError:
    return _error(errors.decode().strip() or f"psql ended with {process.returncode}")


def _error(message: str) -> ServerError:
    return (NoSpaceError if _FULL in message else PsqlError)(message)
