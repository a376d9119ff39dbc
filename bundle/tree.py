"""The files of a folder that a stranger made: listed and read without following links."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

type Kind = Literal["file", "symlink", "special", "empty", "unreadable"]

_PIECE: Final = 2**18
# A sparse file takes no room on its disk and hours to read.
_LARGE: Final = 2**28
_MOST_HOLES: Final = 64
_BLOCK: Final = 512
# hashlib works without the interpreter's lock; beyond a few threads the disk decides.
_THREADS: Final = min(4, os.process_cpu_count() or 1)


class Entry(NamedTuple):
    """A path and what it is: a file, or something that a bundle must not hold."""

    path: str  #: relative to the folder, with ``/``; undecodable bytes are surrogates
    kind: Kind  #: ``special`` is a device, fifo or socket, ``empty`` an empty folder


def scan(root: Path) -> list[Entry]:
    """Return everything below a folder except folders that are not empty, sorted by path."""
    found: list[Entry] = []
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(root / folder) as listing:
                items = list(listing)
        except OSError:
            found.append(Entry(folder, "unreadable"))
            continue
        if not items:
            found.append(Entry(folder, "empty"))
        for item in items:
            path = f"{folder}/{item.name}" if folder else item.name
            if item.is_dir(follow_symlinks=False):
                pending.append(path)
            else:
                found.append(Entry(path, _kind(item)))
    return sorted(found)


def open_regular(path: Path, *, follow: bool = False) -> io.FileIO:
    """Open a regular file for reading, without waiting at a fifo or device.

    Raises:
        OSError: it is not a regular file, is large and sparse, is a symlink and ``follow`` is not
            set, or is unreadable.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(path, flags)
    if refused := _refused(os.fstat(descriptor)):
        os.close(descriptor)
        number, what = refused
        raise OSError(number, what, os.fspath(path))
    return io.FileIO(descriptor, "rb")


def _refused(status: os.stat_result) -> tuple[int, str] | None:
    """Why a file may not be read, with the number of the error; None if it may."""
    if stat.S_ISDIR(status.st_mode):
        return errno.EISDIR, "this is a folder"
    if not stat.S_ISREG(status.st_mode):
        return errno.EINVAL, "this is not a regular file"
    if status.st_size > _LARGE and status.st_blocks * _BLOCK < status.st_size // _MOST_HOLES:
        return errno.EINVAL, "this is a large file of holes"
    return None


def read_small(path: Path, *, limit: int, follow: bool = False) -> bytes:
    """Read a file whole that a hostile maker may have made large.

    Raises:
        OSError: as `open_regular`, or there are more than ``limit`` bytes.
    """
    with open_regular(path, follow=follow) as file:
        data = bytearray()
        while part := file.read(_PIECE):
            data += part
            if len(data) > limit:
                raise OSError(f"{path} is larger than {limit} bytes")
        return bytes(data)


def digest(path: Path) -> str:
    """Return the SHA-256 of a regular file, in hex, read in pieces."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(root: Path, paths: Sequence[str]) -> Iterator[tuple[str, str | OSError]]:
    """Yield each path, in order, with its SHA-256 or with the error that prevented reading it."""

    def one(path: str) -> str | OSError:
        try:
            return digest(root / path)
        except OSError as error:
            return error

    with ThreadPoolExecutor(_THREADS) as pool:
        yield from zip(paths, pool.map(one, paths), strict=True)


def _kind(item: os.DirEntry[str]) -> Kind:
    if item.is_symlink():
        return "symlink"
    try:
        regular = item.is_file(follow_symlinks=False)
    except OSError:
        return "unreadable"
    return "file" if regular else "special"
