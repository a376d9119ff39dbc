"""SQL through the client program of a server's own installation: a host needs no driver."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Self, cast

import msgspec

from host.environment import Program, environment
from workloads.databases.interface import NoSpaceError, Server, ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import IO


_END: Final = "-- the end of the answer --"


class ConnectedProgram:
    """A client that stays connected to one database, because each start of it takes 10 ms."""

    def __init__(
        self, process: subprocess.Popen[bytes], ended: Callable[[str, int], ServerError]
    ) -> None:
        self._process = process
        self._ended = ended
        self._asked = cast("IO[bytes]", process.stdin)
        self._answered = cast("IO[bytes]", process.stdout)

    def run(self, sql: str) -> str:
        """As `ClientProgram.run`, in its database; an error ends it."""
        with suppress(BrokenPipeError):  # then there is no answer either
            # The client flushes what it prints at the end of a query.
            self._asked.write(f"{sql}\n;\nSELECT '{_END}';\n".encode())
            self._asked.flush()
        lines: list[str] = []
        for line in self._answered:
            if (text := line.decode().removesuffix("\n")) == _END:
                return "\n".join(lines).rstrip("\n")
            lines.append(text)
        _, errors = self._process.communicate()
        raise self._ended(errors.decode(errors="replace"), self._process.returncode)


class ClientProgram(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One server and one role, reached over TCP by a program that reads SQL."""

    KIND: ClassVar[str]  #: which database it is, as `Server.kind`
    PROGRAM: ClassVar[str]  #: name of the program
    ENVIRONMENT: ClassVar[Program]  #: whose variables it gets
    FULL: ClassVar[tuple[str, ...]]  #: what the server says of a full disk
    ERROR: ClassVar[type[ServerError]] = ServerError  #: raised for all else that it says

    binary: str  #: path of the program
    host: str  #: address of the server
    port: int  #: its TCP port
    user: str  #: the role to log in as
    #: file (mode 0600) from which the program reads the password; the password is in no argument
    #: and no variable
    passfile: str

    @classmethod
    def of(cls, server: Server) -> Self:
        """The client of a server."""
        return cls(
            binary=str(Path(server.programs) / cls.PROGRAM) if server.programs else cls.PROGRAM,
            host=server.host,
            port=server.port,
            user=server.user,
            passfile=server.passfile,
        )

    @property
    def server(self) -> Server:
        """Where it is."""
        return Server(
            kind=self.KIND,
            programs=self.binary.rpartition("/")[0],
            host=self.host,
            port=self.port,
            user=self.user,
            passfile=self.passfile,
        )

    def argv(self, database: str) -> list[str]:
        """The program with the arguments of every call; without a database, its usual one."""
        raise NotImplementedError

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables that it needs besides those of its kind."""
        raise NotImplementedError

    def run(self, sql: str, *, database: str = "") -> str:
        """Run SQL statements and return their output, one line a row.

        Raises:
            ServerError: the server could not be reached or a statement failed.
        """
        answer = subprocess.run(
            self.argv(database),
            input=sql,
            env=environment(self.ENVIRONMENT, self.variables),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if answer.returncode != 0:
            raise self._ended(answer.stderr, answer.returncode)
        return answer.stdout.rstrip("\n")

    @contextmanager
    def connected(self, database: str) -> Iterator[ConnectedProgram]:
        """Connect to a database for the length of a block.

        Raises:
            ServerError: as `ConnectedProgram.run`.
        """
        with self.running(database, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            yield ConnectedProgram(process, self._ended)

    @contextmanager
    def running(
        self, database: str, *options: str, stdin: int, stdout: int
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run the program during a block; ServerError if it fails or ends before the block does."""
        process = subprocess.Popen(
            [*self.argv(database), *options],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=environment(self.ENVIRONMENT, self.variables),
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
            raise self._ended(errors.decode(errors="replace"), process.returncode)

    def _ended(self, said: str, status: int) -> ServerError:
        message = said.strip() or f"{self.PROGRAM} ended with {status}"
        is_full = any(part in message for part in self.FULL)
        return (NoSpaceError if is_full else self.ERROR)(message)
