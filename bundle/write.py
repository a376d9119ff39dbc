"""Writing a bundle so that a killed run loses at most the trials that were open.

What is on the disk, and when:

    <id>.partial/                   while the run goes on; locked by its writer
    <id>.partial/trials/<t>.open/   while a trial goes on
    <id>.partial/trials/<t>/        a closed trial: flushed to the disk, then renamed
    <id>/                           sealed: flushed to the disk, then renamed
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Self

from msgspec import UNSET

from bundle import index, names, storage
from bundle.codec import decode
from bundle.errors import (
    BundleExistsError,
    PathRefusedError,
    RecordError,
    WriterClosedError,
)
from bundle.format import TrialRecord, bundle_id
from bundle.seal import check_record, interruptions, plain_files, write_seal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bundle.format import BundleRecord, Interruption


class BundleWriter(storage.LockHolder):
    """Writes one bundle into ``<id>.partial``; `create` or `UnsealedRun.take_up` makes it.

    It ends with `seal`, or with `close`, after which the run can be resumed. It holds a lock on the
    folder, so that two processes never write the same bundle. Every method that writes raises
    DiskFullError when there is no room; everything that was added or closed before is then whole.
    """

    def __init__(self, folder: Path, created: datetime, lock: storage.Lock | None = None) -> None:
        self.folder = folder
        self.id = folder.name.removesuffix(names.PARTIAL_SUFFIX)
        self.created = created
        super().__init__(lock or storage.Lock(folder))

    @classmethod
    def create(cls, parent: Path, *, plan_sha256: str, created: datetime, first: int = 1) -> Self:
        """Make the folder of a new bundle, and the folder of all bundles if it is missing.

        Args:
            parent: the folder of all bundles.
            plan_sha256: digest of the resolved plan, in hex.
            created: when the run begins, with a time zone. Two runs of one plan in one second get
                ids that end in -2, -3, and so on.
            first: the number to begin with. Runs of one plan that begin together in folders of
                their own have each another one, so that their ids differ.

        Raises:
            StorageError: the folder cannot be made.
        """
        base = bundle_id(created, plan_sha256)
        with storage.guard(parent):
            parent.mkdir(parents=True, exist_ok=True)
            for number in count(first):
                identifier = base if number == 1 else f"{base}-{number}"
                folder = parent / (identifier + names.PARTIAL_SUFFIX)
                try:
                    folder.mkdir()
                except FileExistsError:
                    continue
                # Looked up last, because a sealed folder appears only by renaming this one.
                if not (parent / identifier).exists():
                    break
                folder.rmdir()
            storage.sync(parent)
            return cls(folder, created.astimezone(UTC).replace(microsecond=0))

    def add(self, path: str, data: bytes | Path) -> None:
        """Write a file outside trials/ from bytes or from another file, whole or not at all.

        Raises:
            PathRefusedError: the path is not allowed, or only the bundle itself writes it.
            DiskFullError: there was no room; an older file of this path is still there.
        """
        self._check_open()
        names.check_path(path)
        top = path.partition("/")[0]
        if path in names.RESERVED or top in {names.TRIALS, names.DERIVED}:
            raise PathRefusedError(
                "this name is written by the bundle itself",
                where=path,
                hint="use trial() for trials and write_derived() for results",
            )
        self._check_case(path)
        target = self.folder / path
        with storage.guard(target):
            storage.make_folders(target.parent, under=self.folder)
            storage.write_file(target, data)

    @contextmanager
    def trial(self, name: str) -> Iterator[Path]:
        """As `trials`, of one trial."""
        with self.trials([name]) as (folder,):
            yield folder

    @contextmanager
    def trials(self, given: Sequence[str]) -> Iterator[list[Path]]:
        """Yield an empty folder for the files of each trial; close them together after the block.

        The block must write a ``trial.json`` into each, whose id is the name. If the block raises,
        or files are refused, all of the folders are removed. A process that ends while they are
        closed leaves none of them or all: `UnsealedRun.take_up` closes the rest.

        Args:
            given: names of the trials. If there are several, their records are ``together``.

        Raises:
            PathRefusedError: a name, or that of a file inside, is not allowed.
            RecordError: a trial.json is missing or refused.
            BundleExistsError: a trial of such a name is closed or open already.
            DiskFullError: there was no room, here or in the block.
        """
        self._check_open()
        trials = self.folder / names.TRIALS
        for name in given:
            self._check_trial(name)
        working = {name: trials / (name + names.OPEN_SUFFIX) for name in given}
        try:
            for folder in working.values():
                with storage.guard(folder):
                    storage.make_folders(folder, under=self.folder)
            with storage.room(trials):
                yield list(working.values())
            for name, folder in working.items():
                with storage.guard(folder):
                    _flush_trial(folder, name, together=given)
        except BaseException:
            for folder in working.values():
                shutil.rmtree(folder, ignore_errors=True)
            raise
        with storage.guard(trials):
            for name, folder in working.items():
                folder.rename(trials / name)
            storage.sync(trials)

    def _check_trial(self, name: str) -> None:
        """Refuse the name of a trial that cannot be, or is there."""
        names.check_path(f"{names.TRIALS}/{name}/{names.TRIAL}")
        closed = self.folder / names.TRIALS / name
        if "/" in name or name.endswith(names.OPEN_SUFFIX):
            hint = f"use a plain name that does not end in {names.OPEN_SUFFIX}"
            raise PathRefusedError("not the name of a trial", where=name, hint=hint)
        if closed.exists() or closed.with_name(name + names.OPEN_SUFFIX).exists():
            hint = "give each trial, also a repeated one, a name of its own"
            raise BundleExistsError("this trial is there already", where=closed, hint=hint)
        self._check_case(f"{names.TRIALS}/{name}")

    def closed_trials(self) -> tuple[str, ...]:
        """Return the names of the trials that are closed, sorted."""
        self._check_open()
        trials = (path.name for path in (self.folder / names.TRIALS).glob("*"))
        return tuple(sorted(name for name in trials if not name.endswith(names.OPEN_SUFFIX)))

    @property
    def interruptions(self) -> tuple[Interruption, ...]:
        """Each time the run was resumed, in order; the record must name them."""
        return interruptions(self.folder)

    def seal(self, record: BundleRecord) -> Path:
        """Write record, README, manifest and seal; return the folder under its final name, indexed.

        Raises:
            RecordError: id, counts of trials or interruptions of the record differ from the files.
            PathRefusedError: something in the folder cannot be part of a bundle.
            BundleExistsError: a bundle of this id exists already.
            DiskFullError: there was no room; free some and seal again.
        """
        self._check_open()
        final = self.folder.with_name(self.id)
        with storage.guard(self.folder):
            check_record(self.folder, self.id, record)
            seal = write_seal(self.folder, record)
            if final.exists():
                hint = "move the other away, then resume this run: that only seals it again"
                raise BundleExistsError("a bundle of this id exists", where=final, hint=hint)
            self.folder.rename(final)
            storage.sync(final.parent)
        self.close()
        index.append(final.parent, self.id, seal)
        return final

    def _check_case(self, path: str) -> None:
        """Refuse a name now that would prevent the seal at the end of the run."""
        folder = self.folder
        taken = {*names.RESERVED, names.TRIALS, names.DERIVED}
        for part in path.split("/"):
            taken |= {item.name for item in folder.iterdir()} if folder.is_dir() else set()
            for _, other in names.collisions([part, *sorted(taken)]):
                what = f"the name differs from {other} only in case"
                raise PathRefusedError(what, where=path, hint="use another name")
            folder /= part
            taken = set()

    def _check_open(self) -> None:
        if self._lock is None:
            hint = "take up the run again, if it is not sealed"
            raise WriterClosedError("this writer is closed", where=self.folder, hint=hint)


def _flush_trial(working: Path, name: str, together: Sequence[str]) -> None:
    """Check the files of a trial and flush them to the disk."""
    where = f"{names.TRIALS}/{name}/{names.TRIAL}"
    try:
        record = decode((working / names.TRIAL).read_bytes(), TrialRecord, where=where)
    except FileNotFoundError as error:
        raise RecordError("missing", where=where, hint="write it last") from error
    if record.id != name:
        raise RecordError(f"its id is {record.id!a}", where=where, hint="use the folder's name")
    if record.together != (tuple(together) if len(together) > 1 else UNSET):
        what = f"its trials together are {record.together!a}"
        raise RecordError(what, where=where, hint="name all that are closed with it")
    storage.prune(working)
    folders = {working}
    for path in plain_files(working):
        names.check_path(f"{names.TRIALS}/{name}/{path}")
        storage.sync(working / path)
        folders |= {working / parent for parent in Path(path).parents}
    for folder in folders:
        storage.sync(folder)
