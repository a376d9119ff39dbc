"""Answers: the files that an agent leaves, and the JSON that it prints.

History of the schema: done/1 (first), done/2 (what was observed has the type of its work), done/3
(a host tells what it observes subject by subject).
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from bundle.codec import Part, Record
from bundle.documents.failure import Failure
from bundle.documents.readings import Kernel, ServerLog, TrialReadings
from workloads.databases.interface import Server


class Done[T](Record, frozen=True, kw_only=True):
    """``done.json``: how an order ended."""

    SCHEMA: ClassVar[str] = "done/3"

    schema: Literal["done/3"] = "done/3"
    started: str  #: by the wall clock of the host, ISO 8601, UTC
    ended: str  #: likewise
    failure: Failure | None  #: null if the agent carried out the order
    ended_by_force: list[int]  #: process ids that the agent had to kill at the end; normally none
    observed: T  #: everything until the end or the failure; the kind of work has its type


class SideReadings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is observed of several subjects that are measured side by side."""

    trials: dict[str, TrialReadings] = {}  #: by subject
    failed: str | None = None  #: the subject that made all of them fail; null if none alone did


class PartReadings(SideReadings, kw_only=True, omit_defaults=True):
    """What a host observes of a trial that another host drives.

    What belongs to no subject, or to the only one, stands under an empty name.
    """

    kernel: Kernel | None = None  #: of this host, around the window
    log: ServerLog | None = None  #: of the database server, if it runs on this host

    def of(self, subject: str) -> TrialReadings:
        """What this host observed of a subject."""
        return self.trials.get(subject) or self.trials.get("") or TrialReadings()


class Running(Part, frozen=True, kw_only=True):
    """``ready.json`` of a database: the running server."""

    version: str  #: of the server
    pid: int  #: of its first process
    identity: str  #: by `DatabaseClient.identity`
    made: bool  #: whether this order made its files
    #: process id of a server that an earlier run had left; null if there was none
    leftover_ended: int | None
    settings: dict[str, str]  #: by name, as the server shows them
    server: Server  #: how to reach it from its own host
    logging: dict[str, str]  #: what it records, by `DatabaseClient.logging`


class Kept(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the agent observes of a database; null until it starts, and until it stops."""

    server: Running | None = None
    stopped_cleanly: bool | None = None


class Watching(Part, frozen=True, kw_only=True):
    """``ready.json`` of a host's part in a trial: the port on which its agent listens."""

    port: int


class Owner(Part, frozen=True, kw_only=True):
    """The names, homes and addresses of a host and its user, which no record of a run may contain.

    ``addresses`` are those of network and hardware, and the machine id.
    """

    names: list[str]
    homes: list[str]
    addresses: list[str]


class Unfit(Part, frozen=True, kw_only=True):
    """A named port that a run cannot have, and why."""

    port: int
    why: str


class Block(Part, frozen=True, kw_only=True):
    """Neighbouring ports of a run: the first, and the one of them that the run cannot have."""

    first: int
    refused: Unfit | None


class Ports(Part, frozen=True, kw_only=True):
    """The ports of a run on a host in the order of the request, or why it cannot listen there."""

    blocks: list[Block]
    not_own: NotOwn | None


class NotOwn(Part, frozen=True, kw_only=True):
    """An address on which a host cannot listen, and why."""

    address: str
    why: str
