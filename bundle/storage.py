"""Writing so that a crash at any instant leaves either the old file or the new one, never half.

A file is written under a temporary name, flushed to the disk, renamed, and its folder flushed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from bundle.errors import BundleBusyError, BundleError, DiskFullError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

# A process may also meet its own limit on the size of a file (RLIMIT_FSIZE, EFBIG).
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_SUCH_PLACE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR})
_RESUME: Final = "free some space and resume: every trial closed so far is kept"


@contextmanager
def room(where: Path, *, hint: str = _RESUME) -> Iterator[None]:
    """Turn a lack of room into a DiskFullError, and let all other errors pass."""
    try:
        yield
    except BundleError:
        raise
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise DiskFullError(
            f"no room to write ({error.strerror})",
            where=error.filename or where,
            hint=hint,
            errno=error.errno,
        ) from error


@contextmanager
def guard(where: Path, *, hint: str = _RESUME) -> Iterator[None]:
    """Turn a lack of room into a DiskFullError, and any other OSError into a StorageError.

    ``where`` is the place to name if the system names none, ``hint`` what to do without room.
    """
    try:
        with room(where, hint=hint):
            yield
    except BundleError:
        raise
    except OSError as error:
        hint = "check that the folder is on a healthy disk and may be written by this user"
        if error.errno in _NO_SUCH_PLACE:
            hint = "check the path, and that the folders above it are there"
        raise StorageError(
            error.strerror or str(error),
            where=error.filename if isinstance(error.filename, str) else where,
            hint=hint,
            errno=error.errno,
        ) from error


def write_file(path: Path, data: bytes | Path) -> None:
    """Write a whole file into a folder that exists, in place of any of that name.

    ``data`` is its bytes, or a file to copy.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        if isinstance(data, Path):
            shutil.copyfile(data, temporary)
        else:
            temporary.write_bytes(data)
        sync(temporary)
        temporary.rename(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync(path.parent)


def make_folders(folder: Path, *, under: Path) -> None:
    """Make a folder and those above it, up to ``under``, each durable before the next."""
    missing = []
    while folder != under and not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir()
        sync(new.parent)


def prune(folder: Path) -> None:
    """Remove the empty folders below a folder, because a list of files cannot name them."""
    for below, _, _ in folder.walk(top_down=False):
        if below != folder and not any(below.iterdir()):
            below.rmdir()


def sync(path: Path) -> None:
    """Flush one file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Lock:
    """An exclusive lock on a folder or file; it ends at the latest with the process.

    With ``wait`` it waits for the holder of the lock; without, that raises BundleBusyError.
    """

    def __init__(self, path: Path, *, wait: bool = False) -> None:
        self._descriptor: int | None = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            self.release()
            raise BundleBusyError(
                "another process is writing here",
                where=path,
                hint="wait until it has ended, or end it",
                errno=error.errno,
            ) from error

    def release(self) -> None:
        """Give the lock up; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class LockHolder:
    """Holds a lock until `close`, or until the end of a with block."""

    def __init__(self, lock: Lock) -> None:
        self._lock: Lock | None = lock

    def close(self) -> None:
        """Give the lock up, if it is still held; a second call does nothing."""
        if self._lock:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
