"""Every gate passes on a recorded trial and fails once that is broken; unreadable is not 0."""

from __future__ import annotations

import re

import pytest

from analysis.gates import (
    CODES,
    GATES,
    TRIAL_GATES,
    Severity,
    Verdict,
    fatal,
    judge_pair,
    judge_run,
    loosened,
)
from analysis.gates.gate import GENERATOR
from analysis.gates.summary import assess, documents
from bundle.generators.capacity import Bounds
from docs import failures, generate
from host.expectation import ALWAYS, DOUBT, HOST
from tests import generators
from tests.gates.recorded import (
    ANSWER,
    OPEN,
    OTHER,
    RUNTIME,
    SHOWN,
    TRIAL_CASES,
    WRK,
    dumped,
    host_readings,
    pair,
    run,
)

BY_CODE = {gate.code: gate for gate in GATES}
PAIR_CODES = {"dispatch-difference", "bodies-differ"}
RUN_CODES = {"failed-trials", "host", "generator-floor"}
PROFILES = ("bare-metal", "vm", "smoke")


def finding(trial, code, tier="exclusive-core"):
    evidence = trial.evidence()
    return BY_CODE[code].judge(evidence, profile=evidence.context.profile, tier=tier)


def test_codes_are_unique_and_no_failure_of_an_order_has_one():
    assert len(CODES) == len(GATES)
    assert not CODES & failures.raised().keys()


def test_every_gate_has_a_case_here_and_a_row_in_the_documentation():
    assert set(TRIAL_CASES) | PAIR_CODES | RUN_CODES == CODES
    page = (generate.DOCS / "gates.md").read_text()
    assert set(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)) == CODES


@pytest.mark.parametrize("code", TRIAL_CASES)
def test_a_gate_passes_on_a_trial_that_was_measured_well(recorded, code):
    case = TRIAL_CASES[code]
    trial = recorded(case.trial)
    case.prepare(trial)
    found = finding(trial, code)
    assert found.verdict is Verdict.PASSED, found.sentence


@pytest.mark.parametrize("code", TRIAL_CASES)
def test_a_gate_fails_on_the_same_trial_once_it_is_broken(recorded, code):
    case = TRIAL_CASES[code]
    trial = recorded(case.trial)
    case.prepare(trial)
    case.fail(trial)
    found = finding(trial, code)
    is_doubt = BY_CODE[code].rule is DOUBT
    assert found.verdict is (Verdict.WARNING if is_doubt else Verdict.FAILED), found.sentence
    assert BY_CODE[code].what in found.sentence


@pytest.mark.parametrize(
    ("code", "gone"),
    [
        ("steal", "steal_ticks"),
        ("pressure-memory", "psi_memory_some_us"),
        ("pressure-io", "psi_io_some_us"),
        ("swap", "swapped_out"),
        ("throttled", "throttled"),
        ("overheated", "overheated"),
        ("tcp-retransmitted", "tcp_sent"),
        ("listen-queue", "listen_drops"),
    ],
)
@pytest.mark.parametrize("profile", PROFILES)
def test_an_unreadable_sensor_is_never_taken_for_0(recorded, code, gone, profile):
    trial = recorded(OPEN, profile=profile)
    trial.counted[gone] = None
    found = finding(trial, code)
    assert found.reading.value is None
    required = profile == "bare-metal" and BY_CODE[code].required
    assert found.verdict is (Verdict.FAILED if required else Verdict.UNKNOWN)


def test_the_generator_of_a_search_counts_up_to_the_lowest_rate_that_was_lost(recorded):
    def probe(rate, cpu_s):
        return generators.probe(0, 1, rate=rate, cpu_s=cpu_s)

    trial = recorded(OPEN)
    (trial.folder / "client.json").unlink()
    bounds = Bounds(lower=100, upper=110)
    for cpu_s, verdict in ((0.5, Verdict.PASSED), (0.8, Verdict.FAILED)):
        probes = [probe(999, 1.0), probe(100, 0.4), probe(110, cpu_s)]
        generators.write(trial.folder, generators.capacity(probes, bounds))
        found = finding(trial, "generator-cpu")
        assert (found.reading.value, found.verdict) == (100 * cpu_s, verdict)


@pytest.mark.parametrize("code", ["pools", "checkpoint", "autovacuum", "kernel-log", "swap"])
def test_a_trial_around_which_nobody_looked_passes_no_gate_of_the_host(recorded, code):
    trial = recorded(OPEN)
    del trial.observed["host"]
    assert finding(trial, code).verdict in {Verdict.FAILED, Verdict.UNKNOWN}


def test_either_witness_of_a_checkpoint_is_enough(recorded):
    trial = recorded(OPEN)
    trial.database["log"] = None
    assert finding(trial, "checkpoint").verdict is Verdict.PASSED
    trial.database["checkpoints"] = 1
    assert finding(trial, "checkpoint").verdict is Verdict.FAILED


def test_a_stack_that_is_pure_on_purpose_is_no_fault(recorded):
    trial = recorded(OPEN)
    trial.plan["subjects"]["asyncpg"]["stack"] = "nearest-py313-purewheel"
    trial.observed["health"]["extensions"]["sqlalchemy"] = False
    assert finding(trial, "extensions").verdict is Verdict.PASSED
    trial.observed["health"]["extensions"]["yarl"] = False
    assert finding(trial, "extensions").verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"flags": RUNTIME["flags"] | {"dev_mode": 1}}, "dev_mode"),
        ({"flags": RUNTIME["flags"] | {"optimize": 2}}, "optimize"),
        ({"allocator": "malloc"}, "the allocator malloc"),
        ({"preloaded": ["libjemalloc.so.2"]}, "libjemalloc.so.2"),
        ({"tracemalloc": True}, "tracemalloc"),
        ({"variables": ["MALLOC_ARENA_MAX"]}, "MALLOC_ARENA_MAX"),
        ({"preloaded": None, "asyncio_debug": True}, "asyncio_debug"),
    ],
)
def test_a_service_that_does_not_run_as_built_is_named(recorded, changes, said):
    trial = recorded(OPEN)
    trial.observed["health"]["runtime"] = RUNTIME | changes
    found = finding(trial, "runtime")
    assert found.verdict is Verdict.FAILED
    assert said in found.sentence


def test_of_a_service_that_did_not_say_how_it_runs_nothing_is_said(recorded):
    trial = recorded(OPEN)
    assert BY_CODE["runtime"].judge(trial.evidence(), profile="vm", tier="none") is None
    trial.observed["health"]["runtime"] = RUNTIME | {"preloaded": None}
    assert finding(trial, "runtime").reading.value is None


@pytest.mark.parametrize(
    "other",
    [{"status": 404}, {"content_type": "text/html"}, {"content_length": "3"}, {"sha256": "1" * 64}],
)
def test_a_probe_is_held_against_the_diagnostic_pass_in_status_headers_and_body(recorded, other):
    trial = recorded(OPEN)
    trial.answers = [SHOWN]
    trial.observed["probes"] = [ANSWER | other]
    found = finding(trial, "probes")
    assert found.verdict is Verdict.FAILED
    assert "GET /users/1" in found.sentence


def test_probes_that_nothing_was_recorded_for_are_unknown(recorded):
    trial = recorded(OPEN, profile="vm")
    trial.observed["probes"] = [ANSWER]
    assert finding(trial, "probes").verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("options", {"isolation_level": "AUTOCOMMIT"}, "AUTOCOMMIT"),
        ("loop", "uvloop", "uvloop"),
        ("pool", {"size": 5, "overflow": 10}, "'size': 5"),
        ("cache", {"ttl_s": 1.0, "entries": 1024}, "'ttl_s': 1.0"),
        ("framework", "fastapi", "fastapi"),
    ],
)
def test_another_setting_is_another_subject(recorded, key, value, said):
    trial = recorded(OPEN)
    trial.observed["health"][key] = value
    found = finding(trial, "subject")
    assert found.verdict is Verdict.FAILED
    assert said in found.sentence


def test_another_version_than_the_stacks_is_another_subject(recorded):
    trial = recorded(OPEN)
    versions = trial.observed["health"]["versions"]
    trial.packages = versions | {"numpy": "1"}
    assert finding(trial, "subject").verdict is Verdict.PASSED
    trial.packages = versions | {"asyncpg": "0.1"}
    assert "instead of 0.1" in finding(trial, "subject").sentence


def test_a_plan_sets_its_own_limit_and_a_wider_one_is_named(recorded):
    trial = recorded(OPEN)
    trial.dispatch(1.5)

    def dispatch():
        findings = assess("t", trial.evidence()).findings
        return next(each for each in findings if each.gate.code == "dispatch")

    assert dispatch().verdict is Verdict.FAILED
    assert loosened(trial.context) == []
    trial.plan["gates"] = {"dispatch": {"low": None, "high": 2, "reason": "a slow client"}}
    assert dispatch().verdict is Verdict.PASSED
    assert "at most 2 allowed" in dispatch().sentence
    assert loosened(trial.context) == ["dispatch"]
    trial.plan["gates"] = {"dispatch": {"low": None, "high": 0.5, "reason": "a strict one"}}
    assert loosened(trial.context) == []


@pytest.mark.parametrize(("ran", "verdict"), [(1.1, Verdict.WARNING), (1.4, Verdict.PASSED)])
def test_waiting_may_exceed_the_window_by_what_wrk_ran_longer(recorded, ran, verdict):
    trial = recorded(WRK)
    dumped(connections_opened=3)(trial)  # as if a third of what waited had done so before
    window = trial.observed["window"]
    window["ended_ns"] = window["started_ns"] + round(trial.evidence().figures.window_s * ran * 1e9)
    assert finding(trial, "littles-law").verdict is verdict


def test_the_first_gate_that_fails_is_the_trials_failure_and_doubts_are_none(recorded):
    trial = recorded(WRK)
    for code in ("swap", "littles-law", "timeouts"):
        TRIAL_CASES[code].fail(trial)
    assessed = assess("t", trial.evidence())
    assert assessed.failure.gate.code == "generator-output"  # the dump no longer adds up
    assert assessed.doubts == {"littles-law"}


def test_a_cell_shows_the_worst_of_its_trials_and_names_those_concerned(recorded):
    good, bad = recorded(OPEN), recorded(OTHER)
    bad.counted["swapped_in"] = 7
    cell = documents([assess("good", good.evidence()), assess("bad", bad.evidence())])
    (swap,) = [each for each in cell if each.code == "swap"]
    assert (swap.verdict, swap.value, swap.worst_trial) == (Verdict.FAILED, 7, "bad")
    assert swap.counts == {Verdict.PASSED: 1, Verdict.FAILED: 1}
    assert swap.trials == ["bad"]
    assert swap.severity is Severity.FATAL


def test_a_client_that_is_later_for_one_subject_forbids_the_comparison(recorded):
    baseline, candidate = recorded(OPEN), recorded(OTHER)
    baseline.dispatch(0.5)
    candidate.dispatch(0.5)
    assert fatal(judge_pair(pair(baseline, candidate))) == []
    candidate.dispatch(5)
    (sentence,) = fatal(judge_pair(pair(baseline, candidate)))
    assert "dispatch delays" in sentence


def test_one_other_body_forbids_the_comparison(recorded):
    baseline, candidate = recorded(OPEN), recorded(OTHER)
    for trial in (baseline, candidate):
        trial.dispatch(0.5)

    def change(document):
        (path,) = document["bodies"]["digests"]
        document["bodies"]["digests"][path] = ["0" * 64]

    candidate.edit("client.json", change)
    (sentence,) = fatal(judge_pair(pair(baseline, candidate)))
    assert "/users/1" in sentence


@pytest.mark.parametrize(("failed", "passes"), [(0, True), (1, True), (2, False)])
def test_more_than_one_failed_trial_in_ten_forbids_the_run(failed, passes):
    found = {each.gate.code: each for each in judge_run(run(10 - failed, failed, None))}
    assert (found["failed-trials"].verdict is Verdict.PASSED) == passes


def test_a_host_that_the_profile_forbids_forbids_the_run():
    # The recorded VM is no bare metal, and without readings nothing is known.
    for readings in (host_readings(), None):
        found = {each.gate.code: each for each in judge_run(run(10, 0, readings))}
        assert found["host"].verdict is Verdict.FAILED


def test_a_host_that_the_profile_allows_passes():
    evidence = run(10, 0, host_readings(), profile="vm")
    found = {each.gate.code: each for each in judge_run(evidence)}
    assert found["host"].verdict is Verdict.PASSED


@pytest.mark.parametrize("tier", ["exclusive-l3", "exclusive-core", "degraded", "none"])
@pytest.mark.parametrize("profile", PROFILES)
def test_the_table_of_severities(profile, tier):
    shared = tier in {"degraded", "none"}
    bare = profile == "bare-metal"
    assert ALWAYS.severity(profile, tier) is Severity.FATAL
    assert DOUBT.severity(profile, tier) is Severity.WARNING
    assert HOST.severity(profile, tier) is (Severity.FATAL if bare else Severity.WARNING)
    assert GENERATOR.severity(profile, tier) is (Severity.WARNING if shared else Severity.FATAL)


def test_every_gate_has_a_limit_and_says_why():
    for gate in GATES:
        assert gate.low is not None or gate.high is not None
        assert gate.what
        assert gate.why
        assert gate.source
    assert {gate.scope for gate in TRIAL_GATES} == {"trial"}
