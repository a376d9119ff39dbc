"""The list of seals made in one folder: append-only, each line chained to the one before.

`previous` of a line is the SHA-256 of the whole line before it, newline included:
``sed -n 3p index.jsonl | sha256sum`` gives the `previous` of line 4. The chain shows that a line
was changed, moved or taken out of the middle. Only a copy kept elsewhere, such as in git, shows
that the last lines were cut off.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
from typing import IO, TYPE_CHECKING, Final

from bundle import storage
from bundle.codec import decode, encode
from bundle.errors import IndexBrokenError, RecordError
from bundle.format import IndexLine
from bundle.names import INDEX
from bundle.tree import read_small

if TYPE_CHECKING:
    from pathlib import Path


LARGEST: Final = 64 * 2**20  # bytes of an index: 270,000 lines


def append(folder: Path, identifier: str, seal: str) -> IndexLine:
    """Add a bundle to the index of a folder, durably, and return its line.

    A bundle that the index has already keeps its line. A chain that is broken further up is no
    obstacle: `read` still names the place. ``seal`` is the SHA-256 of the bundle's SEAL.json.

    Raises:
        DiskFullError: there was no room; the index is as it was before.
        StorageError: the index could not be written.
    """
    path = folder / INDEX
    hint = "the bundle itself is sealed: free some space and append its line again"
    with storage.guard(path, hint=hint):
        is_new = not path.exists()
        with path.open("a+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            line = _append(file, identifier, seal)
            os.fsync(file.fileno())
        if is_new:
            storage.sync(folder)
    return line


def read(folder: Path) -> tuple[IndexLine, ...]:
    """Return the lines of a folder's index, having checked their chain.

    Raises:
        IndexBrokenError: a line is malformed or does not continue the chain.
    """
    path = folder / INDEX
    lines: list[IndexLine] = []
    previous = None
    for number, raw in enumerate(_lines(data(folder)), start=1):
        hint = "compare it with a copy kept elsewhere: from this line on nothing is anchored"
        try:
            line = decode(raw, IndexLine, where=path)
        except RecordError as error:
            raise IndexBrokenError(error.what, where=f"{path}:{number}", hint=hint) from error
        if line.previous != previous or not raw.endswith(b"\n"):
            what = "the line does not continue the chain"
            raise IndexBrokenError(what, where=f"{path}:{number}", hint=hint)
        lines.append(line)
        previous = _digest(raw)
    return tuple(lines)


def latest(folder: Path) -> str | None:
    """The seal of the last readable line, even if the chain is broken."""
    readable = filter(None, map(parse, reversed(_lines(data(folder)))))
    return next((line.seal for line in readable), None)


def parse(raw: bytes) -> IndexLine | None:
    """What a line of an index says; None if it cannot be read."""
    try:
        return decode(raw, IndexLine, where=INDEX)
    except RecordError:
        return None


def data(folder: Path) -> bytes:
    """The bytes of a folder's index, empty if there is none."""
    path = folder / INDEX
    return read_small(path, limit=LARGEST) if path.exists() else b""


def _append(file: IO[bytes], identifier: str, seal: str) -> IndexLine:
    file.seek(0)
    lines = _lines(_mended(file, file.read()))
    previous = None
    for raw in lines:
        line = IndexLine(id=identifier, seal=seal, previous=previous)
        if raw == encode(line, indent=0):
            return line
        previous = _digest(raw)
    line = IndexLine(id=identifier, seal=seal, previous=previous)
    _write(file, encode(line, indent=0))
    return line


def _mended(file: IO[bytes], data: bytes) -> bytes:
    """Repair a last line without a newline, which an append that was killed half-way left."""
    whole = data[: data.rfind(b"\n") + 1]
    torn = data[len(whole) :]
    if not torn:
        return data
    if parse(torn) is None:
        file.truncate(len(whole))
        return whole
    _write(file, b"\n")
    return data + b"\n"


def _write(file: IO[bytes], data: bytes) -> None:
    """Append all of the data or nothing: a full disk may accept the first half of a write."""
    before = os.fstat(file.fileno()).st_size
    try:
        while data:
            data = data[file.write(data) :]
    except OSError:
        file.truncate(before)
        raise


def _lines(data: bytes) -> list[bytes]:
    return io.BytesIO(data).readlines()


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
