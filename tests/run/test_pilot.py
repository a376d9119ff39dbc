"""A pilot is run, then asked what it tells of plans."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from msgspec import structs

from analysis import steadiness
from analysis.inference import blocks_needed, findable_effect
from bundle.read import Trial, read_trials
from ormlab import plan as plans
from ormlab.base.errors import PlanError
from ormlab.judging.pilot import _cycles, _duration, forecast
from tests.bundle import making

ORMLAB = str(Path(sys.executable).with_name("ormlab"))


def ormlab(*arguments):
    answer = subprocess.run(
        [ORMLAB, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def shows_its_course(trial):
    """Whether a trial has enough answers for a course, and one in each tenth of its window."""
    series = steadiness.read_series(trial.path)
    if series is None:  # a busy machine serves too few requests
        return False
    tenth = len(series.values) // 10
    return all(any(series.values[at * tenth : (at + 1) * tenth]) for at in range(10))


def test_a_pilot_tells_effects_warmup_and_duration(run_with_controls, tmp_path):
    plan, pilot = run_with_controls.plan, run_with_controls.bundle
    results = run_with_controls.told["results"]
    written = yaml.safe_load(plan.read_text())
    written |= {"blocks": 12, "margins": {"throughput": 0.04}}
    written["loads"]["client"]["warmup_s"] = 0.5
    written["loads"]["other"] = {**written["loads"]["client"], "duration_s": 3}
    bigger = tmp_path / "bigger.yaml"
    bigger.write_text(yaml.safe_dump(written))

    told = json.loads(ormlab("plan", bigger, "--pilot", pilot, "--json"))
    seen = next(
        each for each in results["cells"][0]["comparisons"] if each["metric"] == "throughput"
    )
    effect = next(each for each in told["pilot"]["effects"] if each["metric"] == "throughput")
    assert effect["sd"] == seen["sd"]
    assert effect["detectable"] == findable_effect(seen["sd"], 12)
    assert effect["needed"] == blocks_needed(seen["sd"], 0.04)
    assert told["pilot"]["unknown"] == ["tortoise / asyncpg on read-one under other"]
    by_load = {each["load"]: each for each in told["pilot"]["warmups"]}
    assert by_load["client"]["planned"] == 0.5
    # Two seconds may be too short to say; what is said lies in the half that the rule looks at.
    needed = by_load["client"]["needed"]
    assert needed is None or 0 <= needed <= 1.05
    assert by_load["other"]["needed"] is None
    # No trial of the bigger plan is one of the pilot's, whose loads had no warm-up.
    assert told["pilot"]["timed"] == 0
    loads_s = 12 * 4 * (2.5 + 3.5)
    assert loads_s < told["expected_s"] < 20 * loads_s
    trials = [each for each in read_trials(pilot) if each.record.status == "completed"]
    arms = [each for each in trials if each.record.subject in {"asyncpg", "asyncpg-null"}]
    steady = all(map(shows_its_course, arms))
    variances = told["pilot"]["variances"]
    expected = [("asyncpg", "client")] if steady else []
    assert [(each["subject"], each["load"]) for each in variances] == expected
    assert all(sum(each["shares"].values()) == pytest.approx(1) for each in variances)
    text = ormlab("plan", bigger, "--pilot", pilot)
    assert ("inside a trial" in text) == steady
    assert f"by the pilot {pilot.name}" in text
    assert "its margin of 4 % needs" in text

    same = forecast(plans.resolve(plans.load(str(plan))), pilot)
    assert same.timed == 8


def test_without_a_pilot_a_duration_that_is_a_limit_is_said_to_be_one():
    assert "at most about" in ormlab("plan", "article-client")
    assert json.loads(ormlab("plan", "article-client", "--json"))["at_most"] is True
    demo = json.loads(ormlab("plan", "demo", "--json"))
    assert (demo["at_most"], demo["pilot"]) == (False, None)


def test_what_is_no_bundle_is_no_pilot(tmp_path):
    answer = subprocess.run(
        [ORMLAB, "plan", "demo", "--pilot", tmp_path / "none", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert json.loads(answer.stdout)["problems"][0]["what"] == "there is no such folder"


def test_a_plan_with_a_search_runs_end_to_end(small_plan, inventory, tmp_path):
    def change(plan):
        # One answer later than the objective would be too many of a few: on a busy machine there
        # may be one at any rate.
        search = {"generator": "capacity", "objective_ms": 500, "loss_ratio": 0.1, "width": 0.5}
        search |= {"probe_s": 0.5, "probes": 1, "warmup_s": 0.5, "connections": 8}
        plan["loads"] = {"search": search}
        plan["margins"] = {"capacity": 0.05}
        del plan["subjects"]["tortoise"]
        plan |= {"comparisons": [], "blocks": 1}

    bundles = tmp_path / "bundles"
    run = ormlab(
        "run", small_plan(change), "--inventory", inventory, "--bundles", bundles, "--json"
    )
    results = json.loads(run)["results"]
    every = read_trials(bundles / results["bundle"])
    (trial,) = (each.path for each in every if each.record.status == "completed")
    archived = json.loads((trial / "capacity.json").read_bytes())
    subject = results["cells"][0]["subjects"]["asyncpg"]
    assert results["cells"][0]["latency_kind"] == "response time"
    assert subject["capacity"] == archived["capacity"]["lower"]
    held = [each for each in archived["probes"] if each["rate"] == subject["capacity"]]
    assert subject["requests"] in [each["requests_in_window"] for each in held]
    assert subject["cpu_service"] > 0

    written = yaml.safe_load(small_plan(change).read_text())
    written["loads"] = {
        "open": {"generator": "client-open", "rate": subject["capacity"] / 2, "duration_s": 1}
    }
    driven = tmp_path / "driven.yaml"
    driven.write_text(yaml.safe_dump(written))
    (rate,) = forecast(plans.resolve(plans.load(str(driven))), trial.parents[1]).rates
    assert (rate.subject, rate.capacity) == ("asyncpg", subject["capacity"])
    assert "50 % of the" in ormlab("plan", driven, "--pilot", trial.parents[1])


@pytest.mark.parametrize(
    "load",
    [
        {"generator": "capacity", "objective_ms": 50},
        {"generator": "wrk-switchback", "threads": 1, "connections": 8, "duration_s": 1},
    ],
    ids=lambda load: load["generator"],
)
def test_a_load_that_repeats_requests_is_refused_with_creates(small_plan, load):
    def change(plan):
        plan["loads"] = {"again": load}
        plan["workloads"]["write"] = {"operations": [{"operation": "create-user"}]}

    with pytest.raises(PlanError, match="the load again sends the same requests again"):
        plans.load(str(small_plan(change)))


def test_a_pilot_that_timed_no_trial_tells_of_none_that_it_takes_no_time():
    resolved = plans.resolve(plans.load("demo"))
    nothing = SimpleNamespace(trials=[], record=None)
    assert _duration(resolved, nothing, {}) == (plans.duration(resolved).expected_s, 0)


def test_trials_that_run_together_share_their_time(tmp_path):
    begin, trials = datetime(2026, 11, 23, 3, 15, tzinfo=UTC), []
    for block, subjects in enumerate(["ab", "ba", "ab"]):
        ids = tuple(f"{2 * block + number}" for number in (1, 2))
        times = {"started": begin + block * timedelta(seconds=30)}
        times["ended"] = times["started"] + timedelta(seconds=20)
        trials += [
            Trial(
                tmp_path / name,
                structs.replace(
                    making.trial_record(0), id=name, subject=subject, together=ids, **times
                ),
            )
            for name, subject in zip(ids, subjects, strict=True)
        ]
    assert {subject: cycles for (subject, _, _), cycles in _cycles(trials).items()} == {
        "a": [15, 15],
        "b": [15, 15],
    }
