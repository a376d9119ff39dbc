"""Parquet tables of a stranger, read in bounded memory.

A row group of a few hundred bytes can stand for gigabytes: repeated values are stored once, pages
are compressed, and the metadata may lie about sizes. Therefore the metadata is limited, the header
of every page is read (Thrift's compact protocol; parquet-format, "Page Header") and checked against
limits, and text columns are read as dictionaries, which hold each value once.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from bundle.tree import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_ROWS: Final = 2**20  # of a row group; the lab writes up to 2**18
MOST_ROWS_IN_ALL: Final = 2**25  # an hour of 9,000 requests a second
MOST_BYTES: Final = 2**27  # unpacked, of a row group
LARGEST_FOOTER: Final = 2**20  # the largest of the evidence has 1.6 KB
# A file may take this many bytes in memory, and this many more for each of its own. Samples take 2
# for one; the counters of sleeping processes take up to 50.
_FREE: Final = 2**24
_RATIO: Final = 100
_MOST_IN_LIST: Final = 4096  # row groups, columns, entries of metadata
_LONGEST_NAME: Final = 2**20
_WIDTHS: Final = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4, "INT64": 8, "DOUBLE": 8, "INT96": 12}
_INDEX_WIDTH: Final = 4  # of a value in a dictionary
# Those of Parquet's encodings in which no value depends on the values before it.
_ENCODINGS: Final = frozenset({0, 2, 3, 4, 8, 9})
_TAIL: Final = 8  # bytes after the footer: its length, and a mark
_HEADER: Final = 2**16  # bytes of a page's header, which may hold statistics


class TableError(ValueError):
    """A file that is not a table, or whose reading could exceed a limit."""


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a table with checked pages whose row groups can each be read in bounded memory.

    Raises:
        OSError: it is missing, not a regular file, damaged or not a table.
        TableError: it exceeds a limit.
        pyarrow.ArrowException: it is not a table.
    """
    with open_regular(path) as file:
        _check_footer(file)
        with pq.ParquetFile(
            path,
            thrift_container_size_limit=_MOST_IN_LIST,
            thrift_string_size_limit=_LONGEST_NAME,
        ) as looked:
            texts = _check(looked.metadata, file)
    with pq.ParquetFile(
        path,
        page_checksum_verification=True,
        read_dictionary=texts,
        thrift_container_size_limit=_MOST_IN_LIST,
        thrift_string_size_limit=_LONGEST_NAME,
    ) as table:
        yield table


def read(
    path: Path, columns: list[str] | None = None, *, most_rows: int = MOST_ROWS_IN_ALL
) -> pa.Table:
    """Read some columns of a table, or all; errors as in `opened`, also above `most_rows`."""
    with opened(path) as table:
        if table.metadata.num_rows > most_rows:
            raise TableError(f"the table has more than {most_rows:,} rows")
        return table.read(columns=columns)


def _check_footer(file: IO[bytes]) -> None:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL))
    footer = int.from_bytes(file.read(4), "little")
    if size > _TAIL and footer > LARGEST_FOOTER:
        raise TableError(f"the metadata has {footer:,} bytes, more than {LARGEST_FOOTER:,}")


def _check(metadata: pq.FileMetaData, file: IO[bytes]) -> list[str]:
    """Check the metadata and every page against the limits; return the text columns."""
    size = file.seek(0, os.SEEK_END)
    most = _FREE + _RATIO * size
    texts, in_memory, rows = set(), 0, 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if not 0 <= group.num_rows <= MOST_ROWS:
            raise TableError(f"row group {number} has {group.num_rows:,} rows")
        rows += group.num_rows
        unpacked = 0
        for position in range(group.num_columns):
            column = group.column(position)
            schema = metadata.schema.column(position)
            if schema.max_repetition_level:
                raise TableError(f"the column {column.path_in_schema!a} is a list")
            is_text = column.physical_type == "BYTE_ARRAY"
            texts |= {column.path_in_schema} if is_text else set()
            width = _WIDTHS.get(column.physical_type, schema.length or _INDEX_WIDTH)
            values, pages = _walk(file, column, size)
            if values > group.num_rows:
                raise TableError(f"row group {number} has more values than rows")
            unpacked += pages
            in_memory += width * group.num_rows
        # Texts are counted by their pages, whether one stands for all rows or each row has one.
        if unpacked > MOST_BYTES:
            raise TableError(f"row group {number} unpacks to {unpacked:,} bytes")
        in_memory += unpacked
    if in_memory > most or not 0 <= rows <= MOST_ROWS_IN_ALL:
        what = f"{rows:,} rows and {in_memory:,} bytes in memory"
        raise TableError(f"{size:,} bytes stand for {what}, more than they can honestly")
    return sorted(texts)


def _walk(file: IO[bytes], column: pq.ColumnChunkMetaData, size: int) -> tuple[int, int]:
    """Return the values and the unpacked bytes of a column's pages, by their headers."""
    starts = [column.data_page_offset]
    if column.has_dictionary_page and column.dictionary_page_offset:
        starts.append(column.dictionary_page_offset)
    at = min(starts)
    end = at + column.total_compressed_size
    if not 0 < at <= end <= size:
        raise TableError(f"the column {column.path_in_schema!a} lies outside of the file")
    values = unpacked = 0
    while at < end:
        file.seek(at)
        page = _Page(file.read(_HEADER))
        at += page.length + page.packed
        values += page.values
        unpacked += page.unpacked
        if min(page.packed, page.unpacked, page.values) < 0 or at > end:
            raise TableError(f"a page of {column.path_in_schema!a} is not what it can be")
    return values, unpacked


class _Page:
    """The header of a page: its own length, and the page's bytes in the file and in memory.

    `values` is the number of values of a data page, and 0 for a dictionary.
    """

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0
        try:
            fields = self._struct(0)
        except IndexError:
            raise TableError("the header of a page is cut short") from None
        self.length = self._at
        self.unpacked, self.packed = self._number(fields, 2), self._number(fields, 3)
        data_page = fields.get(5, fields.get(8))
        inner = data_page if isinstance(data_page, dict) else {}
        self.values = self._number(inner, 1) if inner else 0
        encoding = self._number(inner, 4 if 8 in fields else 2) if inner else 0  # noqa: PLR2004 - v2
        if encoding not in _ENCODINGS:
            raise TableError(f"a page has the encoding {encoding}, which the lab does not write")

    @staticmethod
    def _number(fields: dict[int, object], key: int) -> int:
        value = fields.get(key)
        if not isinstance(value, int):
            raise TableError("the header of a page lacks a number")
        return value

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the last one
                return value
            shift += 7
            if shift > 63:  # noqa: PLR2004 - of 64 bits
                raise TableError("the header of a page has a number of more than 64 bits")

    def _struct(self, depth: int) -> dict[int, object]:
        """The fields by their ids: a number, or the fields of a struct; texts are skipped."""
        if depth > 4:  # noqa: PLR2004 - the header of a page has 3
            raise TableError("the header of a page is nested too deeply")
        fields: dict[int, object] = {}
        number = 0
        while (head := self._data[self._at]) != 0:
            self._at += 1
            kind = head & 0x0F
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            fields[number] = self._value(kind, depth)
        self._at += 1
        return fields

    def _zigzag(self) -> int:
        raw = self._varint()
        return (raw >> 1) ^ -(raw & 1)

    def _value(self, kind: int, depth: int) -> object:
        match kind:
            case 1 | 2:
                return kind == 1
            case 4 | 5 | 6:
                return self._zigzag()
            case 8:
                length = self._varint()
                self._at += length
                return None
            case 12:
                return self._struct(depth + 1)
        raise TableError("the header of a page holds what no page has")
