"""A run whose process ended before the seal, and how it is resumed."""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from bundle import names, storage
from bundle.codec import decode, encode
from bundle.errors import BundleMissingError, RecordError
from bundle.format import Interruption, Interruptions, TrialRecord, created_of
from bundle.instants import in_order, latest_here
from bundle.seal import interruptions
from bundle.write import BundleWriter

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


class UnsealedRun(storage.LockHolder):
    """The folder ``<id>.partial`` of an unsealed run, locked so that nobody else resumes it.

    Nothing changes before `take_up`: the holder can first look whether to resume the run.

    Raises:
        BundleMissingError: there is no such folder, or its name is not that of an unsealed run.
        BundleBusyError: its writer is still alive, or another process holds it.
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
        """Each time the run was resumed before, in order."""
        return interruptions(self.folder)

    def take_up(self, at: datetime) -> BundleWriter:
        """Record the interruption, then remove what the ended process had not finished.

        It removes the trials that were open, whose names it records, and a seal that was begun:
        nobody has seen that seal, because the folder was not renamed. Where one of several trials
        that are closed together was closed, it closes the others: all of them were complete.
        ``at`` is now, UTC; if the run has recorded a later instant, that one is recorded again. The
        writer holds the lock.
        """
        _close_together(self.folder)
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


def _close_together(folder: Path) -> None:
    """Close the trials that the ended process was about to close together with closed ones."""
    trials = folder / names.TRIALS
    for working in sorted(trials.glob(f"*{names.OPEN_SUFFIX}")):
        closed = working.with_name(working.name.removesuffix(names.OPEN_SUFFIX))
        with suppress(FileNotFoundError, RecordError):
            where = f"{names.TRIALS}/{working.name}/{names.TRIAL}"
            record = decode((working / names.TRIAL).read_bytes(), TrialRecord, where=where)
            if any((trials / each).exists() for each in record.together or ()):
                working.rename(closed)
    if trials.exists():
        storage.sync(trials)


def _tidy(folder: Path) -> None:
    """Remove what an ended writer had not finished."""
    for name in (names.SEAL, names.MANIFEST, names.README, names.RECORD):
        (folder / name).unlink(missing_ok=True)
    for leftover in folder.rglob(".*.tmp"):
        leftover.unlink()
    for leftover in folder.glob(f"{names.TRIALS}/*{names.OPEN_SUFFIX}"):
        shutil.rmtree(leftover)
    storage.sync(folder)
