"""Raw samples on disk: ``samples.bin``, described by ``client.json`` beside it.

The file holds the columns one after the other, little-endian, each as long as there are samples;
``client.json`` says under ``samples`` where each begins. Rows stand in order of their end within
a process (those without an answer last), processes one after the other. Instants are nanoseconds
from the start of the window. A row of status 0 had no answer: ``end_ns`` is when waiting for one
ended, a lower bound; if the request was never sent either, ``sent_ns`` equals ``end_ns``.
"""

from __future__ import annotations

import json
import mmap
import os
from typing import TYPE_CHECKING, Literal

from bundle.generators.client import Column, Samples

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from workloads.load.client.samples import Chunk

FILE = "samples.bin"
_COLUMNS: Mapping[str, Literal["int64", "uint16"]] = {
    "intended_ns": "int64",
    "sent_ns": "int64",
    "end_ns": "int64",
    "operation": "uint16",
    "status": "uint16",
}
_BYTES = {"int64": 8, "uint16": 2}
_CODES: dict[str, Literal["q", "H"]] = {"int64": "q", "uint16": "H"}


def describe(rows: int, kinds: Mapping[str, Literal["int64", "uint16"]] = _COLUMNS) -> Samples:
    """Return the ``samples`` entry of the report for a file of so many rows.

    ``kinds`` are the types of its columns by name, the client's by default.
    """
    columns, offset = [], 0
    for name, kind in kinds.items():
        columns.append(Column(name=name, type=kind, offset=offset))
        offset += rows * _BYTES[kind]
    return Samples(file=FILE, rows=rows, columns=columns, bytes=offset)


def create(folder: Path, rows: int) -> None:
    """Make room for so many rows.

    Raises:
        OSError: there is no space.
    """
    with (folder / FILE).open("wb") as file:
        if size := describe(rows).bytes:
            os.posix_fallocate(file.fileno(), 0, size)


class Writer:
    """Writes the rows of one process into its place in the file that ``create`` made."""

    def __init__(self, folder: Path, *, first_row: int, rows: int) -> None:
        self._columns = describe(rows).columns
        self._row = first_row
        self._descriptor = os.open(folder / FILE, os.O_WRONLY)

    def write(self, chunk: Chunk) -> None:
        """Write the next rows.

        Raises:
            OSError: for instance no space is left.
        """
        for column, values in zip(self._columns, chunk, strict=True):
            data = memoryview(values).cast("B")
            at = column.offset + self._row * values.itemsize
            while data:
                written = os.pwrite(self._descriptor, data, at)
                data, at = data[written:], at + written
        self._row += len(chunk.end_ns)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def read_samples(folder: Path) -> dict[str, memoryview[int]]:
    """Map the columns of a trial's samples into memory, without copying them.

    Args:
        folder: the client's output folder.

    Returns:
        By column name, the values as integers: ``operation`` is an index into ``operations`` of
        ``client.json``.

    Raises:
        OSError: a file is missing.
        ValueError: the file is not as long as its description says.
    """
    told = json.loads((folder / "client.json").read_bytes())["samples"]
    with (folder / told["file"]).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size != told["bytes"]:
            raise ValueError(f"{told['file']} has {size} bytes, described are {told['bytes']}")
        # An empty file cannot be mapped.
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b"")
    columns = {}
    for column in told["columns"]:
        end = column["offset"] + told["rows"] * _BYTES[column["type"]]
        columns[column["name"]] = data[column["offset"] : end].cast(_CODES[column["type"]])
    return columns
