"""wrk in slices, as a real process, on real services with faults to order."""

from __future__ import annotations

import json
import shutil
import signal
from itertools import islice, pairwise
from pathlib import Path

import psutil
import pytest

from bundle import typed
from bundle.generators.wrk_switchback import FEWEST_SETS, WrkSwitchback
from tests.load.switching import starting, subjects_of
from workloads.load.switchback.rounds import rounds
from workloads.load.wrk_switchback.block import WrkDriven, slice_s

pytestmark = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
NS = 1_000_000_000
SETTINGS = {
    "server_pid": None,
    "connections": 8,
    "threads": 2,
    "duration_s": 2,
    "slice_s": 1,
    "limit_s": None,
    "warmup_s": 1,
    "timeout_s": 2,
    "seed": 7,
}


@pytest.fixture
def start(tmp_path, make_table):
    """Start the load on services by name, without waiting for its end."""

    def write(services, **changes):
        values = {"subjects": subjects_of(services), **SETTINGS, **make_table(), **changes}
        spec = tmp_path / "spec.json"
        spec.write_text(json.dumps(values))
        return [str(spec), str(tmp_path / "out")]

    with starting("wrk_switchback", write) as begin:
        yield begin


@pytest.fixture
def run(start, tmp_path):
    def to_its_end(services, **changes):
        process = start(services, **changes)
        _, stderr = process.communicate(timeout=120)
        reports = {
            name: typed.read_if_there(tmp_path / "out" / name, WrkSwitchback) for name in services
        }
        return process.returncode, stderr, reports

    return to_its_end


def test_each_slice_is_a_run_of_wrk_from_its_first_answer_on(run, start_service, tmp_path):
    services = {
        name: start_service(delay_s=0.002, record=str(tmp_path / name)) for name in ("a", "b")
    }
    code, stderr, reports = run(services)
    assert (code, stderr) == (0, "")
    slices = [(each, name) for name, report in reports.items() for each in report.slices]
    slices.sort(key=lambda pair: pair[0].start_ns)
    assert [name for _, name in slices] == [
        name for names in islice(rounds(7, "ab"), 2) for name in names
    ]
    for each, name in slices:
        assert each.asked_ns < each.wrk.begun_ns < each.start_ns < each.stop_ns < each.ended_ns
        assert each.start_ns == each.wrk.first_answer_ns
        assert each.answers == each.wrk.requests - 1 > 8
        assert each.wrk.connections_opened == 8
        assert each.wrk.duration_us >= 1_000_000
        assert each.start_ns <= each.read_from_ns < each.stop_ns <= each.read_until_ns
        assert each.load_ns > 0
        assert each.service_ns > 0
        # Each answer was a request that had reached the service; 8 connections had no more.
        arrivals = Path(tmp_path / name).read_bytes()
        reached = [
            at for at in memoryview(arrivals).cast("q") if each.asked_ns < at < each.ended_ns
        ]
        assert 0 <= len(reached) - each.wrk.requests <= 8
        assert min(reached) < each.start_ns
    report = reports["a"]
    assert report.measured
    assert report.unread == {"database_ns": "the database server runs on another host"}
    assert not (tmp_path / "out/wrk_switchback.run.json").exists()


@pytest.mark.parametrize("count", [1, 100], ids=["identical", "table"])
def test_what_a_service_does_before_its_first_answer_is_in_no_figure(
    run, start_service, make_table, count
):
    """It works for 0.4 s on its first set of requests, at least 0.15 s of it before it answers.

    How many of the set reach it before its first answer is the kernel's choice.
    """
    services = {"a": start_service(first_s=0.05, delay_s=0.1)}
    seconds = dict.fromkeys(("warmup_s", "duration_s", "slice_s"), 3)
    _, stderr, reports = run(services, **seconds, **make_table(count=count))
    assert stderr == ""
    (only,) = reports["a"].slices
    assert only.start_ns == only.wrk.first_answer_ns >= only.wrk.begun_ns + 0.15 * NS
    assert only.service_ns < 0.35 * NS


def test_the_next_subject_waits_until_the_last_one_has_answered_all(run, start_service):
    services = {name: start_service(work_s=0.02) for name in ("a", "b")}
    _, _, reports = run(services)
    slices = sorted(
        (each for report in reports.values() for each in report.slices), key=lambda e: e.asked_ns
    )
    for each, later in pairwise(slices):
        # 8 requests of 20 ms each were under way.
        assert each.drained_ns - each.ended_ns >= 0.16 * NS
        assert later.asked_ns >= each.drained_ns


def test_the_length_of_slices_follows_the_slowest_subject():
    def driven(*sets):
        return [WrkDriven(None, set_s=each, around_s=0.2) for each in sets]

    assert slice_s(3.0, driven(1.0)) == 3
    assert slice_s(None, driven(0.001, 1 / FEWEST_SETS)) == 1
    assert slice_s(None, driven(0.001, 1.1 / FEWEST_SETS)) == 2
    assert slice_s(None, driven(0.5, 0.001)) == 5
    assert slice_s(None, driven(0.5, 0.001), left_s=7.0) == 3
    assert slice_s(None, driven(1.5), left_s=0.0) == 2


def test_a_service_that_dies_is_named(run, start_service):
    services = {"a": start_service(delay_s=0.002), "b": start_service(delay_s=0.002, die_at=50)}
    code, stderr, reports = run(services)
    failure = json.loads(stderr)
    assert code == 8
    assert failure["where"] == f"b at 127.0.0.1:{services['b'].port}"
    assert {each.measured for each in reports.values()} == {False}


def test_a_service_that_answers_nothing_is_named(run, start_service):
    code, stderr, _ = run({"a": start_service(hang_from=1)})
    assert code == 8
    assert json.loads(stderr)["code"] == "unanswered"


@pytest.mark.parametrize(
    "changes", [{"threads": 3}, {"repeatable": False}, {"subjects": []}], ids=str
)
def test_settings_that_are_none_are_refused(run, start_service, changes):
    code, stderr, _ = run({"a": start_service()}, **changes)
    assert code == 8
    assert json.loads(stderr)["code"] == "spec"


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_it_and_wrk_at_once(start, start_service, tmp_path, stop):
    load = start({"a": start_service()}, duration_s=60, slice_s=60)
    # A signal during the fork meets CPython's own hooks, which swallow exceptions.
    running = []
    while "wrk" not in {each.name() for each in running}:
        running = psutil.Process(load.pid).children()
    load.send_signal(stop)
    _, stderr = load.communicate(timeout=60)
    psutil.wait_procs(running, timeout=60)
    assert not any(each.is_running() for each in running)
    if stop == signal.SIGTERM:
        assert (load.returncode, json.loads(stderr)["code"]) == (8, "terminated")
    assert not (tmp_path / "out/a/wrk_switchback.json").exists()
