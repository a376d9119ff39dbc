"""Taking a bundle into the archive so that a crash at any instant leaves it out or in.

The copy is made beside its place, flushed, verified and renamed; the line of the index comes last.
What an add that was killed leaves is a hidden folder, which the next add removes, or a bundle
without its line, which the next add of it completes.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bundle import index, storage, tree
from bundle.read import Bundle
from ormlab.archive.entries import Archive
from ormlab.archive.errors import MismatchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.format import IndexLine

_ROOM = "free some space and add it again; what is in the archive stays as it is"
_ADDING = ".adding"


@dataclass(frozen=True)
class Added:
    """What became of a bundle that was added."""

    line: IndexLine
    path: Path
    #: ``added``; ``completed``, if an add that was killed had not written the line; or ``present``,
    #: if there was nothing to do
    outcome: Literal["added", "completed", "present"]


def add(bundle: Path, folder: Path) -> Added:
    """Verify a bundle and copy it into an archive, which is made if it is missing.

    Raises:
        NotSealedError: it is not sealed.
        VerificationError: it, or the bundle of this id in the archive, does not reach L1.
        MismatchError: the archive holds another bundle of this id.
        IndexBrokenError: the index was changed.
        DiskFullError: there was no room; the archive is as it was.
    """
    opened = Bundle.open(bundle, level="L1")
    with storage.guard(folder, hint=_ROOM):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            staged = folder / f".{opened.record.id}{_ADDING}"
            if not (folder / opened.record.id).exists():
                copy(opened.path, staged)
            return place(staged, folder, opened.record.id, str(opened.seal))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the archive's lock, and remove what a killed add left.

    Raises:
        BundleBusyError: another process is writing here.
    """
    lock = storage.Lock(folder)
    try:
        _tidy(folder)
        yield
    finally:
        _tidy(folder)
        lock.release()


def place(staged: Path, folder: Path, identifier: str, seal: str) -> Added:
    """Give a flushed bundle its name in a locked archive and its line in the index.

    A bundle that is there already stays, and need not be staged.

    Raises:
        as `add`.
    """
    archive = Archive(folder)
    archive.require_chain()
    target = folder / identifier
    is_new = not target.exists()
    here = Bundle.open(staged if is_new else target, level="L1")
    if here.seal != seal:
        hint = "keep both: give one of the two an archive of its own"
        what = f"the bundle {identifier} has the seal {here.seal}, not {seal}"
        raise MismatchError("entry-differs", what, where=str(here.path), hint=hint)
    if is_new:
        staged.rename(target)
        storage.sync(folder)
    known = len(archive.index())
    line = index.append(folder, identifier, seal)
    if is_new:
        return Added(line, target, "added")
    return Added(line, target, "completed" if len(archive.index()) > known else "present")


def copy(source: Path, target: Path) -> None:
    """Copy the files of a verified bundle into a new folder, and flush them to the disk."""
    target.mkdir()
    for entry in tree.scan(source):
        copy = target / entry.path
        storage.make_folders(copy.parent, under=target)
        with tree.open_regular(source / entry.path) as file, copy.open("xb") as out:
            shutil.copyfileobj(file, out)
        storage.sync(copy)
    for below, _, _ in target.walk():
        storage.sync(below)


@contextmanager
def staged(out: Path, *, hint: str) -> Iterator[Path]:
    """A hidden place beside ``out``: what is written there becomes ``out`` whole or not at all.

    A folder that is at ``out`` already is removed at the end, a file is replaced.

    ``hint`` says what to do if there is no room.

    Raises:
        DiskFullError: there was no room.
        StorageError: any other OSError.
    """
    place = out.with_name(f".{out.name}.tmp")
    with storage.guard(out, hint=hint):
        _remove(place)
        try:
            yield place
            storage.sync(place)
            if out.is_dir():
                shutil.rmtree(out)
            place.rename(out)
        finally:
            _remove(place)
        storage.sync(out.parent)


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _tidy(folder: Path) -> None:
    for left in folder.glob(f".*{_ADDING}"):
        shutil.rmtree(left)
