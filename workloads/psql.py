"""SQL through the psql that came with the server: the host needs no other database driver."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import msgspec

from host.environment import environment

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator, Mapping
    from io import BufferedReader, BufferedWriter


class PsqlError(RuntimeError):
    """psql refused or could not reach the server; the message is what it said."""


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
        """The libpq variables that lead any client to this server, database aside."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSFILE": self.passfile,
            "PGCONNECT_TIMEOUT": "10",
            "PGCLIENTENCODING": "UTF8",
        }

    def run(self, sql: str, *, database: str = "postgres") -> str:
        """Run SQL statements and return what they print, unaligned, one line a row.

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
            raise PsqlError(answer.stderr.strip() or f"psql ended with {answer.returncode}")
        return answer.stdout.rstrip("\n")

    @contextmanager
    def copy_in(self, *commands: str, database: str) -> Iterator[BufferedWriter]:
        r"""Run commands in one transaction; the last is a ``\copy ... from pstdin``.

        Args:
            commands: SQL or psql commands, in order.
            database: where to run them.

        Yields:
            The stream to write the rows to. Leaving the block ends the rows and commits; leaving
            it by an exception ends psql, and the server rolls the transaction back.

        Raises:
            PsqlError: a command failed, or psql ended before all rows were written.
        """
        process = subprocess.Popen(
            [*self._argv(database), "--single-transaction", *_options(commands)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment("psql", self.variables),
        )
        broken = False
        try:
            yield cast("BufferedWriter", process.stdin)
        except BrokenPipeError:
            broken = True
        except BaseException:
            process.kill()
            process.communicate()
            raise
        _, said = process.communicate()
        if process.returncode != 0 or broken:
            raise PsqlError(said.decode().strip() or f"psql ended with {process.returncode}")

    @contextmanager
    def copy_out(self, command: str, *, database: str) -> Iterator[BufferedReader]:
        r"""Run one ``\copy ... to pstdout`` and yield the stream of its rows.

        Raises:
            PsqlError: the command failed. Rows that were read before are then not all of them.
        """
        process = subprocess.Popen(
            [*self._argv(database), "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment("psql", self.variables),
        )
        try:
            yield cast("BufferedReader", process.stdout)
        except BaseException:
            process.kill()
            process.communicate()
            raise
        _, said = process.communicate()
        if process.returncode != 0:
            raise PsqlError(said.decode().strip() or f"psql ended with {process.returncode}")

    def _argv(self, database: str) -> list[str]:
        options = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        return [self.binary, *options, "-d", database]


def add_arguments(parser: ArgumentParser) -> None:
    """Give a command line the options that ``from_arguments`` reads."""
    parser.add_argument("--psql", default="psql", help="path of psql (default: on PATH)")
    parser.add_argument("--pg-host", default="127.0.0.1", help="address of the server")
    parser.add_argument("--pg-port", type=int, default=5432, help="its TCP port")
    parser.add_argument("--pg-user", required=True, help="role to log in as")
    parser.add_argument("--pg-passfile", required=True, help="libpq password file")


def from_arguments(arguments: Namespace) -> Psql:
    """Return the server that a command line names."""
    return Psql(
        binary=arguments.psql,
        host=arguments.pg_host,
        port=arguments.pg_port,
        user=arguments.pg_user,
        passfile=arguments.pg_passfile,
    )


def _options(commands: tuple[str, ...]) -> list[str]:
    return [part for command in commands for part in ("-c", command)]
