"""Can tables and compressed files be read, and does any file hold a secret? Part of level L2.

Tables are read with the checksums of their pages. Secrets are searched for in all files, compressed
or not, and in the text columns and the metadata of tables.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Final

import pyarrow as pa
import zstandard

from bundle import credentials, names, tables
from bundle.tree import open_regular, scan
from bundle.zframe import MAX_WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.findings import Findings

_PIECE: Final = 2**20
# A block of 4 bytes can unpack to 128 KiB, so this many bytes unpack to 16 MiB at most.
_PACKED_PIECE: Final = 512
# The compressed files of a bundle may unpack to this many bytes, and to this many more for each of
# their own. Logs have up to 25 for one; searching 6 MiB takes a second if every line is suspicious.
_FREE: Final = 32 * 2**20
_RATIO: Final = 50
_LONGEST: Final = 512  # bytes of a match across two pieces, at most


def check(root: Path, findings: Findings) -> dict[str, int]:
    """Read every table and compressed file of a bundle whole, and search all files for secrets.

    Memory is bounded by a row group, whatever the size of a file.

    Returns:
        The number of rows of each table that can be read, by path.
    """
    rows = {}
    files = [entry.path for entry in scan(root) if entry.kind == "file"]
    packed = sum((root / path).lstat().st_size for path in files if path.endswith(".zst"))
    budget = _Budget(_FREE + _RATIO * packed)
    for path in files:
        if path.endswith(".parquet"):
            count = _rows(root / path, path, findings)
            if count is not None:
                rows[path] = count
        else:
            _search(root / path, path, budget, findings)
    return rows


class _Budget:
    """How many bytes the compressed files of a bundle may still unpack to."""

    def __init__(self, left: int) -> None:
        self._left = left

    def take(self, count: int) -> None:
        """Use up bytes, or raise ZstdError if there are not so many left."""
        self.require(count)
        self._left -= count

    def require(self, count: int) -> None:
        """Raise ZstdError if there are not so many bytes left."""
        if count > self._left:
            what = f"the bundle's compressed files unpack to more than {_RATIO} times their size"
            raise zstandard.ZstdError(what)


def _rows(file: Path, path: str, findings: Findings) -> int | None:
    """Count the rows of a table by reading them, each page with its checksum."""
    try:
        with tables.opened(file) as table:
            _report_text(repr(table.schema_arrow.metadata).encode(), path, "metadata", findings)
            return sum(
                _rows_of(table.read_row_group(group), path, findings)
                for group in range(table.num_row_groups)
            )
    except (OSError, ValueError, pa.ArrowException) as error:
        findings.add("table-damaged", path, names.printable(str(error)[:200]))
        return None


def _rows_of(group: pa.Table, path: str, findings: Findings) -> int:
    """Search the text in a group of rows for secrets; return the number of rows."""
    for name, column in zip(group.column_names, group.columns, strict=True):
        if not pa.types.is_primitive(column.type):
            values = column if pa.types.is_nested(column.type) else column.unique()
            text = "\n".join(map(str, values.to_pylist()))
            where = f"column {names.printable(name)}"
            _report_text(text.encode("utf-8", "replace"), path, where, findings)
    return int(group.num_rows)


def _report_text(data: bytes, path: str, where: str, findings: Findings) -> None:
    for _, kind in credentials.found(data):
        findings.add("secret-found", path, f"{kind}, {where}")


def _search(file: Path, path: str, budget: _Budget, findings: Findings) -> None:
    line, rest = 1, b""
    try:
        with open_regular(file) as source:
            is_packed = path.endswith(".zst")
            for piece in _unpacked(source, budget) if is_packed else _pieces(source):
                data = rest + piece
                # A match that begins in the rest may go on in the next piece.
                cut = max(0, len(data) - _LONGEST)
                _report(data, cut, path, line, findings)
                line += data.count(b"\n", 0, cut)
                rest = data[cut:]
        _report(rest, len(rest), path, line, findings)
    except (OSError, zstandard.ZstdError) as error:
        findings.add("log-damaged", path, names.printable(str(error)))


def _report(data: bytes, end: int, path: str, line: int, findings: Findings) -> None:
    """Report kind and line of each secret that begins before the end, never the secret itself."""
    for start, kind in credentials.found(data):
        if start < end:
            at = line + data.count(b"\n", 0, start)
            findings.add("secret-found", path, f"{kind}, line {at}")


def _pieces(source: IO[bytes]) -> Iterator[bytes]:
    while piece := source.read(_PIECE):
        yield piece


def _unpacked(source: IO[bytes], budget: _Budget) -> Iterator[bytes]:
    """The content of a Zstandard file, which must hold one whole frame and nothing else."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW)
    stream = decompressor.decompressobj(read_across_frames=False)
    size, declared = 0, None
    while piece := source.read(_PACKED_PIECE):
        if declared is None:
            declared = zstandard.get_frame_parameters(piece).content_size
            is_known = declared != zstandard.CONTENTSIZE_UNKNOWN
            budget.require(declared if is_known else 0)
        if stream.eof:
            raise zstandard.ZstdError("something follows the end of the frame")
        part = stream.decompress(piece)
        budget.take(len(part))
        size += len(part)
        if size > declared:
            raise zstandard.ZstdError("there is more in the frame than it declares")
        yield part
        if stream.unused_data:
            raise zstandard.ZstdError("something follows the end of the frame")
    if not stream.eof:
        raise zstandard.ZstdError("the frame is cut short")
