"""Answers: what an agent leaves, and what it says on standard output.

History of the schema: done/1 (first), done/2 (what was observed has the type of its work).
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from bundle.codec import Part, Record
from bundle.documents.failure import Failure
from bundle.documents.readings import Kernel, ServerLog, TrialReadings
from workloads.psql import Psql


class Done[T](Record, frozen=True, kw_only=True):
    """``done.json``: how an order ended.

    Attributes:
        schema: the version of this format.
        started: by the wall clock of the host, ISO 8601, UTC.
        ended: likewise.
        failure: null if the order was carried out.
        ended_by_force: process ids of what was still running; normally none.
        observed: as far as it came; the type belongs to the kind of work.
    """

    SCHEMA: ClassVar[str] = "done/2"

    schema: Literal["done/2"] = "done/2"
    started: str
    ended: str
    failure: Failure | None
    ended_by_force: list[int]
    observed: T


class PartReadings(TrialReadings, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a host observes of a trial that is driven from another one.

    Attributes:
        kernel: of this host, around the window.
        log: of the database server, if it is here.
    """

    kernel: Kernel | None = None
    log: ServerLog | None = None


class Running(Part, frozen=True, kw_only=True):
    """``ready.json`` of a database: the server that runs now.

    Attributes:
        version: of PostgreSQL.
        pid: of its first process.
        identity: what no other server says of itself (`agent.server.identity`).
        made: whether the cluster was made now.
        leftover_ended: process id of a server that an earlier run had left; null if there was none.
        settings: by name, as the server shows them.
        psql: how it is reached from its own host.
        logging: what it says of its logging (`workloads.diagnosis.log.logging`).
    """

    version: str
    pid: int
    identity: str
    made: bool
    leftover_ended: int | None
    settings: dict[str, str]
    psql: Psql
    logging: dict[str, str]


class Kept(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is observed of a database.

    Attributes:
        server: null if it did not start.
        stopped_cleanly: null if it did not come to that.
    """

    server: Running | None = None
    stopped_cleanly: bool | None = None


class Watching(Part, frozen=True, kw_only=True):
    """``ready.json`` of a host's part in a trial: the port on which its agent listens."""

    port: int


class Owner(Part, frozen=True, kw_only=True):
    """Whose host this is: what a record of a run must not hold.

    Attributes:
        names: of the host and of the user.
        homes: home folders of the user.
        addresses: of the host's network and hardware, and its machine id.
    """

    names: list[str]
    homes: list[str]
    addresses: list[str]


class Unfit(Part, frozen=True, kw_only=True):
    """A named port that a run cannot have, and why."""

    port: int
    why: str


class Block(Part, frozen=True, kw_only=True):
    """Neighbouring ports of a run: the first, and the one of them that it cannot have, if any."""

    first: int
    refused: Unfit | None


class Ports(Part, frozen=True, kw_only=True):
    """The ports of a run on a host, or why it cannot listen there at all.

    Attributes:
        blocks: in the order of the request; none if there is no listening.
        not_own: an address on which this host cannot listen, and why.
    """

    blocks: list[Block]
    not_own: NotOwn | None


class NotOwn(Part, frozen=True, kw_only=True):
    """An address on which a host cannot listen, and why."""

    address: str
    why: str
