"""A run whose process was ended before the seal, and how it is taken up again."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from bundle import names, storage
from bundle.codec import encode
from bundle.errors import BundleMissingError
from bundle.format import Interruption, Interruptions, created_of
from bundle.instants import in_order, latest_here
from bundle.seal import interruptions
from bundle.write import BundleWriter

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


class UnsealedRun(storage.LockHolder):
    """The folder of an unsealed run, held by its lock so that nobody else takes it up.

    Nothing is changed before `take_up`: whoever holds it can look first whether to go on.

    Args:
        folder: ``<id>.partial``.

    Attributes:
        folder: likewise.
        id: of the bundle it will be.

    Raises:
        BundleMissingError: there is no such folder, or it has not the name of an unsealed run.
        BundleBusyError: its writer is still alive, or somebody else holds it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.id = folder.name.removesuffix(names.PARTIAL_SUFFIX)
        created = created_of(self.id)
        if created is None or not folder.name.endswith(names.PARTIAL_SUFFIX) or not folder.is_dir():
            raise BundleMissingError(
                "this is not the folder of an unsealed run",
                where=folder,
                hint=f"name a folder <utc>-<plan8>{names.PARTIAL_SUFFIX}",
            )
        self._created = created
        with storage.guard(folder):
            super().__init__(storage.Lock(folder))

    @property
    def interruptions(self) -> tuple[Interruption, ...]:
        """Each time it was taken up before, in order."""
        return interruptions(self.folder)

    def take_up(self, at: datetime) -> BundleWriter:
        """Record the interruption, then remove what the process that was ended had not finished.

        That is the trials that were open, whose names are recorded, and a seal that was begun:
        until the folder is renamed it was never given out.

        Args:
            at: now, UTC; if the run has recorded a later instant, that is recorded again.

        Returns:
            A writer, which holds the lock from now on.
        """
        trials = {path.name for path in (self.folder / names.TRIALS).glob("*")}
        opened = {name for name in trials if name.endswith(names.OPEN_SUFFIX)}
        resumed, set_back_s = in_order(at, latest_here(self.folder, self._created))
        latest = Interruption(
            resumed=resumed,
            trials=len(trials - opened),
            discarded=tuple(sorted(name.removesuffix(names.OPEN_SUFFIX) for name in opened)),
            clock_set_back_s=set_back_s,
        )
        record = Interruptions(interruptions=(*self.interruptions, latest))
        with storage.guard(self.folder):
            storage.write_file(self.folder / names.INTERRUPTIONS, encode(record))
            _tidy(self.folder)
        lock, self._lock = self._lock, None
        return BundleWriter(self.folder, self._created, lock)


def _tidy(folder: Path) -> None:
    """Remove what a writer that was ended had not finished."""
    for name in (names.SEAL, names.MANIFEST, names.README, names.RECORD):
        (folder / name).unlink(missing_ok=True)
    for leftover in folder.rglob(".*.tmp"):
        leftover.unlink()
    for leftover in folder.glob(f"{names.TRIALS}/*{names.OPEN_SUFFIX}"):
        shutil.rmtree(leftover)
    storage.sync(folder)
