"""The archive as it lies on the disk: ``<id>/`` for each bundle, and ``index.jsonl``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from bundle import index, names, outside, storage, tree
from bundle.codec import decode
from bundle.errors import IndexBrokenError
from bundle.format import BundleRecord, IndexLine, created_of
from ormlab.archive import chain
from ormlab.archive.codes import CODES
from ormlab.archive.errors import EntryError

if TYPE_CHECKING:
    from pathlib import Path

# What an add or an append that was killed leaves behind, and the next one puts right.
_UNFINISHED = frozenset({"index-torn"})


@dataclass(frozen=True)
class ArchivedBundle:
    """One line of the index, and its bundle; None if the bundle is not here."""

    number: int  #: of the line, from 1
    line: IndexLine
    path: Path | None
    record: BundleRecord | None  #: the ``bundle.json`` as it stands, not verified


@dataclass(frozen=True)
class Archive:
    """A folder of bundles and the index of their seals."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> Self:
        """Name an archive that exists.

        Raises:
            EntryError: there is no such folder.
        """
        if not path.is_dir():
            hint = "add a bundle first: `ormlab archive add BUNDLE`, or name another --archive"
            raise EntryError("archive-missing", "there is no archive", where=str(path), hint=hint)
        return cls(path)

    def index(self) -> bytes:
        """The bytes of the index, empty if there is none."""
        with storage.guard(self.path):
            return index.data(self.path)

    def bundles(self) -> dict[str, Path]:
        """The folders that have the name of a bundle, by that name, in the order of time."""
        with storage.guard(self.path):
            found = [path for path in self.path.iterdir() if created_of(path.name)]
        return {path.name: path for path in sorted(found) if path.is_dir()}

    def seals(self) -> dict[str, str]:
        """The digest of the seal of each bundle that lies here and has one, by id."""
        found = {}
        for identifier, path in self.bundles().items():
            try:
                found[identifier] = tree.digest(path / names.SEAL)
            except OSError:
                continue  # `verify` of the bundle says why
        return found

    def lines(self) -> tuple[IndexLine, ...]:
        """The lines of the index.

        Raises:
            IndexBrokenError: a line does not continue the chain of those before it.
        """
        return index.read(self.path)

    def require_chain(self) -> None:
        """Refuse to build on an index that was changed; what a killed add left is no obstacle.

        Raises:
            IndexBrokenError: it was changed.
        """
        for found in chain.check(self.index(), self.seals()).findings:
            if found.code not in _UNFINISHED:
                where = self.path / found.where
                raise IndexBrokenError(found.what, where=where, hint=CODES[found.code].hint)

    def entries(self) -> tuple[ArchivedBundle, ...]:
        """Every line of the index with the bundle it is of.

        Raises:
            IndexBrokenError: the chain does not hold.
            RecordError: a ``bundle.json`` cannot be read.
        """
        here = self.bundles()
        return tuple(
            ArchivedBundle(number, line, here.get(line.id), _record(here.get(line.id)))
            for number, line in enumerate(self.lines(), start=1)
        )


def find(lines: tuple[IndexLine, ...], prefix: str, *, where: str) -> IndexLine:
    """Return the one line whose id begins so.

    Raises:
        EntryError: there is none, or more than one.
    """
    found = [line for line in lines if line.id.startswith(prefix)]
    if exact := [line for line in found if line.id == prefix]:
        found = exact
    if len(found) == 1:
        return found[0]
    if found:
        what = f"{len(found)} bundles have an id that begins with {prefix!a}"
        hint = "give more of it: " + ", ".join(line.id for line in found[:4])
        raise EntryError("entry-ambiguous", what, where=where, hint=hint)
    what = f"no bundle has an id that begins with {prefix!a}"
    hint = "`ormlab archive list` shows the ids"
    raise EntryError("entry-unknown", what, where=where, hint=hint)


def _record(path: Path | None) -> BundleRecord | None:
    if path is None:
        return None
    file = path / names.RECORD
    with storage.guard(file):
        return decode(outside.bytes_of(file), BundleRecord, where=file)
