"""Load that switches, as a real process, on real services with faults to order."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from itertools import islice, pairwise

import numpy as np
import psutil
import pytest

from analysis.latency import read_hdr, total
from bundle.generators.switchback import FEWEST_SETS, SLICES_S
from tests.load.conftest import ROOT
from tests.load.switching import block_settings, run, start
from workloads.load.switchback.block import Driven, slice_s
from workloads.load.switchback.rounds import rounds

__all__ = ["block_settings", "run", "start"]

NS = 1_000_000_000
# At 5 ms an answer, 8 connections have at most about 100 answers in a warm-up of this length.
AFTER_WARMUP = 150
SLOWED = {"delay_s": 0.005}
SHORT = {"warmup_s": 0.05}


def asked(report):
    """When each slice's first request was sent; before the first, the warm-up was drained."""
    return [before.drained_ns + after.rested_ns for before, after in pairwise(report.slices)]


def test_every_answer_of_a_slice_is_in_the_samples_once(run, start_service):
    ran = run({"a": start_service(), "b": start_service(delay_s=0.002)}, hash_fraction=1)
    assert (ran.exit_code, ran.stderr) == (0, "")
    for name in "ab":
        report, samples = ran.report(name), ran.samples(name)
        assert report.measured
        assert len(report.slices) == 4
        ends = samples["end_ns"] + report.window.start_ns
        assert np.all(np.diff(ends) > 0)
        for each in report.slices:
            own = ends[samples["round"] == each.round]
            inside = ends[(ends > each.start_ns) & (ends <= each.stop_ns)]
            assert list(own) == list(inside)
            assert len(own) == each.answers > 0
            assert own[-1] == each.stop_ns
        assert sum(each.answers for each in report.slices) == len(ends) == report.samples.rows
        assert report.answers == {"read-user": {"200": len(ends)}}
        assert report.errors.total == report.failed == 0
        assert total(read_hdr(ran.folder / name / "service.hdr")) == len(ends)
        assert report.histograms["service"].total == len(ends)
        assert report.bodies.hashed > len(ends)  # ramps, drains and warm-up too


def test_a_slice_is_as_long_as_asked_and_ends_with_the_next_answers(run, start_service):
    ran = run({"a": start_service(delay_s=0.03), "b": start_service()})
    for name in "ab":
        assert all(s.stop_ns - s.start_ns >= NS // 10 for s in ran.report(name).slices)


def test_rounds_visit_subjects_in_the_order_of_the_seed(run, start_service):
    services = {name: start_service(delay_s=0.001) for name in "abc"}
    ran = run(services, duration_s=0.5, slice_s=0.05)
    slices = [(each, name) for name in "abc" for each in ran.report(name).slices]
    slices.sort(key=lambda pair: pair[0].start_ns)
    expected = [name for names in islice(rounds(7, "abc"), 10) for name in names]
    assert [name for _, name in slices] == expected
    assert [each.after for each, _ in slices] == [None, *expected[:-1]]
    assert [(each.round, each.position) for each, _ in slices] == [
        (number, position) for number in range(1, 11) for position in (1, 2, 3)
    ]
    assert all(before.drained_ns <= after.start_ns for (before, _), (after, _) in pairwise(slices))


def test_nothing_reaches_a_subject_while_another_has_its_turn(run, start_service, tmp_path):
    services = {name: start_service(delay_s=0.002, record=str(tmp_path / name)) for name in "ab"}
    ran = run(services)
    for name in "ab":
        arrivals = np.fromfile(tmp_path / name, "<i8")
        report = ran.report(name)
        first = report.slices[0]
        for each, until in zip(report.slices, [*asked(report), math.inf], strict=True):
            assert not np.any((arrivals > each.drained_ns) & (arrivals < until))
            # What was sent before the end may arrive after it.
            assert np.sum((arrivals > each.stop_ns) & (arrivals <= each.drained_ns)) <= 8
        # Each answer of a slice was an arrival, and no more were under way than connections.
        last = report.slices[-1]
        reached = int(np.sum((arrivals > first.start_ns) & (arrivals <= last.stop_ns)))
        assert reached + 8 >= sum(each.answers for each in report.slices)


def test_a_slice_begins_when_every_connection_has_had_an_answer(run, start_service):
    ran = run({"a": start_service(slow_connection_s=0.15), "b": start_service()})
    report = ran.report("a")
    begun = [each.start_ns for each in report.slices[1:]]
    ramps = [start - at for start, at in zip(begun, asked(report), strict=True)]
    assert len(ramps) == 3
    assert min(ramps) >= 0.15 * NS


def test_the_length_of_slices_follows_the_slowest_subject(run, start_service):
    services = {"fast": start_service(), "slow": start_service(work_s=0.01)}
    ran = run(services, slice_s=None, connections=16, duration_s=0.3)
    for report in map(ran.report, services):
        assert report.set_s >= 0.16
        assert report.slice_s == slice_s(None, driven(report.set_s)) >= 1.0
        assert len(report.slices) == 1
        assert report.slices[0].stop_ns - report.slices[0].start_ns >= report.slice_s * NS
    fast, slow = map(ran.report, services)
    assert sum(s.answers for s in fast.slices) > 2 * sum(s.answers for s in slow.slices)


def driven(*sets_s, around_s=None):
    """Subjects that answered every connection in such times; a turn has two of them around."""
    return [
        Driven(None, None, None, set_s=each, around_s=2 * each if around_s is None else around_s)
        for each in sets_s
    ]


def test_a_slice_has_four_sets_of_answers_where_it_can():
    assert slice_s(0.1, driven(5.0, 1.0)) == 0.1
    assert slice_s(None, driven(0.001, 0.0001)) == SLICES_S[0]
    assert slice_s(None, driven(0.001, SLICES_S[1] / FEWEST_SETS)) == SLICES_S[1]
    assert slice_s(None, driven(SLICES_S[1] / FEWEST_SETS + 0.001)) == SLICES_S[2]
    assert slice_s(None, driven(100.0)) == SLICES_S[-1]


def test_slices_are_shorter_where_the_block_has_no_time_for_four_sets():
    sets = driven(0.5, 0.3, 0.2)  # so that 2 s of 11 go by around the slices
    assert slice_s(None, sets, left_s=11.0) == 2.0
    assert slice_s(None, sets, left_s=8.0) == 2.0
    assert slice_s(None, sets, left_s=5.4) == pytest.approx(1.1)
    assert slice_s(None, sets, left_s=3.0) == slice_s(None, sets, left_s=-1.0) == 0.5
    assert slice_s(0.25, sets, left_s=-1.0) == 0.25
    # What goes by around them is what did while warming up.
    assert slice_s(None, driven(0.5, 0.3, 0.2, around_s=2.0), left_s=8.4) == pytest.approx(0.8)


@pytest.mark.parametrize("given", [None, 0.25])
def test_there_are_as_many_slices_as_the_block_has_time_for(run, start_service, given):
    services = {"a": start_service(), "b": start_service()}
    ran = run(services, slice_s=given, duration_s=30, limit_s=2.0)
    report = ran.report("a")
    assert report.measured
    assert given in (None, report.slice_s)
    assert report.slice_s <= (given or slice_s(None, driven(report.set_s)))
    assert 1 <= len(report.slices) < 30 / report.slice_s
    assert len(ran.report("b").slices) == len(report.slices)


def test_a_service_that_dies_is_named(run, start_service):
    ran = run(
        {"a": start_service(**SLOWED), "b": start_service(**SLOWED, die_at=AFTER_WARMUP)},
        **SHORT,
        duration_s=30,
    )
    assert ran.failure["code"] == "server-gone"
    assert ran.failure["where"].startswith("b at 127.0.0.1:")
    for name in "ab":
        report = ran.report(name)
        assert not report.measured
        assert report.failure.code == "server-gone"
        # Slices that were whole are kept.
        assert report.samples.rows == sum(each.answers for each in report.slices)
    assert ran.report("b").errors.connect > 0


def test_a_service_that_stops_answering_is_named(run, start_service):
    services = {
        "a": start_service(**SLOWED, hang_from=AFTER_WARMUP),
        "b": start_service(**SLOWED),
    }
    ran = run(services, **SHORT, timeout_s=3.0, duration_s=30)
    assert ran.failure["code"] == "unanswered"
    assert ran.failure["where"].startswith("a at 127.0.0.1:")
    assert ran.report("a").failed >= 8
    assert ran.report("a").errors.timeout >= 8


def test_a_stall_is_part_of_its_slice(run, start_service):
    service = start_service(**SLOWED, stall_at=AFTER_WARMUP, stall_s=2.0)
    ran = run({"a": service}, **SHORT, duration_s=1.5, slice_s=1.5)
    assert ran.exit_code == 0
    (only,) = ran.report("a").slices
    assert only.stop_ns - only.start_ns > 2 * NS


def test_a_request_without_an_answer_is_given_up_and_its_connection_replaced(run, start_service):
    services = {
        "a": start_service(**SLOWED, hang_at=AFTER_WARMUP),
        "b": start_service(**SLOWED),
    }
    ran = run(services, **SHORT, timeout_s=2.0, duration_s=1.0)
    assert ran.exit_code == 0
    report = ran.report("a")
    assert (report.errors.timeout, report.failed, report.errors.total) == (1, 1, 1)
    assert len(report.slices) == 10


@pytest.mark.parametrize(("fault", "kind"), [("cut_at", "read"), ("garbage_at", "parse")])
def test_a_lost_connection_is_counted_and_replaced(run, start_service, fault, kind):
    services = {"a": start_service(**SLOWED, **{fault: AFTER_WARMUP}), "b": start_service()}
    report = run(services, **SHORT, duration_s=0.8).report("a")
    assert report.measured
    assert report.errors.by_kind == {kind: 1}
    assert report.failed == 1


@pytest.mark.parametrize("every", [1, 20])
def test_connections_that_the_service_closes_are_no_error(run, start_service, every):
    services = {"a": start_service(delay_s=0.001, close_every=every), "b": start_service()}
    report = run(services).report("a")
    assert report.measured
    assert len(report.slices) == 4
    assert report.errors.total == report.failed == 0


def test_answers_of_another_status_are_errors(run, start_service):
    services = {"a": start_service(**SLOWED, status=500, status_from=AFTER_WARMUP)}
    report = run({**services, "b": start_service()}, **SHORT, duration_s=0.8).report("a")
    answers = report.answers["read-user"]
    assert report.errors.by_kind == {"status": answers["500"]}
    assert sum(answers.values()) == report.samples.rows
    assert answers["500"] > 0


def test_a_table_that_may_not_be_repeated_runs_out(run, start_service, make_table):
    services = {name: start_service(status=201, slow_connection_s=0.3) for name in "ab"}
    ran = run(services, duration_s=60, **make_table("create-user", count=2000))
    assert ran.failure["code"] == "table-exhausted"
    assert ran.failure["what"].split()[0] in services
    for report in map(ran.report, services):
        assert set(report.answers["create-user"]) <= {"201"}
        # The slow connection waited for an answer when the load ended.
        assert report.errors.total == report.failed == 0


def test_every_subject_is_sent_the_same_table(run, start_service, make_table):
    table = make_table("create-user", count=20_000)
    services = {name: start_service(status=201, delay_s=0.002) for name in "ab"}
    ran = run(services, **table)
    assert ran.exit_code == 0
    assert {*ran.report("a").answers} == {*ran.report("b").answers} == {"create-user"}


def test_readings_are_those_of_the_service(run, start_service):
    services = {"a": start_service(), "b": start_service(delay_s=0.02)}
    ran = run(services)
    for name, service in services.items():
        report = ran.report(name)
        used = sum(each.service_ns for each in report.slices)
        rested = sum(each.rest_ns for each in report.slices)
        times = psutil.Process(service.process.pid).cpu_times()
        assert 0 < used + rested <= (times.user + times.system + 0.02) * NS
        for each in report.slices:
            assert each.service_ns <= each.stop_ns - each.start_ns + NS // 100
            assert each.load_ns > 0
            assert min(each.delay_ns, each.steal_ns, each.rest_ns) >= 0
        assert set(report.unread) == {"database_ns"}
        assert {each.database_ns for each in report.slices} == {None}
    assert ran.report("a").process == ran.report("b").process


def test_without_process_ids_readings_are_null_with_a_reason(run, start_service):
    class Elsewhere:
        process = type("", (), {"pid": None})
        port = start_service().port

    ran = run({"a": Elsewhere, "b": start_service()})
    report = ran.report("a")
    unread = {"service_ns", "delay_ns", "rest_ns", "database_ns"}
    assert set(report.unread) == unread
    assert "another host" in report.unread["service_ns"]
    assert all(getattr(each, name) is None for each in report.slices for name in unread)
    assert all(each.foreign_ns is not None for each in report.slices)
    assert set(ran.report("b").unread) == {"database_ns"}


def test_a_refused_connection_is_a_failure_that_names_the_subject(run, start_service):
    service = start_service()
    service.process.kill()
    service.process.wait()
    ran = run({"a": start_service(), "b": service})
    assert ran.failure["code"] == "connect"
    assert ran.failure["where"] == f"b at 127.0.0.1:{service.port}"
    assert not (ran.folder / "a/switchback.json").exists()


@pytest.mark.parametrize(
    "changes",
    [{"slices": 1}, {"duration_s": "1"}, {"subjects": []}, {"slice_s": 1e-9}, {"cpu": 8191}],
    ids=str,
)
def test_settings_that_are_none_are_refused(run, start_service, changes):
    assert run({"a": start_service()}, **changes).failure["code"] == "spec"


def test_one_subject_has_rounds_too(run, start_service):
    report = run({"a": start_service()}).report("a")
    assert [each.after for each in report.slices] == [None, "a", "a", "a"]


def test_files_that_cannot_be_written_are_an_error(run, start_service, tmp_path):
    (tmp_path / "block-0").mkdir()
    (tmp_path / "block-0/a").write_text("in the way")
    assert run({"a": start_service()}).failure["code"] == "output"


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_it_at_once(start, start_service, stop):
    load = start({"a": start_service(), "b": start_service()}, duration_s=600)
    under_load(load)
    load.send_signal(stop)
    _, stderr = load.communicate(timeout=60)
    if stop == signal.SIGTERM:
        assert load.returncode == 8
        assert json.loads(stderr)["code"] == "terminated"
    assert not (load.folder / "a/switchback.json").exists()


def test_it_dies_with_its_parent(block_settings, start_service):
    arguments = block_settings({"a": start_service(), "b": start_service()}, duration_s=600)
    script = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m',"
        " 'workloads.load.switchback', *sys.argv[1:]]); print(p.pid, flush=True); p.wait()"
    )
    argv = [sys.executable, "-c", script, *arguments]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        load = psutil.Process(int(parent.stdout.readline()))
        under_load(load)
        parent.kill()
    load.wait(timeout=60)


def under_load(process):
    while len(psutil.Process(process.pid).net_connections()) < 16:
        pass
