"""A bundle as one file: deterministic, so that a digest names it.

The archive is one Zstandard frame around one tar of plain files under one folder. That folder has
the bundle's id as its name, whatever the bundle's own folder is called. One version of libzstd
packs one bundle always to the same bytes; another version may compress it differently.
"""

from __future__ import annotations

from contextlib import suppress
from typing import IO, TYPE_CHECKING, Final

import zstandard

from bundle import storage, ustar
from bundle.errors import ArchiveError, BundleExistsError
from bundle.read import Bundle
from bundle.tree import digest, open_regular, scan

if TYPE_CHECKING:
    from pathlib import Path

# Most of a bundle is compressed already; higher levels cost time and win little on the rest.
_LEVEL: Final = 9
_PIECE: Final = 2**20


def pack(bundle: Path, out: Path) -> str:
    """Write a bundle that reaches L1 to a new archive; return the archive's SHA-256, in hex.

    Raises:
        NotSealedError: the bundle is not sealed.
        VerificationError: it does not reach L1.
        BundleExistsError: ``out`` exists.
        ArchiveError: a file is larger than 8 GiB, or changed while it was packed.
        DiskFullError: there was no room; no part of the archive is left.
    """
    identifier = Bundle.open(bundle, level="L1").record.id
    temporary = out.with_name(f".{out.name}.tmp")
    with storage.guard(out, hint="free some space and pack again"):
        if out.exists():
            hint = "remove it, or name another file"
            raise BundleExistsError("the archive exists", where=out, hint=hint)
        try:
            with temporary.open("wb") as file:
                try:
                    _write(bundle, identifier, file)
                except zstandard.ZstdError as error:  # more or fewer bytes than were announced
                    hint = "let nothing write to a sealed bundle"
                    what = "a file changed while it was packed"
                    raise ArchiveError(what, where=bundle, hint=hint) from error
            storage.sync(temporary)
            temporary.rename(out)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        storage.sync(out.parent)
        return digest(out)


def _write(bundle: Path, identifier: str, file: IO[bytes]) -> None:
    paths = [entry.path for entry in scan(bundle)]
    sizes = {path: (bundle / path).stat().st_size for path in paths}
    for path, size in sizes.items():
        if size > ustar.MAX_SIZE:
            hint = "split the file before the seal"
            raise ArchiveError("larger than 8 GiB", where=bundle / path, hint=hint)
    total = sum(ustar.BLOCK + size + ustar.padding(size) for size in sizes.values())
    compressor = zstandard.ZstdCompressor(
        level=_LEVEL, write_checksum=True, write_content_size=True, write_dict_id=False, threads=0
    )
    with compressor.stream_writer(file, size=total + len(ustar.END), closefd=False) as tar:
        for path, size in sizes.items():
            folder, _, name = f"{identifier}/{path}".rpartition("/")
            tar.write(ustar.header(folder, name, size))
            _copy(bundle / path, size, tar)
            tar.write(bytes(ustar.padding(size)))
        tar.write(ustar.END)


def _copy(path: Path, size: int, tar: zstandard.ZstdCompressionWriter) -> None:
    with open_regular(path) as source:
        while piece := source.read(_PIECE):
            size -= tar.write(piece)
    if size:
        hint = "let nothing write to a sealed bundle"
        raise ArchiveError("the file changed while it was packed", where=path, hint=hint)
