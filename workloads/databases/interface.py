"""What the lab asks of a database, whichever it is.

A server is data (`Server`), so that an order can carry it; `workloads.databases.known.client` gives
what can be asked of it (`DatabaseClient`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from bundle.documents.readings import Rows, ServerLog
    from workloads.dataset.rows import Dataset, Row


class ServerError(RuntimeError):
    """The server refused or could not be reached; the message is in its client's own words."""


class NoSpaceError(ServerError):
    """The server has no space left on its disk."""


class ChecksumError(RuntimeError):
    """The rows read back from the server are not the rows that were sent."""


class Server(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A running server, and the role as which a client logs in, over TCP."""

    kind: str  #: which database it is: the name of its folder in `workloads.databases`
    programs: str  #: folder of its client programs
    host: str  #: address of the server
    port: int  #: its TCP port
    user: str  #: the role to log in as
    #: file (mode 0600) from which its clients read the password, in the form that they take; the
    #: password is in no argument and no variable
    passfile: str


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """What a server is doing at one instant."""

    checkpoints: int | None  #: begun since its statistics were reset; None if it counts none
    connections: dict[str, str]  #: name of the client by its id, in one database, without the asker


@dataclass(frozen=True)
class Template:
    """A finished template: rows that a database is made of again and again."""

    database: str  #: its name: ``ormlab_`` and the first 12 digits of the digest
    digest: str  #: SHA-256, in hex, of all that decides the rows and their schema
    checksums: dict[str, str]  #: SHA-256, in hex, of the rows of each table as they were sent
    rows: dict[str, int]  #: number of rows of each table
    #: duration by phase: load, constraints, verify, finish; empty if it was there already
    seconds: dict[str, float]
    reused: bool  #: whether it was there already


@dataclass(frozen=True)
class Sent:
    """What a service sent to the server in one piece of a recording."""

    statements: list[str]  #: normalised, in their order
    round_trips: int  #: number of times that it waited for the server
    rows: int  #: rows that the server sent


class Recording(Protocol):
    """What one service sends, cut into pieces."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port at which the service must reach the server to be recorded."""

    def begin(self) -> None:
        """Let the service connect. It may start threads, so its process must be there already."""

    def cut(self) -> None:
        """End a piece: what is sent afterwards belongs to the next one."""

    def pieces(self) -> list[Sent]:
        """Every piece that was ended, in order.

        Raises:
            RuntimeError: the server recorded other statements than were sent.
            TimeoutError: the server does not write what it records.
        """


class HeldRows(Protocol):
    """The rows of one database as the contract suite asks for them, over one connection.

    Every method raises ServerError if the server refuses.
    """

    def read(self, table: str, row_id: int) -> Row | None:
        """A row in the contract's JSON, or None if there is none."""

    def put(self, table: str, row: Row) -> None:
        """Make a table hold exactly this row, whether it held another of its id or none."""

    def remove(self, table: str, row_id: int) -> None:
        """Make a table hold no row of this id."""

    def count(self, table: str) -> int:
        """How many rows a table holds."""

    def summary(self, below: Mapping[str, int]) -> str:
        """Number and a hash of the rows of each table whose ids are below a number."""


class DatabaseClient(Protocol):
    """What the lab asks of a running server of one database.

    Every method raises ServerError if the server refuses or does not answer.
    """

    @property
    def server(self) -> Server:
        """Where it is."""

    @property
    def title(self) -> str:
        """Name of the database for readers."""

    def version(self) -> str:
        """The server's version."""

    def identity(self) -> str:
        """A text that differs for every server, and for each start of one server."""

    def settings(self) -> dict[str, str]:
        """Its settings that are not the default, without places and addresses."""

    def make_template(self, dataset: Dataset) -> Template:
        """The dataset's template, made and verified if the server lacks it.

        Raises:
            ChecksumError: the server holds other rows than were sent.
        """

    def clone(self, template: str, name: str) -> None:
        """Make a database of a template, in place of any of that name, with nothing left to write.

        Raises:
            NoSpaceError: its disk is full.
        """

    def drop(self, name: str) -> None:
        """Drop a database or a template, if there is one, and end its connections first."""

    def counters(self, name: str) -> dict[str, Rows]:
        """Rows inserted, updated and deleted, and scans, by table, since the database was made."""

    def activity(self, name: str) -> Activity:
        """What the server is doing now, and the clients of one database."""

    def end_connections(self, name: str, most: int) -> int:
        """End at most so many connections of a database's clients; returns how many."""

    def read_log(self, earlier: str, inside: str) -> ServerLog:
        """Count what a piece of the server's log tells; ``earlier`` is the text before it."""

    def rows(self, name: str) -> AbstractContextManager[HeldRows]:
        """The rows of a database, for the length of a block."""

    @property
    def recording_settings(self) -> Mapping[str, str]:
        """Settings with which the server must be started to record what services send."""

    @property
    def silent(self) -> Mapping[str, str]:
        """What `logging` answers of a server that records nothing."""

    def logging(self) -> dict[str, str]:
        """The server's settings of what it records."""

    def recording(self, name: str) -> AbstractContextManager[Recording]:
        """Record the sessions that begin on a database during the block.

        Raises:
            RuntimeError: the server was not started with `recording_settings`.
        """

    def password(self, passfile: str) -> str:
        """The password in the content of a password file."""

    def passfile_of(self, password: str) -> str:
        """The content of a password file for clients on another host, whatever they connect to."""
