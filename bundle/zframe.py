"""Decompressing exactly one Zstandard frame in bounded memory.

The library's streams stop silently where a file was cut, skip what follows a frame, and can unpack
a few bytes to gigabytes. Therefore the frame is decompressed block by block: its structure (RFC
8878, section 3.1.1) says where it ends, and no block unpacks to more than 128 KiB.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Final

import zstandard

from bundle.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Iterator

# What RFC 8878, section 3.1.1.1.2 recommends every decoder to support.
MAX_WINDOW: Final = 8 * 2**20

_MAX_HEADER: Final = 18
_RLE: Final = 1
_CHECKSUM_LENGTH: Final = 4


def decompress(source: IO[bytes], *, limit: int, where: object) -> Iterator[bytes]:
    """Yield the content of the only frame of a file, in pieces of which none is empty.

    ``limit`` is the largest content in bytes, ``where`` the place that an error names.

    Raises:
        ArchiveError: it is not one whole frame with a checksum and a declared size, the size is
            above the limit, the window above `MAX_WINDOW`, or something follows the frame.
    """
    try:
        yield from _decompress(source, limit)
    except zstandard.ZstdError as error:
        raise refusal(str(error), where) from error


def refusal(what: str, where: object) -> ArchiveError:
    """Return the error of an archive that is not what `pack` writes."""
    hint = "fetch the archive again; if it is the same there, do not rely on it"
    return ArchiveError(what, where=where, hint=hint)


def _decompress(source: IO[bytes], limit: int) -> Iterator[bytes]:
    header = source.read(_MAX_HEADER)
    if not header.startswith(zstandard.FRAME_HEADER):
        raise zstandard.ZstdError("this is not a Zstandard frame")
    frame = zstandard.get_frame_parameters(header)
    if not frame.has_checksum or frame.dict_id:
        raise zstandard.ZstdError("the frame has no checksum, or needs a dictionary")
    if frame.content_size > limit:  # an undeclared size reads as the largest number there is
        raise zstandard.ZstdError(f"the declared size is above {limit} bytes, or there is none")
    start = zstandard.frame_header_size(header)
    source.seek(start)
    stream = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).decompressobj()
    size = 0
    last = False
    fed = header[:start]
    while not last:
        mark = _exactly(source, 3)
        bits = int.from_bytes(mark, "little")
        # At most 2 MiB by the width of the field; the library refuses blocks above 128 KiB.
        last, kind, length = bool(bits & 1), bits >> 1 & 3, bits >> 3
        fed += mark + _exactly(source, 1 if kind == _RLE else length)
        piece = stream.decompress(fed)
        fed = b""
        size += len(piece)
        if size > frame.content_size:
            raise zstandard.ZstdError("there is more in the frame than it declares")
        if piece:
            yield piece
    piece = stream.decompress(_exactly(source, _CHECKSUM_LENGTH))
    if not stream.eof or size + len(piece) != frame.content_size:
        raise zstandard.ZstdError("the frame does not end where its blocks do")
    if piece:
        yield piece
    if source.read(1):
        raise zstandard.ZstdError("something follows the frame")


def _exactly(source: IO[bytes], length: int) -> bytes:
    data = source.read(length)
    if len(data) != length:
        raise zstandard.ZstdError("the file was cut off")
    return data
