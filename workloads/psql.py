"""SQL through the psql that came with the server: the host needs no other database driver."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class PsqlError(RuntimeError):
    """psql refused or could not reach the server; the message is what it said."""


@dataclass(frozen=True)
class Psql:
    """One PostgreSQL server, one role, reached over TCP.

    Attributes:
        binary: absolute path of psql.
        host: address of the server.
        port: its TCP port.
        user: the role to log in as.
        passfile: libpq password file (mode 0600); the password is in no argument and no variable.
    """

    binary: str
    host: str
    port: int
    user: str
    passfile: str

    @property
    def environment(self) -> Mapping[str, str]:
        """libpq variables that lead any client of this process to the server, database aside."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSFILE": self.passfile,
            "PGCONNECT_TIMEOUT": "10",
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
            env=self._env(),
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode != 0:
            raise PsqlError(answer.stderr.strip() or f"psql ended with {answer.returncode}")
        return answer.stdout.rstrip("\n")

    def copy_in(self, command: str, *, database: str) -> subprocess.Popen[bytes]:
        r"""Start psql on one ``\copy ... from pstdin``; the caller writes and closes its stdin."""
        return subprocess.Popen(
            [*self._argv(database), "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=self._env(),
        )

    def copy_out(self, command: str, *, database: str, into: IO[bytes] | Path | int) -> None:
        r"""Run one ``\copy ... to pstdout`` into an open file or descriptor."""
        subprocess.run(
            [*self._argv(database), "-c", command], stdout=into, env=self._env(), check=True
        )

    def _argv(self, database: str) -> list[str]:
        options = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        return [self.binary, *options, "-d", database]

    def _env(self) -> dict[str, str]:
        return {**os.environ, **self.environment}
