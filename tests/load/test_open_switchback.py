"""Open loops in turns, as a real process, on real services with faults to order."""

from __future__ import annotations

import json
import signal
from itertools import islice, pairwise

import numpy as np
import psutil
import pytest
from msgspec import structs

from analysis import generators
from analysis.latency import read_hdr, total
from bundle import tables, typed
from bundle.documents.readings import TrialReadings
from bundle.generators.open_switchback import OpenSwitchback
from bundle.read import Trial
from ormlab.run.measure.keep import keep
from tests.bundle import making
from tests.load.switching import starting, subjects_of
from workloads.load.switchback.rounds import rounds

NS = 1_000_000_000
SETTINGS = {
    "server_pid": None,
    "cpu": None,
    "connections": 8,
    "rate": 200.0,
    "arrivals": "poisson",
    "duration_s": 0.9,
    "slice_s": 0.3,
    "ramp_s": 0.1,
    "limit_s": None,
    "warmup_s": 0.2,
    "timeout_s": 5.0,
    "seed": 7,
    "hash_fraction": 0.1,
}


@pytest.fixture
def start(tmp_path, make_table):
    """Start the load on services by name, without waiting for its end."""

    def write(services, **changes):
        values = {"subjects": subjects_of(services), **SETTINGS, **make_table(), **changes}
        spec = tmp_path / "spec.json"
        spec.write_text(json.dumps(values))
        return [str(spec), str(tmp_path / "out")]

    with starting("open_switchback", write) as begin:
        yield begin


@pytest.fixture
def run(start):
    def to_its_end(services, **changes):
        process = start(services, **changes)
        _, stderr = process.communicate(timeout=120)
        return process.returncode, stderr

    return to_its_end


@pytest.fixture
def kept(tmp_path):
    """Keep the files of a run as a bundle has them: a trial."""

    def trial(name):
        folder = tmp_path / "kept" / name
        folder.mkdir(parents=True)
        keep(tmp_path / "out" / name, folder)
        return Trial(folder, structs.replace(making.trial_record(0), subject=name))

    return trial


def samples(trial):
    table = tables.read(trial.path / "samples.parquet")
    return {name: table.column(name).to_numpy().astype(np.int64) for name in table.column_names}


def test_a_slice_has_the_requests_that_were_due_in_it(run, start_service, kept):
    services = {"a": start_service(), "b": start_service(delay_s=0.004)}
    assert run(services) == (0, "")
    trials = {name: kept(name) for name in services}
    due = {}
    for name, trial in trials.items():
        output, rows = generators.of(trial.path), samples(trial)
        report = output.report
        assert list(generators.contradictions(trial)) == []
        assert [each.round for each in report.slices] == [1, 2, 3]
        assert report.samples.rows == report.open_loop.planned == report.open_loop.answered > 0
        assert report.open_loop.dropped == report.errors.total == 0
        due[name] = []
        for each in report.slices:
            own = rows["round"] == each.round
            intended = rows["intended_ns"][own] + report.window.start_ns
            assert len(intended) == each.planned == each.answers
            assert each.start_ns <= intended.min() <= intended.max() < each.stop_ns
            # An answer belongs to the slice in which its request was due, however late it comes.
            assert (rows["end_ns"][own] + report.window.start_ns).max() <= each.drained_ns
            assert each.stop_ns - each.start_ns == 0.3 * NS
            assert min(each.service_ns, each.load_ns, each.steal_ns) >= 0
            due[name].append(sorted((intended - each.start_ns).tolist()))
        assert total(read_hdr(trial.path / "response.hdr")) == report.samples.rows
        assert output.unrecorded == {"response": 0, "service": 0, "dispatch": 0}
        assert output.figures.requests == report.samples.rows
        assert output.figures.window_s == pytest.approx(0.9)
        assert output.silence(TrialReadings(), dict).seconds < 1
    # All subjects of a round have the same arrivals; each round has others.
    assert due["a"] == due["b"]
    assert due["a"][0] != due["a"][1]
    assert list(generators.disagreements(trials.values())) == []


def test_turns_follow_each_other_in_the_order_of_the_seed(run, start_service, tmp_path):
    services = {name: start_service(delay_s=0.02) for name in "abc"}
    assert run(services) == (0, "")
    slices = [
        (each, name)
        for name in services
        for each in typed.read(tmp_path / "out" / name, OpenSwitchback).slices
    ]
    slices.sort(key=lambda pair: pair[0].asked_ns)
    assert [name for _, name in slices] == [
        name for names in islice(rounds(7, "abc"), 3) for name in names
    ]
    assert all(before.drained_ns <= after.asked_ns for (before, _), (after, _) in pairwise(slices))


def test_the_wait_for_a_connection_is_part_of_the_response(run, start_service, kept):
    # One connection and 20 ms a request: every second one of constant arrivals waits.
    run({"a": start_service(delay_s=0.02)}, rate=60.0, arrivals="constant", connections=1)
    rows = samples(kept("a"))
    waited = rows["sent_ns"] - rows["intended_ns"]
    response = rows["end_ns"] - rows["intended_ns"]
    assert waited.max() > 0.002 * NS
    assert np.all(response >= waited + 0.02 * NS)


def test_what_is_never_answered_is_censored(run, start_service, kept):
    code, _ = run({"a": start_service(hang_at=90)}, timeout_s=2.0, rate=100.0)
    trial = kept("a")
    report = generators.of(trial.path).report
    assert code == 0
    assert report.censored.total == report.errors.timeout == 1
    assert report.open_loop.planned - report.open_loop.answered == 1
    assert {each.code for each in generators.contradictions(trial)} == {"trial-status"}


def test_a_service_that_dies_is_named(run, start_service, tmp_path):
    services = {"a": start_service(), "b": start_service(die_at=60)}
    code, stderr = run(services, timeout_s=2.0)
    assert code == 8
    assert json.loads(stderr)["where"] == f"b at 127.0.0.1:{services['b'].port}"
    assert not typed.read(tmp_path / "out/a", OpenSwitchback).measured


@pytest.mark.parametrize(
    "changes", [{"slice_s": None}, {"rate": 0}, {"arrivals": "waves"}], ids=str
)
def test_settings_that_are_none_are_refused(run, start_service, changes):
    code, stderr = run({"a": start_service()}, **changes)
    assert (code, json.loads(stderr)["code"]) == (8, "spec")


def test_a_signal_ends_it_at_once(start, start_service, tmp_path):
    load = start({"a": start_service()}, duration_s=600, slice_s=60)
    while len(psutil.Process(load.pid).net_connections()) < 8:
        pass
    load.send_signal(signal.SIGTERM)
    _, stderr = load.communicate(timeout=60)
    assert (load.returncode, json.loads(stderr)["code"]) == (8, "terminated")
    assert not (tmp_path / "out/a/open_switchback.json").exists()


def of_slice(**fields):
    return lambda told: told["slices"][1].update(fields)


CHANGES = [
    ("generator-mismatch", "the slices have", of_slice(planned=1000)),
    ("generator-mismatch", "answers to 1 arrival", of_slice(planned=1)),
    ("generator-mismatch", "asked at", of_slice(asked_ns=2**62)),
    ("generator-mismatch", "read from", of_slice(read_from_ns=2**62)),
    ("generator-mismatch", "due once", of_slice(round=7)),
    ("samples-mismatch", "the samples give", of_slice(answers=1)),
    (
        "samples-mismatch",
        "outside of the turn",
        lambda told: told["slices"][1].update(start_ns=told["slices"][1]["start_ns"] + NS // 10),
    ),
    ("samples-mismatch", "of no round", lambda told: told["slices"].pop()),
    ("samples-mismatch", "never sent", lambda told: told["censored"].update(total=1)),
    ("samples-mismatch", "answers: ", lambda told: told["answers"]["read-user"].clear()),
    ("trial-status", "failed", lambda told: told["errors"].update(read=1)),
]


def test_a_report_that_says_otherwise_is_found(run, start_service, kept):
    assert run({"a": start_service()}, duration_s=0.6) == (0, "")
    whole = kept("a")
    path = whole.path / OpenSwitchback.PATH
    original = path.read_bytes()
    for code, words, change in CHANGES:
        told = json.loads(original)
        change(told)
        path.write_text(json.dumps(told))
        found = list(generators.contradictions(whole))
        assert any(each.code == code and words in each.what for each in found), (words, found)
