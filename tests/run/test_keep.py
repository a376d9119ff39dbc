from __future__ import annotations

import io
import json
import os
import signal
from array import array

import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from msgspec import to_builtins

from bundle import tables
from ormlab.run.measure.keep import keep
from workloads.load.client.sample_file import describe

ROWS = 5


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    instants = array("q", range(ROWS))
    codes = array("H", [200] * ROWS)
    (folder / "samples.bin").write_bytes(instants.tobytes() * 3 + codes.tobytes() * 2)
    (folder / "client.json").write_text(json.dumps({"samples": to_builtins(describe(ROWS))}))
    (folder / "service.log").touch()
    (folder / "agent.log").write_text("one line\n")
    return folder


def test_samples_become_parquet_and_empty_logs_are_left_out(raw, tmp_path, monkeypatch):
    monkeypatch.setattr("ormlab.run.measure.keep._ROWS_PER_GROUP", 2)
    (tmp_path / "kept").mkdir()
    keep(raw, tmp_path / "kept")
    table = pq.read_table(tmp_path / "kept/samples.parquet", page_checksum_verification=True)
    assert table.column("end_ns").to_pylist() == list(range(ROWS))
    assert table.column("status").to_pylist() == [200] * ROWS
    assert pq.read_metadata(tmp_path / "kept/samples.parquet").num_row_groups == 3
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {
        "samples.parquet",
        "client.json",
        "agent.log.zst",
    }


def test_samples_that_were_cut_short_are_refused(raw, tmp_path):
    whole = (raw / "samples.bin").read_bytes()
    (raw / "samples.bin").write_bytes(whole[:-1])
    (tmp_path / "kept").mkdir()
    with pytest.raises(ValueError, match="shorter than"):
        keep(raw, tmp_path / "kept")


def test_a_trial_that_failed_before_the_first_look_has_no_table_of_looks(raw, tmp_path):
    (tmp_path / "kept").mkdir()
    header = "round,at_ns,role,pid,user_ticks,system_ticks,rss_pages\n"
    (raw / "resources.csv").write_text(header)
    keep(raw, tmp_path / "kept")
    assert not (tmp_path / "kept/resources.parquet").exists()
    (raw / "resources.csv").write_text(header + "1,2,load,3,4,5,6\n")
    keep(raw, tmp_path / "kept")
    assert tables.read(tmp_path / "kept/resources.parquet").num_rows == 1


class Interrupting(io.BytesIO):
    def read(self, size=-1):
        os.kill(os.getpid(), signal.SIGTERM)
        return super().read(size)


def test_a_request_to_stop_does_not_break_off_what_is_read(request):
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append("asked"))
    request.addfinalizer(lambda: signal.signal(signal.SIGTERM, before))
    assert pyarrow.csv.read_csv(Interrupting(b"rss\n1\n")).to_pylist() == [{"rss": 1}]
    assert heard
