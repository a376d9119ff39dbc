"""The files of a fleet's folder, as types.

fleet-<id>/fleet.json                     the fleet: its plan, its job
fleet-<id>/run-3/attempt-0.json           one attempt at a run: where it was, how it failed
fleet-<id>/run-3/output.txt               what the attempts printed, one after the other
fleet-<id>/run-3/<utc>-<plan8>/           a sealed bundle
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, Self

from msgspec import Meta

from bundle import names, storage, typed
from bundle.codec import Record, decode, encode
from bundle.documents.failure import Failure
from bundle.documents.host import FleetRun
from bundle.errors import RecordError
from bundle.read import Bundle
from bundle.tree import read_small
from bundle.values import BundleId, Count, Sha256, Utc
from ormlab.base.errors import UsageError
from ormlab.plan import Overrides

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.format import BundleRecord

_LARGEST: Final = 2**20  # bytes of a document of a fleet


class Fleet(Record, frozen=True, kw_only=True):
    """``fleet.json``."""

    SCHEMA: ClassVar[str] = "fleet/1"
    FILE: ClassVar[str] = "fleet.json"

    schema: Literal["fleet/1"] = "fleet/1"
    id: BundleId  #: ``<utc>-<plan8>``, as the id of a bundle
    plan: str  #: file of the plan, or its name
    overrides: Overrides  #: what the command line had in place of the plan's own values
    inventory: str  #: file of the inventory
    #: names of the hosts of the inventory, which carry out the runs in turn; empty where Slurm
    #: chooses nodes, each of which is the one host of the inventory
    hosts: tuple[str, ...] = ()
    #: SHA-256 of all that decides a run: plan, locks, services and source
    inputs: Sha256
    runs: Annotated[int, Meta(ge=1)]  #: how many runs
    constraint: str | None  #: the feature that each node has; null if any node may take a run
    job: int | None  #: id of the array; null until it is submitted, and without Slurm

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the fleet of a folder.

        Raises:
            UsageError: the folder is not one of a fleet.
            RecordError: its document is not what this version writes.
        """
        try:
            return decode(read_small(folder / cls.FILE, limit=_LARGEST), cls, where=folder)
        except OSError:
            raise UsageError(
                "no-fleet",
                f"there is no {cls.FILE} in this folder, so it is not that of a fleet",
                where=str(folder),
                hint="name the folder that `ormlab run --on slurm` printed: bundles/fleet-...",
            ) from None

    def write(self, folder: Path) -> None:
        """Write it whole, or leave what was there.

        Raises:
            DiskFullError: there is no room.
        """
        with storage.guard(folder, hint=ROOM):
            storage.write_file(folder / self.FILE, encode(self))


ROOM: Final = "free some space on the disk of the fleet's folder"


class Attempt(Record, frozen=True, kw_only=True):
    """``attempt-<restarts>.json``: a run was begun."""

    SCHEMA: ClassVar[str] = "fleet-attempt/1"

    schema: Literal["fleet-attempt/1"] = "fleet-attempt/1"
    restarts: Count  #: how often it had been begun before
    job: Count | None  #: id of the task's own job; null without Slurm
    #: name of the node, or of the host in the inventory: the folder is not sealed, and stays with
    #: its owner
    node: str
    digest: Sha256  #: of the node, as in its bundle
    begun: Utc
    #: why it ended without a whole bundle; null while it goes on, if it delivered one, and if it
    #: ended without a word
    failure: Failure | None = None

    def write(self, folder: Path) -> None:
        """Write it into the folder of its run.

        Raises:
            DiskFullError: there is no room.
        """
        path = folder / f"attempt-{self.restarts}.json"
        with storage.guard(path, hint=ROOM):
            storage.write_file(path, encode(self))


@dataclass(frozen=True)
class Delivered:
    """A sealed bundle that a task has put into the folder of its run."""

    path: Path
    record: BundleRecord
    run: FleetRun

    @property
    def restarts(self) -> int:
        """How often its run had been begun before."""
        return self.run.slurm.restarts if self.run.slurm else 0

    @property
    def whole(self) -> bool:
        """Whether its run came to its end."""
        return self.record.status != "aborted"


@dataclass(frozen=True)
class RunFolder:
    """What the folder of one run holds."""

    path: Path
    attempts: tuple[Attempt, ...]  #: in their order
    bundles: tuple[Delivered, ...]  #: those that are whole first, then by attempt

    @property
    def output(self) -> Path:
        """What the attempts printed."""
        return self.path / OUTPUT

    @property
    def counting(self) -> Delivered | None:
        """The bundle of the run: that of the first attempt that came to its end."""
        return next((each for each in self.bundles if each.whole), None)


OUTPUT: Final = "output.txt"


def run_folder(fleet: Path, number: int) -> Path:
    """The folder of a run, by its number from 1."""
    return fleet / f"run-{number}"


def read_run(fleet: Path, number: int) -> RunFolder:
    """Read what there is of a run; a folder without one is that of a run not yet begun.

    Raises:
        BundleError: something there is not what this version writes.
    """
    path = run_folder(fleet, number)
    attempts = [
        decode(read_small(file, limit=_LARGEST), Attempt, where=file)
        for file in path.glob("attempt-*.json")
    ]
    bundles = sorted(_delivered(path), key=lambda each: (not each.whole, each.restarts))
    in_order = sorted(attempts, key=lambda attempt: attempt.restarts)
    return RunFolder(path, tuple(in_order), tuple(bundles))


def _delivered(path: Path) -> Iterator[Delivered]:
    for seal in path.glob(f"[0-9]*/{names.SEAL}"):
        if seal.parent.name.endswith(names.PARTIAL_SUFFIX):
            continue  # nobody has seen that seal
        bundle = Bundle.open(seal.parent)
        run = typed.read_if_there(bundle.path, FleetRun)
        if run is None:
            raise RecordError(
                f"it is no bundle of a fleet: it has no {FleetRun.PATH}",
                where=bundle.path,
                hint="move it out of the fleet's folder",
            )
        yield Delivered(bundle.path, bundle.record, run)
