"""A table costs what its file may honestly stand for, or is refused before it is read."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bundle import tables
from tests.hostile import table as hostile
from tests.hostile.making import TABLE


@pytest.fixture
def folder(tmp_path):
    (tmp_path / hostile.CLIENT).mkdir(parents=True)
    pq.write_table(pa.table({"a": [1]}), tmp_path / hostile.CLIENT / "samples.parquet")
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [each.name for each in TABLE if each.kind == "Parquet" and "other_types" not in each.name],
)
def test_a_hostile_table_is_refused_before_a_row_is_read(folder, name):
    (each,) = (each for each in TABLE if each.name == name)
    each.apply(folder, folder)
    (path,) = (
        path
        for path in (folder / hostile.CLIENT).iterdir()
        if path.name.startswith("resources" if "resources" in name else "samples")
    )
    before = pa.total_allocated_bytes()
    with (
        pytest.raises((OSError, ValueError, pa.ArrowException)),
        tables.opened(path),
    ):
        pytest.fail("it was opened")
    assert pa.total_allocated_bytes() - before < 2**20


def test_tables_that_the_lab_writes_are_read(tmp_path):
    rows = 300_000
    table = pa.table(
        {
            "at_ns": np.arange(rows),
            "status": np.full(rows, 200, np.int32),
            "role": pa.array(["service", "database", None] * (rows // 3)),
        }
    )
    path = tmp_path / "written.parquet"
    with pq.ParquetWriter(
        path, table.schema, compression="zstd", write_page_checksum=True
    ) as writer:
        writer.write_table(table, row_group_size=2**18)
    read = tables.read(path)
    assert read.num_rows == rows
    assert read["role"].to_pylist() == table["role"].to_pylist()
    assert read["at_ns"].equals(table["at_ns"])
