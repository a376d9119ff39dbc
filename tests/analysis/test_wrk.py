import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from analysis import generators
from analysis.generators.base import littles_law, littles_problems
from analysis.generators.wrk.dump import (
    WrkOutputError,
    cross_check,
    failures,
    head_start,
    parse_dump,
    parse_text,
    read,
    recover,
)
from analysis.latency import mean, total
from bundle.documents.readings import Window
from bundle.generators.wrk import WrkErrors

RECORDED = Path(__file__).parents[1] / "data/wrk"
CASES = {
    "steady": set(),
    "stalled": set(),
    "late": {"timeouts", "littles-law"},
    "all-500": {"all-errors"},
    "some-500": {"error-statuses"},
    "hung": {"no-requests"},
    "hung-half-way": {"littles-law"},
    "died-half-way": {"socket-errors", "littles-law"},
    "exhausted": {"table-exhausted", "littles-law"},
    "few": {"littles-law"},
    "seconds": set(),
}


def recorded(name):
    stdout = (RECORDED / f"{name}.stdout.txt").read_text()
    return stdout, (RECORDED / f"{name}.json").read_text()


@pytest.mark.parametrize(
    ("instants", "begins"),
    [
        ({}, None),
        ({"begun_ns": 5_000}, 5_000),
        ({"begun_ns": 5_000, "first_answer_ns": 6_000}, 6_000),
    ],
)
def test_cpu_time_counts_from_the_first_answer_to_the_stop_of_the_clock(tmp_path, instants, begins):
    stdout, dump = recorded("steady")
    stop = 5_000 + 1000 * json.loads(dump)["duration_us"]
    (tmp_path / "wrk.stdout.txt").write_text(stdout)
    (tmp_path / "wrk.json").write_text(json.dumps(json.loads(dump) | instants))
    assert generators.of(tmp_path).figures.span_ns == (begins and (begins, stop))


def codes(problems):
    return {each.code for each in problems}


def correct(bins, interval):
    """What wrk's stats_correct does, step by step."""
    data = dict(bins)
    for value in range(2 * interval, max(data, default=0) + 1):
        count = data.get(value, 0)
        lower = value - interval
        while count and lower > interval:
            data[lower] = data.get(lower, 0) + count
            lower -= interval
    return tuple(sorted((value, count) for value, count in data.items() if count))


histograms = st.dictionaries(st.integers(1, 3000), st.integers(1, 50), min_size=1, max_size=60)


@given(measured=histograms, connections=st.integers(1, 64), duration=st.integers(1, 10**6))
def test_recovery_takes_out_exactly_what_wrk_added(measured, connections, duration):
    bins = tuple(sorted(measured.items()))
    requests = total(bins)
    rounds = requests // connections
    interval = max(1, duration // rounds) if rounds else None
    duration = interval * rounds if interval else duration
    dumped = correct(bins, interval) if interval else bins
    recovered = recover(dumped, requests, connections, duration, 0)
    assert recovered.bins == bins
    assert recovered.problems == ()
    assert recovered.interval_us == interval
    assert recovered.removed == total(dumped) - requests


@given(measured=histograms, timeouts=st.integers(0, 20))
def test_timeouts_are_requests_without_a_sample(measured, timeouts):
    bins = tuple(sorted(measured.items()))
    requests = total(bins) + timeouts
    dumped = correct(bins, 100)
    recovered = recover(dumped, requests, 1, 100 * requests, timeouts)
    assert (recovered.bins, recovered.problems) == (bins, ())
    wrong = recover(dumped, requests, 1, 100 * requests, timeouts + 1)
    assert "sum" in codes(wrong.problems)


@pytest.mark.parametrize("name", CASES)
def test_a_recorded_trial_reads_as_it_went(name):
    reading = read(*recorded(name))
    ratio = reading.littles_ratio
    waited = () if ratio is None else littles_problems(ratio)
    assert codes([*reading.problems, *waited]) == CASES[name]
    assert reading.recovered.problems == ()
    timeouts = reading.dump.errors.timeout
    assert total(reading.recovered.bins) + timeouts == reading.dump.requests


def test_a_recorded_stall_left_samples_that_were_never_measured():
    reading = read(*recorded("stalled"))
    assert reading.recovered.removed > 1000
    assert mean(reading.dump.latency_us) > 10 * mean(reading.recovered.bins)


@pytest.mark.parametrize("factor", [0.5, 0.97, 1.03, 2])
def test_a_wrong_interval_breaks_the_certificate(factor):
    dump = parse_dump(recorded("stalled")[1])
    wrong = recover(
        dump.latency_us, dump.requests, dump.connections, round(dump.duration_us * factor), 0
    )
    assert codes(wrong.problems) & {"sum", "negative-bins"}


@pytest.mark.parametrize(
    ("stdout", "dump"), [("", "{}"), ("\n", "{}"), ("Running 1s test @ x", None), ("Running", "")]
)
def test_no_output_is_a_problem(stdout, dump):
    reading = read(stdout, dump)
    assert codes(reading.problems) == {"empty-output"}
    assert reading.dump is None


@pytest.mark.parametrize("name", CASES)
def test_a_dump_cut_anywhere_is_refused(name):
    stdout, dump = recorded(name)
    for length in range(1, len(dump) - 2, 97):
        assert codes(read(stdout, dump[:length]).problems) == {"malformed-output"}


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "wrk/2"},
        {"requests": -1},
        {"requests": 1.5},
        {"requests": True},
        {"errors": {}},
        {"latency_us": [[1]]},
        {"latency_us": None},
    ],
)
def test_a_dump_with_a_wrong_value_is_refused(change):
    told = json.loads(recorded("steady")[1]) | change
    with pytest.raises(WrkOutputError):
        parse_dump(json.dumps(told))


def test_an_unknown_line_is_refused():
    stdout, _ = recorded("steady")
    with pytest.raises(WrkOutputError, match="surprise"):
        parse_text(stdout + "surprise\n")


@pytest.mark.parametrize("line", range(2, 12))
def test_a_missing_line_is_noticed(line):
    stdout, dump = recorded("steady")
    lines = stdout.splitlines(keepends=True)
    reading = read("".join(lines[:line]), dump)
    assert codes(reading.problems) == {"malformed-output"}


@pytest.mark.parametrize("name", CASES)
def test_text_and_dump_of_one_trial_agree(name):
    stdout, dump = recorded(name)
    assert cross_check(parse_text(stdout), parse_dump(dump)) == ()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("threads", {"threads": 3}),
        ("connections", {"connections": 9}),
        ("requests", {"requests": 3497}),
        ("duration", {"duration_us": 1_020_000}),
        ("bytes", {"bytes": 500_000}),
        ("max", {"latency_us": ((2_000, 3_000), (90_000, 500))}),
        ("p50", {"latency_us": ((3_000, 3_000), (4_000, 500))}),
        ("status", {"errors": WrkErrors(connect=0, read=0, write=0, status=1, timeout=0)}),
        ("read", {"errors": WrkErrors(connect=0, read=1, write=0, status=0, timeout=0)}),
    ],
)
def test_text_and_dump_that_disagree_are_caught(name, change):
    stdout, text = recorded("some-500")
    dump = parse_dump(text)
    problems = cross_check(parse_text(stdout), replace(dump, **change))
    assert codes(problems) == {"text-json-mismatch"}
    assert any(each.what.startswith(f"{name}:") for each in problems)


def test_a_clean_trial_has_no_failures():
    assert failures(parse_dump(recorded("steady")[1])) == ()


def test_littles_law():
    assert littles_law(12_450, 0.0402, 500) == pytest.approx(1.0, abs=0.01)
    assert littles_problems(0.95) == littles_problems(1.0) == ()
    assert codes(littles_problems(0.949)) == codes(littles_problems(1.001)) == {"littles-law"}
    assert littles_problems(1.001, edge=0.01) == ()


def test_a_program_that_ran_longer_than_its_window_may_have_begun_before_it():
    window = Window(started="", started_ns=5, ended_ns=2_100_000_005)
    assert head_start(window, 2.0) == pytest.approx(0.05)
    assert head_start(window, 2.2) == head_start(window, 0.0) == 0.0
