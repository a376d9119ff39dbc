"""What is absent never passes: each gate over evidence of which the part that it reads is gone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from analysis import resources
from analysis.gates import GATES, Verdict, judge_pair, judge_run
from analysis.gates.evidence import Floor
from tests.gates.recorded import (
    DATA,
    OPEN,
    OTHER,
    TRIAL_CASES,
    WRITE,
    WRK,
    paced,
    pair,
    run,
)
from workloads.load.client.histograms import Histogram

BY_CODE = {gate.code: gate for gate in GATES}


def finding(trial, code, profile="vm"):
    return BY_CODE[code].judge(trial.evidence(), profile=profile, tier="exclusive-core")


def _without_dump(trial):
    (trial.folder / "wrk.json").unlink()


def _unfollowed(trial):
    TRIAL_CASES["stopped"].prepare(trial)
    trial.observed["sampler"]["unread"] = {"service": "a reason"}


ABSENT = {
    "request-errors": (WRK, _without_dump),
    "timeouts": (WRK, _without_dump),
    "generator-cpu": (WRK, lambda trial: trial.observed.pop("affinity")),
    "extensions": (OPEN, lambda trial: trial.observed["health"].update(extensions={})),
    "rows-unchanged": (OPEN, lambda trial: trial.observed["counters"].update(connected=1)),
    "steal": (OPEN, lambda trial: trial.counted["cpu_ticks"].pop("0")),
    "tcp-retransmitted": (OPEN, lambda trial: trial.counted.update(tcp_sent=0)),
    "clock": (OPEN, lambda trial: trial.observed["host"]["kernel"].update(clock_stepped_s=None)),
    "suspended": (OPEN, lambda trial: trial.observed["host"]["kernel"].update(suspended_s=None)),
    "stopped": (WRK, _unfollowed),
    "stall": (WRK, _unfollowed),
}


@pytest.mark.parametrize("code", ABSENT)
def test_a_gate_does_not_pass_without_what_it_reads(recorded, code):
    name, take_away = ABSENT[code]
    trial = recorded(name)
    take_away(trial)
    found = finding(trial, code)
    assert found.reading.value is None
    assert found.verdict is Verdict.UNKNOWN
    assert finding(trial, code, "bare-metal").verdict is Verdict.FAILED


def test_a_connection_that_nobody_counted_is_no_silence_of_the_database(recorded):
    trial = recorded(OPEN)
    trial.observed["counters"]["connected"] = None
    assert finding(trial, "rows-unchanged").verdict is Verdict.UNKNOWN
    trial.observed["counters"]["connected"] = 0
    assert finding(trial, "rows-unchanged").verdict is Verdict.PASSED


@pytest.mark.parametrize(
    "code",
    [
        "stopped",
        "stall",
        "unwatched",
        "processes-unread",
        "clock",
        "suspended",
        "frequency",
        "temperature",
    ],
)
def test_what_older_bundles_never_promised_concerns_them_not(recorded, code):
    assert finding(recorded(WRK), code) is None


@pytest.mark.parametrize(
    ("code", "gone"),
    [
        ("frequency", {"clocks": None, "clocks_unread": "no cpufreq here"}),
        ("temperature", {"heat": None, "heat_unread": "no sensor here"}),
    ],
)
@pytest.mark.parametrize("profile", ["vm", "bare-metal"])
def test_clocks_and_heat_that_a_host_does_not_tell_are_unknown_with_its_reason(
    recorded, code, gone, profile
):
    trial = recorded(OPEN)
    paced()(trial)
    trial.observed["host"]["kernel"]["pace"] |= gone
    found = finding(trial, code, profile)
    assert found.verdict is Verdict.UNKNOWN
    assert "here" in found.sentence


def test_a_limit_that_nobody_publishes_leaves_the_heat_unknown(recorded):
    trial = recorded(OPEN)
    paced(4_490_000, 99)(trial)
    trial.observed["host"]["kernel"]["pace"]["heat"] |= {"limit_mc": None, "limit_from": "unknown"}
    found = finding(trial, "temperature")
    assert found.verdict is Verdict.UNKNOWN
    assert "reached 99 degrees; unknown" in found.sentence


def test_the_clock_of_a_cpu_that_was_never_busy_is_no_slow_one(recorded):
    trial = recorded(OPEN)
    paced(None)(trial)
    assert finding(trial, "frequency").reading.value == 100
    trial.observed["host"]["kernel"]["pace"]["clocks"].pop("0")
    assert finding(trial, "frequency").verdict is Verdict.UNKNOWN


def test_a_run_without_a_trial_has_not_passed():
    found = {each.gate.code: each for each in judge_run(run(0, 0, None))}
    assert found["failed-trials"].verdict is Verdict.FAILED
    assert "no trial" in found["failed-trials"].sentence


LOADS = {
    "wrk": {"generator": "wrk", "threads": 1, "connections": 4, "duration_s": 1},
    "capacity": {"generator": "capacity", "objective_ms": 50.0},
}


@pytest.mark.parametrize(("generator", "is_known"), [("wrk", False), ("capacity", True)])
def test_a_generator_that_nobody_drove_by_itself_is_unknown(tmp_path, generator, is_known):
    told = tmp_path / "generators/looked-at"
    told.mkdir(parents=True)
    (told / "floor.json").write_text('{"failure": null, "observed": {}}')
    for file in ("wrk.json", "wrk.stdout.txt"):
        (told / file).write_bytes((DATA / "trials" / WRK / file).read_bytes())
    evidence = run(10, 0, None, loads={"looked-at": LOADS["wrk"], "other": LOADS[generator]})
    evidence = replace(
        evidence,
        floors=Floor.read_all(tmp_path, evidence.context),
        fastest={"looked-at": 1.0, "other": 1.0},
    )
    found = {each.gate.code: each for each in judge_run(evidence)}["generator-floor"]
    assert (found.reading.value is not None) == is_known
    assert is_known or "other" in found.sentence


def test_a_comparison_without_response_times_has_not_passed(recorded):
    baseline, candidate = recorded(OPEN), recorded(OTHER)
    for trial in (baseline, candidate):
        trial.dispatch(0.5)
        (trial.folder / "response.hdr").write_bytes(Histogram().encode())
    evidence = pair(baseline, candidate)
    found = {each.gate.code: each for each in judge_pair(evidence)}
    assert found["dispatch-difference"].reading.value is None


def test_a_role_that_was_not_read_whole_has_no_figure(recorded):
    trial = recorded(WRK)
    trial.observed["sampler"] |= {"ended_children": True, "unread": {"database": "a reason"}}
    figures = trial.evidence().figures
    assert figures.cpu_us["database"] is None
    assert figures.rss_bytes["database"] is None
    assert figures.cpu_us["service"] is not None
    trial.observed["sampler"]["unread"] = {"load": "no list of its processes"}
    found = finding(trial, "generator-cpu")
    assert found.verdict is Verdict.UNKNOWN
    assert "no list of its processes" in found.sentence


def test_a_role_that_was_not_looked_at_near_an_end_has_no_cpu_time(recorded):
    trial = recorded(WRK).evidence()
    path, older = trial.folder / "resources.parquet", trial.readings.sampler
    span = (trial.readings.window.started_ns, trial.readings.window.ended_ns)
    sampler = structs.replace(older, ended_children=True)
    assert resources.read(path, sampler, span).cpu_s["service"] is not None
    late = (span[0], span[1] + 2 * 10**9)
    assert resources.read(path, sampler, late).cpu_s["service"] is None
    assert resources.read(path, older, late).cpu_s["service"] is not None


@pytest.mark.parametrize("reading", ["window", "sampler", "memory"])
def test_a_trial_without_what_its_figures_need_has_none(recorded, reading):
    trial = recorded(WRK)
    del trial.observed[reading]
    with pytest.raises(ValueError, match="lacks the window, the sampler or the memory"):
        _ = trial.evidence().figures


@pytest.mark.parametrize(("name", "code"), [(OPEN, "rows-unchanged"), (WRITE, "rows-changed")])
def test_rows_that_nobody_counted_are_unknown(recorded, name, code):
    trial = recorded(name)
    del trial.observed["counters"]
    assert finding(trial, code).verdict is Verdict.UNKNOWN
