"""Taking a bundle out of an archive that may be hostile.

Only what `pack` writes is accepted: see `bundle.ustar` and `bundle.zframe`. The files go to a
temporary folder beside the target, which gets its name when the bundle in it reaches L1.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bundle import names, storage, ustar, zframe
from bundle.errors import BundleExistsError, PathRefusedError
from bundle.read import Bundle
from bundle.tree import open_regular
from bundle.zframe import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Limits:
    """The most that an archive may unpack to."""

    size: int = 16 * 2**30  #: bytes, headers included
    files: int = 100_000
    free: int = 64 * 2**20  #: bytes, whatever the size of the archive
    ratio: int = (
        100  #: and so many more for each byte of it; most of a bundle is compressed already
    )

    def of(self, archive_bytes: int) -> int:
        """The most bytes that an archive of this size may unpack to."""
        return min(self.size, self.free + self.ratio * archive_bytes)


DEFAULT_LIMITS: Final = Limits()


def unpack(archive: Path, parent: Path, *, limits: Limits = DEFAULT_LIMITS) -> Path:
    """Unpack an archive into a folder below ``parent``; return that folder, which reaches L1.

    If ``parent`` is not there, it is made with the folders above it, and stays only beside a
    bundle.

    Raises:
        ArchiveError: the archive is not what `pack` writes, or exceeds a limit.
        NotSealedError: it does not hold a sealed bundle.
        VerificationError: the bundle does not reach L1.
        BundleExistsError: a folder of this name exists already.
        DiskFullError: there was no room; nothing is left behind.
    """
    with (
        storage.guard(parent, hint="free some space and unpack again"),
        open_regular(archive, follow=True) as source,
        _there(parent),
        tempfile.TemporaryDirectory(prefix=".unpack-", dir=parent) as scratch,
    ):
        limit = limits.of(os.fstat(source.fileno()).st_size)
        pieces = zframe.decompress(source, limit=limit, where=archive)
        top = _extract(_Content(pieces, archive), Path(scratch), limits)
        identifier = Bundle.open(top, level="L1").record.id
        if identifier != top.name:
            raise refusal(f"the folder is {top.name}, the bundle {identifier}", archive)
        target = parent / identifier
        if target.exists():
            hint = "verify that one, or move it away"
            raise BundleExistsError("a bundle of this id exists", where=target, hint=hint)
        for folder, _, files in top.walk():
            for name in files:
                storage.sync(folder / name)
            storage.sync(folder)
        top.rename(target)
        storage.sync(parent)
        return target


@contextmanager
def _there(folder: Path) -> Iterator[None]:
    """Make a folder and those above it; if the block fails, remove those that were made."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for each in made:
            with suppress(OSError):  # somebody else has put something into it
                each.rmdir()
        raise


class _Content:
    """The unpacked bytes, taken in the amounts that the caller needs."""

    def __init__(self, pieces: Iterator[bytes], archive: Path) -> None:
        self._pieces = pieces
        self._rest = b""
        self.archive = archive

    def take(self, length: int) -> Iterator[bytes]:
        """Yield exactly ``length`` bytes in pieces."""
        while length:
            if not self._rest:
                self._rest = next(self._pieces, b"")
            if not self._rest:
                raise refusal("the archive ends inside a file", self.archive)
            piece, self._rest = self._rest[:length], self._rest[length:]
            length -= len(piece)
            yield piece

    def block(self) -> bytes:
        return b"".join(self.take(ustar.BLOCK))

    def end(self) -> None:
        """Refuse anything after the end mark, and read the frame to its checksum."""
        if self.block() != ustar.END[ustar.BLOCK :] or self._rest or any(self._pieces):
            raise refusal("something follows the end of the archive", self.archive)


def _extract(content: _Content, scratch: Path, limits: Limits) -> Path:
    """Write all files below the scratch folder; return the one folder that holds them."""
    top = latest = ""
    count = 0
    while (block := content.block()) != ustar.END[: ustar.BLOCK]:
        path, size = _parse(block, content.archive)
        first = path.partition("/")[0]
        if first != (top or first):
            raise refusal(f"{path} is not below {top}", content.archive)
        if path <= latest:
            raise refusal(f"{path} is there twice, or out of order", content.archive)
        count += 1
        if count > limits.files:
            raise refusal(f"more than {limits.files} files", content.archive)
        top, latest = first, path
        _write(content, scratch / path, size)
    content.end()
    if not top:
        raise refusal("the archive is empty", content.archive)
    return scratch / top


def _parse(block: bytes, archive: Path) -> tuple[str, int]:
    """Return path and size of a member whose name may be used."""
    try:
        folder, name, size = ustar.parse(block)
        path = names.check_path(f"{folder}/{name}".partition("/")[2])
        return f"{names.check_path(folder.partition('/')[0])}/{path}", size
    except PathRefusedError as error:
        raise refusal(f"{error.where}: {error.what}", archive) from error
    except ValueError as error:
        raise refusal(str(error), archive) from error


def _write(content: _Content, target: Path, size: int) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        file = target.open("xb")
    except (FileExistsError, NotADirectoryError) as error:
        raise refusal(f"{target.name} is a file and a folder", content.archive) from error
    with file:
        for piece in content.take(size):
            file.write(piece)
    if any(b"".join(content.take(ustar.padding(size)))):
        raise refusal(f"{target.name} is not followed by zeros", content.archive)
