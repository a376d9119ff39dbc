"""From the samples of a trial to its course."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis import steadiness
from analysis.steadiness import Shape
from ormlab.run.measure.keep import keep
from tests import generators

SECOND = 1_000_000_000


@pytest.fixture
def trial(tmp_path):
    """Write a trial's files: when requests were due, and how long each took."""

    def write(due_s, took_s, *, kind="closed", seconds=5.0, warmup_s=1.0, connections=8, group=500):
        due = (np.asarray(due_s) * SECOND).astype(np.int64)
        end = due + (np.broadcast_to(took_s, due.shape) * SECOND).astype(np.int64)
        table = pa.table({"intended_ns": due, "sent_ns": due, "end_ns": end})
        path = tmp_path / "samples.parquet"
        pq.write_table(table, path, row_group_size=group, write_page_checksum=True)
        told = generators.client(kind, seconds=seconds, warmup_s=warmup_s, connections=connections)
        generators.write(tmp_path, told)
        return tmp_path

    return write


def test_a_closed_loop_has_its_answers_per_second(trial):
    rng = np.random.default_rng(1)
    slow, fast = np.sort(rng.uniform(0, 1, 1000)), np.sort(rng.uniform(1, 5, 8000))
    read = steadiness.read(trial(np.concatenate([slow, fast]), 0.002))
    assert read.series.figure == "throughput"
    assert len(read.series.values) == 100
    assert np.mean(read.series.values[:20]) == pytest.approx(1000)
    assert np.mean(read.series.values[20:]) == pytest.approx(2000)
    assert read.shape is Shape.WARMUP
    assert read.change_points_s == (pytest.approx(1.0, abs=0.1),)
    assert read.truncation_s == pytest.approx(1.0, abs=0.3)
    assert read.slope.low > 0


def test_an_open_loop_has_its_mean_response_time(trial):
    due = np.arange(0, 5, 0.001)
    took = np.where(due < 4.5, 0.002, 0.004) + np.random.default_rng(2).normal(0, 1e-4, len(due))
    read = steadiness.read(trial(due, took, kind="open"))
    assert read.series.figure == "response time"
    assert read.series.values[0] == pytest.approx(2.0, rel=0.1)
    assert read.shape is Shape.NO_STEADY_STATE


def test_the_first_requests_of_a_load_without_warmup_are_no_answers(trial):
    due = np.concatenate([np.zeros(64), np.arange(0.001, 5, 0.001)])
    with_warmup = steadiness.read_series(trial(due, 0.001))
    without = steadiness.read_series(trial(due, 0.001, warmup_s=0, connections=64))
    assert with_warmup.values[0] > 2 * without.values[0]
    assert without.values[0] == pytest.approx(without.values[1], rel=0.05)


def test_the_length_of_a_window_is_a_parameter_and_the_rest_is_left_out(trial):
    folder = trial(np.arange(0, 5, 0.001), 0.001)
    series = steadiness.read_series(folder, window_s=0.03)
    assert (series.window_s, len(series.values)) == (0.03, 166)
    assert sum(series.values) * 0.03 == pytest.approx(166 * 30, abs=2)


def test_few_requests_have_long_windows_or_none(trial):
    assert len(steadiness.read_series(trial(np.arange(0, 5, 1 / 300), 0.001)).values) == 75
    assert steadiness.read(trial(np.arange(0, 5, 1 / 150), 0.001)) is None


def test_an_open_loop_with_an_empty_window_has_no_course(trial):
    due = np.concatenate([np.arange(0, 2, 0.0005), np.arange(3, 5, 0.0005)])
    assert steadiness.read(trial(due, 0.001, kind="open")) is None


def test_what_leaves_no_samples_has_no_course(tmp_path):
    (tmp_path / "wrk.json").write_text("{}")
    assert steadiness.read(tmp_path) is None


def test_a_flipped_bit_in_the_samples_is_noticed(trial):
    folder = trial(np.arange(0, 5, 0.001), 0.001)
    path = folder / "samples.parquet"
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(OSError, match=r"CRC|[Cc]orrupt|checksum"):
        steadiness.read(folder)


@pytest.mark.parametrize("spec", [{}, {"rate": 2000}])
def test_the_clients_own_samples_have_a_course(run_client, start_service, tmp_path, spec):
    done = run_client(start_service(), duration_s=2, warmup_s=0.2, **spec)
    assert done.exit_code == 0
    kept = tmp_path / "kept"
    kept.mkdir()
    keep(done.folder, kept)
    read = steadiness.read(kept)
    if "rate" not in spec:
        told = done.report["throughput"]
        assert np.mean(read.series.values) == pytest.approx(told, rel=0.02)
    assert read.series.window_s * len(read.series.values) == pytest.approx(2, abs=0.05)
    assert sum(each.end - each.begin for each in read.levels) == len(read.series.values)
