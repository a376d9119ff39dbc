"""SQL through the psql of the server's own installation: the host needs no database driver."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, cast

from workloads.databases.interface import ServerError
from workloads.databases.program import ClientProgram

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from io import BufferedReader, BufferedWriter


class PsqlError(ServerError):
    """psql refused or could not reach the server; the message is psql's own."""


class Psql(ClientProgram, frozen=True, kw_only=True):
    """One PostgreSQL server, one role; ``passfile`` is a libpq password file.

    `run` gives values unaligned; each statement is its own transaction, unless the SQL says BEGIN.
    Without a database it runs in ``postgres``.
    """

    KIND: ClassVar = "postgresql"
    PROGRAM: ClassVar = "psql"
    ENVIRONMENT: ClassVar = "psql"
    FULL: ClassVar = ("No space left on device",)
    ERROR: ClassVar = PsqlError

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

    def argv(self, database: str) -> list[str]:
        """Psql with the arguments of every call."""
        options = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        return [self.binary, *options, "-d", database or "postgres"]

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
        with self.running(database, "--single-transaction", *options, **pipes) as process:
            yield cast("BufferedWriter", process.stdin)

    @contextmanager
    def copy_out(self, command: str, *, database: str) -> Iterator[BufferedReader]:
        r"""Run one ``\copy ... to pstdout`` and yield the stream of its rows.

        Raises:
            PsqlError: the command failed; rows may be missing at the end of the stream.
        """
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
        with self.running(database, "-c", command, **pipes) as process:
            yield cast("BufferedReader", process.stdout)
