"""Can what is packed inside a bundle's files be read, and is anything there that must not be?

Part of level L2: tables with the checksums of their pages, compressed files, and secrets in any
file, compressed or not. Of a table its columns of text and its metadata are searched.
"""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from ormlab.bundle import credentials, names
from ormlab.bundle.tree import open_regular, scan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ormlab.bundle.findings import Findings

_PIECE: Final = 2**20
# A block of 4 bytes may stand for 128 KiB: so many bytes give 16 MiB at most.
_PACKED_PIECE: Final = 512
_MOST_UNPACKED: Final = 16 * 2**30
_LONGEST: Final = 512  # a match across two pieces is at most so long
_PATTERN: Final = re.compile(
    "|".join(f"(?P<s{at}>{each})" for at, each in enumerate(credentials.FORMATS.values())).encode()
)


def check(root: Path, found: Findings) -> dict[str, int]:
    """Read every table and compressed file of a bundle whole, and search all files for secrets.

    Memory is bounded by a row group, whatever the size of a file.

    Returns:
        The number of rows of each table that can be read, by path.
    """
    rows = {}
    for path in (entry.path for entry in scan(root) if entry.kind == "file"):
        if path.endswith(".parquet"):
            count = _rows(root / path, path, found)
            if count is not None:
                rows[path] = count
        else:
            _search(root / path, path, found)
    return rows


def _rows(file: Path, path: str, found: Findings) -> int | None:
    """Count the rows of a table by reading them, each page with its checksum."""
    try:
        with pq.ParquetFile(file, page_checksum_verification=True) as table:
            _tell_of_text(repr(table.schema_arrow.metadata).encode(), path, "metadata", found)
            return sum(
                _rows_of(table.read_row_group(group), path, found)
                for group in range(table.num_row_groups)
            )
    except (OSError, ValueError, pa.ArrowException) as error:
        found.add("table-damaged", path, names.printable(str(error)[:200]))
        return None


def _rows_of(group: pa.Table, path: str, found: Findings) -> int:
    """Search the text in a group of rows; returns how many there are."""
    for name, column in zip(group.column_names, group.columns, strict=True):
        if not pa.types.is_primitive(column.type):
            values = column if pa.types.is_nested(column.type) else column.unique()
            text = "\n".join(map(str, values.to_pylist()))
            where = f"column {names.printable(name)}"
            _tell_of_text(text.encode("utf-8", "replace"), path, where, found)
    return int(group.num_rows)


def _tell_of_text(data: bytes, path: str, where: str, found: Findings) -> None:
    for match in _PATTERN.finditer(data):
        found.add("secret-found", path, f"{_kind(match)}, {where}")


def _search(file: Path, path: str, found: Findings) -> None:
    line, rest = 1, b""
    try:
        with open_regular(file) as source:
            for piece in _unpacked(source) if path.endswith(".zst") else _pieces(source):
                data = rest + piece
                # A match that begins in the rest may go on in the next piece.
                cut = max(0, len(data) - _LONGEST)
                _tell(data, cut, path, line, found)
                line += data.count(b"\n", 0, cut)
                rest = data[cut:]
        _tell(rest, len(rest), path, line, found)
    except (OSError, zstandard.ZstdError) as error:
        found.add("log-damaged", path, names.printable(str(error)))


def _tell(data: bytes, end: int, path: str, line: int, found: Findings) -> None:
    """Say of which kind each secret is that begins before the end, and where; never what it is."""
    for match in _PATTERN.finditer(data):
        if match.start() < end:
            at = line + data.count(b"\n", 0, match.start())
            found.add("secret-found", path, f"{_kind(match)}, line {at}")


def _kind(match: re.Match[bytes]) -> str:
    return list(credentials.FORMATS)[int(str(match.lastgroup).removeprefix("s"))]


def _pieces(source: IO[bytes]) -> Iterator[bytes]:
    while piece := source.read(_PIECE):
        yield piece


def _unpacked(source: IO[bytes]) -> Iterator[bytes]:
    """The content of a Zstandard file, which must hold whole frames and nothing else."""
    decompressor = zstandard.ZstdDecompressor().decompressobj(read_across_frames=False)
    size = 0
    while piece := source.read(_PACKED_PIECE):
        if decompressor.eof:
            raise zstandard.ZstdError("something follows the end of the frame")
        part = decompressor.decompress(piece)
        size += len(part)
        if size > _MOST_UNPACKED:
            raise zstandard.ZstdError(f"it unpacks to more than {_MOST_UNPACKED} bytes")
        yield part
        if decompressor.unused_data:
            raise zstandard.ZstdError("something follows the end of the frame")
    if not decompressor.eof:
        raise zstandard.ZstdError("the frame is cut short")
