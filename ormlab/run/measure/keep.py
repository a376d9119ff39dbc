"""The files that a bundle keeps of a trial, made from the raw files that the agent left."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import zstandard

from bundle.generators import GENERATORS

if TYPE_CHECKING:
    from pathlib import Path

# A run takes a signal as a request to stop where that is safe (ormlab.base.stopping). Arrow would
# break off what it reads.
pa.enable_signal_handlers(enable=False)

_KEPT = [name for each in GENERATORS.values() for name in (each.report.PATH, *each.kept)]
_LOGS = ("service.log", "agent.log", *(f"{name}.stderr.txt" for name in GENERATORS))
_TYPES = {"int64": pa.int64(), "uint16": pa.uint16()}
_ROWS_PER_GROUP = 1 << 18


def keep(raw: Path, trial: Path) -> None:
    """Fill a trial's folder from the raw files: kept as they are, or packed without loss.

    Tables become Parquet with page checksums, logs become zstd, empty logs are left out.

    Raises:
        ValueError: a raw file is not what it should be; what was kept until then stays.
    """
    for path in reports(raw):
        shutil.copyfile(path, trial / path.name)
    for name in _LOGS:
        path = raw / name
        if path.exists() and path.stat().st_size:
            packed = zstandard.ZstdCompressor().compress(path.read_bytes())
            (trial / f"{name}.zst").write_bytes(packed)
    for generator in GENERATORS.values():
        report = generator.report.PATH
        # Several generators call their samples alike; the report tells which of them ran.
        if generator.samples and (raw / report).exists() and (raw / generator.samples).exists():
            _write_samples(raw, report, trial / "samples.parquet")
    if (raw / "resources.csv").exists():
        samples = pyarrow.csv.read_csv(raw / "resources.csv")
        if samples.num_rows:  # a trial may fail before the first look; no reader takes its columns
            _write_table(samples, trial / "resources.parquet")


def reports(raw: Path) -> list[Path]:
    """The files in which a generator sums up what it did."""
    return [path for pattern in _KEPT for path in sorted(raw.glob(pattern))]


def _write_samples(raw: Path, report: str, path: Path) -> None:
    """Write the generator's columns, a row group at a time: a long trial has millions of rows."""
    told = json.loads((raw / report).read_bytes())["samples"]
    kinds = {column["name"]: _TYPES[column["type"]] for column in told["columns"]}
    schema = pa.schema(list(kinds.items()))
    with (raw / told["file"]).open("rb") as file, _parquet(path, schema) as writer:
        for first in range(0, told["rows"], _ROWS_PER_GROUP):
            rows = min(_ROWS_PER_GROUP, told["rows"] - first)
            arrays = []
            for column in told["columns"]:
                kind = kinds[column["name"]]
                width = kind.bit_width // 8
                data = os.pread(file.fileno(), rows * width, column["offset"] + first * width)
                if len(data) != rows * width:
                    raise ValueError(f"{told['file']} is shorter than {report} says")
                arrays.append(pa.Array.from_buffers(kind, rows, [None, pa.py_buffer(data)]))
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _write_table(table: pa.Table, path: Path) -> None:
    with _parquet(path, table.schema) as writer:
        writer.write_table(table)


def _parquet(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """A writer with zstd and a checksum on every page."""
    return pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True)
