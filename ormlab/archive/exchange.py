"""Between the archive and an object store, in both directions.

A push that is cut leaves nothing under the name it was writing, or a packed bundle that nothing
names yet, which the next push takes up.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from bundle import names, storage
from bundle.codec import encode
from bundle.pack import pack
from bundle.unpack import unpack
from ormlab.archive import chain
from ormlab.archive.entries import Archive, find
from ormlab.archive.errors import EntryError, MismatchError
from ormlab.archive.keep import Added, locked, place
from ormlab.archive.layout import (
    ELSEWHERE,
    INDEX,
    Elsewhere,
    Stored,
    packed,
    seal,
    segment,
    segment_start,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bundle.format import IndexLine
    from ormlab.archive.store import Store

RECEIVED: Final = "received"
"""Folder of an archive with the indexes of other stores that it has bundles of."""
_SCRATCH: Final = ".pull.adding"  # a name that `locked` tidies
_SHORT: Final = 12  # digits of a digest


@dataclass(frozen=True)
class Pushed:
    """What became of one bundle: stored now, or present there before."""

    stored: Stored
    outcome: Literal["stored", "present"]


def push(folder: Path, store: Store, ids: Sequence[str] = ()) -> tuple[Pushed, ...]:
    """Store bundles of an archive, and the lines of its index that the store does not have.

    ``ids`` are prefixes of ids; none means every bundle that is here.

    Raises:
        EntryError: there is no archive, or a prefix names no bundle that is here.
        IndexBrokenError: the archive's index was changed.
        VerificationError: a bundle does not reach L1.
        MismatchError: the store's index is not the beginning of the archive's, or what was stored
            reads back as something else.
        StoreError: the store could not be reached, refused, or would replace what is there.
    """
    archive = Archive.open(folder)
    archive.require_chain()
    lines, data = archive.lines(), archive.index()
    wanted = [find(lines, prefix, where=str(folder)) for prefix in ids] or [
        line for line in lines if (folder / line.id).is_dir()
    ]
    store.require_conditions()
    theirs = _index(store)
    if not data.startswith(theirs):
        raise _diverged(store)
    pushed = tuple(_push(folder, line, store) for line in wanted)
    if rest := data[len(theirs) :]:
        first = theirs.count(b"\n") + 1
        if not store.put_once(segment(first), rest):
            raise _diverged(store)
    return pushed


def pull(store: Store, folder: Path, ids: Sequence[str]) -> tuple[Added, ...]:
    """Fetch bundles into an archive.

    ``ids`` are prefixes of ids; none means every bundle of the store's index, which the archive
    then takes over. It takes it over for single bundles too if the store is its own, that is, if
    one of the two indexes is the beginning of the other. From another store a bundle gets a line
    in the archive's own index; the store's index is kept apart, so that the archive lists nothing
    that it does not have.

    Raises:
        EntryError: the store has no such bundle, or leaves it to the history of a repository.
        MismatchError: what came is not what was stored, the store's index is broken, or not the
            one that was kept; or all of it is wanted, and it and the archive's do not continue
            each other.
        ArchiveError, NotSealedError, VerificationError: what came is not a whole bundle.
        StoreError: the store could not be reached, or refused.
    """
    theirs = _index(store)
    read = chain.check(theirs, {})
    if read.findings:
        first = read.findings[0]
        raise MismatchError("store-index", first.what, where=store.url, hint=first.hint)
    wanted = [find(read.lines, prefix, where=store.url) for prefix in ids] or list(read.lines)
    with storage.guard(folder, hint="free some space and pull again"):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            ours = Archive(folder).index()
            apart = _apart(folder, theirs)
            related = theirs.startswith(ours) or ours.startswith(theirs)
            taken_over = related and not apart.exists() and (not ids or bool(ours))
            if not (ids or taken_over):
                raise _diverged(store)
            _require_in(store, [line for line in wanted if not (folder / line.id).exists()])
            target = folder / names.INDEX if taken_over else apart
            return tuple(_pull(store, folder, line, theirs, target) for line in wanted)


def _apart(folder: Path, theirs: bytes) -> Path:
    """Where an archive keeps the index of a store that is not its own, by its first line."""
    first = theirs.partition(b"\n")[0]
    return folder / RECEIVED / hashlib.sha256(first).hexdigest()[:_SHORT] / names.INDEX


def _keep(target: Path, theirs: bytes, store: Store) -> None:
    """Write a store's index if it is longer than what is kept of it.

    Raises:
        MismatchError: it does not continue what is kept.
    """
    kept = target.read_bytes() if target.exists() else b""
    if len(theirs) <= len(kept) and kept.startswith(theirs):
        return
    if difference := chain.extends(theirs, kept):
        raise MismatchError("store-index", difference.what, where=store.url, hint=difference.hint)
    storage.make_folders(target.parent, under=target.parent.parent.parent)
    storage.write_file(target, theirs)


def _push(folder: Path, line: IndexLine, store: Store) -> Pushed:
    path = folder / line.id
    if not path.is_dir():
        what = f"the bundle {line.id} is not in the archive"
        hint = "pull it from a store that has it"
        raise EntryError("entry-missing", what, where=str(path), hint=hint)
    if known := _stored(store, line):
        size = store.size(packed(known.archive))
        if size != known.size and not (size is None and _is_left(store, known)):
            what = f"{packed(known.archive)} is not there, or not of its size"
            hint = "the store lost it: store the archive anew under another prefix"
            raise MismatchError("store-lost", what, where=store.url, hint=hint)
        return Pushed(known, "present")
    with tempfile.TemporaryDirectory(prefix=".push-", dir=folder) as scratch:
        file = Path(scratch) / f"{line.id}.tar.zst"
        digest = pack(path, file)
        stored = Stored(id=line.id, seal=line.seal, archive=digest, size=file.stat().st_size)
        if store.size(packed(digest)) is None:
            store.put_file(packed(digest), file)
    _fetch(store, stored, None)
    if not store.put_once(seal(line.seal), encode(stored)):
        known = _stored(store, line)
        return Pushed(known or stored, "present")
    return Pushed(stored, "stored")


def _require_in(store: Store, lines: Sequence[IndexLine]) -> None:
    """Refuse what the store leaves to a history, all at once and before anything is fetched."""
    left = store.record(ELSEWHERE, Elsewhere)
    if left is None:
        return
    known = left.by_archive()
    moved = [
        known[stored.archive]
        for line in lines
        if (stored := _stored(store, line))
        and stored.archive in known
        and store.size(packed(stored.archive)) is None
    ]
    if not moved:
        return
    first = moved[0]
    others = f" and {len(moved) - 1} more are" if len(moved) > 1 else " is"
    what = (
        f"the bundle {first.id}{others} not in this store but in the history of the git "
        f"repository that carries it, at commit {first.commit[:12]}"
    )
    file = f"{first.id}.tar.zst"
    hint = (
        f"in a clone with its history `git show {first.commit}:{left.path(first)} > {file}`, "
        f"then `ormlab archive unpack {file} ARCHIVE`, and pull again"
    )
    if len(moved) > 1:
        hint += f"; {ELSEWHERE} in the store names the commit and the digest of the others"
    raise EntryError("entry-elsewhere", what, where=store.url, hint=hint)


def _is_left(store: Store, stored: Stored) -> bool:
    """Whether the store leaves a bundle, which it has not, to the history of a repository."""
    left = store.record(ELSEWHERE, Elsewhere)
    return left is not None and stored.archive in left.by_archive()


def _pull(store: Store, folder: Path, line: IndexLine, index: bytes, target: Path) -> Added:
    """Fetch one bundle, keep the store's index at its place, then name the bundle."""
    scratch = folder / _SCRATCH
    if not (folder / line.id).exists():
        stored = _stored(store, line)
        if stored is None:
            what = f"the bundle {line.id} was never pushed, only its line of the index"
            hint = "ask whoever keeps the archive to push it"
            raise EntryError("entry-missing", what, where=store.url, hint=hint)
        scratch.mkdir(exist_ok=True)
        file = scratch / "bundle.tar.zst"
        _fetch(store, stored, file)
        unpack(file, scratch)
        file.unlink()
    _keep(target, index, store)
    return place(scratch / line.id, folder, line.id, line.seal)


def _fetch(store: Store, stored: Stored, target: Path | None) -> None:
    """Read a packed bundle from the store, and refuse it if it is not what was stored."""
    digest, size = hashlib.sha256(), 0
    with Path(target or "/dev/null").open("wb") as out:
        for piece in store.stream(packed(stored.archive)):
            digest.update(piece)
            size += len(piece)
            if size > stored.size:
                break
            out.write(piece)
    if (digest.hexdigest(), size) != (stored.archive, stored.size):
        what = f"{packed(stored.archive)} is not what was stored under this name"
        hint = "do not rely on this store; fetch the bundle from another one"
        raise MismatchError("store-changed", what, where=store.url, hint=hint)


def _stored(store: Store, line: IndexLine) -> Stored | None:
    stored = store.record(seal(line.seal), Stored)
    if stored and (stored.id, stored.seal) != (line.id, line.seal):
        raise store.foreign(seal(line.seal), f"it is of {stored.id}")
    return stored


def _index(store: Store) -> bytes:
    """The store's index: its segments, each of which begins where the one before it ends."""
    data = b""
    for name in store.names(INDEX):
        if segment_start(name) != data.count(b"\n") + 1:
            raise store.foreign(name, "it does not continue the index")
        data += store.read(name) or b""
    return data


def _diverged(store: Store) -> MismatchError:
    what = "the store's index and the archive's do not continue each other"
    hint = "pull from the store into a new archive and add to that; an index line never goes away"
    return MismatchError("index-diverged", what, where=store.url, hint=hint)
