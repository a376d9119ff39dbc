import shutil
import subprocess
from pathlib import Path

import pytest

from analysis.generators.base import littles_problems
from analysis.generators.wrk.dump import read
from workloads.load import wrk

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")


def command(tmp_path, table, **options):
    given = {"threads": 2, "connections": 8, "duration_s": 1, "url": "http://127.0.0.1:1"}
    return wrk.command(
        **given | options,
        table=Path(table["table"]),
        repeatable=table["repeatable"],
        out=tmp_path / "wrk.json",
    )


@pytest.fixture
def run_wrk(tmp_path, make_table):
    def run(service, table=None, **options):
        argv = command(tmp_path, table or make_table(), url=service.url, **options)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
        assert done.stderr == ""
        out = tmp_path / "wrk.json"
        return read(done.stdout, out.read_bytes() if out.exists() else None)

    return run


def codes(reading):
    return {each.code for each in reading.problems}


@pytest.mark.parametrize(("threads", "connections"), [(10, 64), (3, 500), (2, 1), (7, 13)])
def test_threads_that_do_not_divide_connections_are_refused(
    tmp_path, make_table, threads, connections
):
    with pytest.raises(ValueError, match=f"{threads} threads do not divide {connections}"):
        command(tmp_path, make_table(), threads=threads, connections=connections)


@pytest.mark.parametrize("name", ["threads", "connections", "duration_s", "timeout_s"])
def test_a_number_below_one_is_refused(tmp_path, make_table, name):
    with pytest.raises(ValueError, match=name):
        command(tmp_path, make_table(), **{name: 0})


@needs_wrk
@pytest.mark.parametrize("count", [1, 3, 100], ids=["static", "fewer-rows-than-threads", "table"])
def test_a_trial_reads_without_a_problem(run_wrk, start_service, make_table, count):
    reading = run_wrk(start_service(delay_s=0.001), make_table(count=count), threads=4)
    assert codes(reading) == set()
    assert reading.dump.requests > 100
    assert (reading.dump.threads, reading.dump.connections_opened) == (4, 8)
    assert reading.recovered.problems == ()


@needs_wrk
def test_without_the_ffi_the_histogram_is_the_same_kind(tmp_path, start_service, make_table):
    table = make_table()
    argv = command(tmp_path, table, url=start_service(delay_s=0.01).url)
    script = tmp_path / "without_ffi.lua"
    script.write_text(
        "package.loaded.ffi = nil\n"
        'package.preload.ffi = function() error("taken away") end\n'
        f'dofile("{wrk.SCRIPT}")\n'
    )
    argv[argv.index(str(wrk.SCRIPT))] = str(script)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    reading = read(done.stdout, (tmp_path / "wrk.json").read_bytes())
    assert reading.recovered.problems == ()
    assert reading.dump.requests > 100


@needs_wrk
def test_a_stall_adds_samples_that_recovery_takes_out(run_wrk, start_service):
    reading = run_wrk(start_service(delay_s=0.002, stall_at=100, stall_s=0.4))
    assert codes(reading) == set()
    assert reading.recovered.removed > 8
    assert max(value for value, _ in reading.recovered.bins) > 400_000


@needs_wrk
@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ({"status": 500}, {"all-errors"}),
        ({"status": 404, "status_from": 50}, {"error-statuses"}),
        ({"hang_from": 1}, {"no-requests"}),
        ({"die_at": 50}, {"socket-errors"}),
        ({"stall_at": 50, "stall_s": 1.5}, {"timeouts"}),
    ],
    ids=lambda case: next(iter(case)),
)
def test_wrk_ends_with_0_and_the_reading_says_what_happened(
    run_wrk, start_service, faults, expected
):
    reading = run_wrk(start_service(delay_s=0.001, **faults), timeout_s=1, duration_s=2)
    assert codes(reading) == expected


@needs_wrk
def test_a_service_that_hangs_half_way_breaks_littles_law(run_wrk, start_service):
    reading = run_wrk(start_service(delay_s=0.001, hang_from=50))
    assert {each.code for each in littles_problems(reading.littles_ratio)} == {"littles-law"}
    assert reading.littles_ratio < 0.9


@needs_wrk
def test_threads_that_read_long_tables_wait_no_longer_than_the_window(
    run_wrk, start_service, make_table
):
    # Those that are ready first would wait for answers a tenth of a second and more before it.
    reading = run_wrk(start_service(delay_s=0.005), make_table(count=100_000), threads=8)
    assert codes(reading) == set()
    assert reading.littles_ratio <= 1.02


@needs_wrk
def test_each_request_of_a_used_up_table_is_sent_once(run_wrk, start_service, make_table):
    reading = run_wrk(start_service(), make_table("create-user", count=50), connections=2)
    assert codes(reading) == {"table-exhausted"}
    # wrk stops in the middle of an answer for each of its two connections.
    assert 48 <= reading.dump.requests <= 50
