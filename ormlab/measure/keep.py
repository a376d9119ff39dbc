"""From the raw files that the agent left to the files that the bundle keeps of a trial."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import zstandard

from workloads.load.client import read_samples

if TYPE_CHECKING:
    from pathlib import Path

_KEPT = ("*.hdr", "wrk.json", "wrk.stdout.txt", "client.json", "article.json")
_LOGS = ("service.log", "agent.log", "wrk.stderr.txt", "client.stderr.txt", "article.stderr.txt")
_TYPES = {"q": pa.int64(), "H": pa.uint16()}
_ROWS_PER_GROUP = 1 << 18


def keep(raw: Path, trial: Path) -> None:
    """Fill a trial's folder from the raw files: kept as they are, or packed without loss.

    Tables become Parquet with page checksums, logs become zstd, empty logs are left out.
    """
    for pattern in _KEPT:
        for path in sorted(raw.glob(pattern)):
            shutil.copyfile(path, trial / path.name)
    for name in _LOGS:
        path = raw / name
        if path.exists() and path.stat().st_size:
            packed = zstandard.ZstdCompressor().compress(path.read_bytes())
            (trial / f"{name}.zst").write_bytes(packed)
    if (raw / "samples.bin").exists():
        _write_parquet(_samples(raw), trial / "samples.parquet")
    if (raw / "resources.csv").exists():
        _write_parquet(pyarrow.csv.read_csv(raw / "resources.csv"), trial / "resources.parquet")


def _samples(raw: Path) -> pa.Table:
    """The client's columns, mapped and not copied: a long trial has millions of rows."""
    columns = {}
    for name, values in read_samples(raw).items():
        kind = _TYPES[values.format]
        columns[name] = pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])
    return pa.table(columns)


def _write_parquet(table: pa.Table, path: Path) -> None:
    pq.write_table(
        table, path, compression="zstd", write_page_checksum=True, row_group_size=_ROWS_PER_GROUP
    )
