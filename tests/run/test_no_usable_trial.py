"""A run of which no trial may be used says so in one sentence, with exit code 8, and is sealed."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from copy import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from analysis import catalog, explanation, results, rounding
from analysis import report as rendering
from bundle import typed
from bundle.documents.host import Facts, HostFacts, Placement, Topology
from bundle.documents.plan import Switch, Way
from bundle.documents.results import Results
from bundle.read import Bundle
from bundle.verify import verify
from ormlab.cli import group
from ormlab.cli.output import run_output
from ormlab.cli.tables import results_text
from ormlab.judging import judge, report
from ormlab.judging.diff import diff
from ormlab.reproduce import course
from tests.run.small import alone
from tests.verify import recorded

ORMLAB = str(Path(sys.executable).with_name("ormlab"))
DIED = {
    "code": "service-start",
    "what": "the service ended with exit code 1: No module named 'x'",
    "where": "service.log",
    "hint": "read it",
}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return recorded.make(tmp_path_factory.mktemp("original"))


@pytest.fixture
def losing(original, tmp_path):
    """The bundle without the trials that are named by a pattern: they failed."""

    def lose(pattern):
        bundle = recorded.copy(original, tmp_path / "lost")
        paths = sorted((bundle / "trials").glob(f"{pattern}/trial.json"))
        assert paths
        for path in paths:
            recorded.change(path, lambda told: told.update(status="failed", failure=DIED))

        def count(record):
            record["trials"]["failed"] += len(paths)
            record["trials"]["completed"] -= len(paths)

        recorded.change(bundle / "bundle.json", count)
        recorded.seal_again(bundle)
        assert verify(bundle, "L1").ok
        return bundle

    return lose


def invoked(*arguments):
    done = CliRunner().invoke(group, [str(each) for each in arguments])
    assert isinstance(done.exception, SystemExit | None), done.exception
    return done


def test_the_conclusion_says_why_there_is_no_figure(losing):
    told = judge.judge(losing("*")).results
    assert told.cells == []
    assert told.conclusion.startswith(
        "Nothing is known of any subject: all 8 trials failed with service-start: the service "
        "ended with exit code 1: No module named 'x' ("
    )
    assert "8 of 8 trials failed" in told.conclusion
    assert "asyncpg" not in told.conclusion


def test_judging_such_a_bundle_ends_with_8_and_as_json_with_ok_false(losing):
    bundle = losing("*")
    done = invoked("judge", bundle)
    assert done.exit_code == 8
    assert done.stderr.startswith("error: Nothing is known of any subject: all 8 trials failed")
    done = invoked("judge", bundle, "--json")
    assert done.exit_code == 8
    told = json.loads(done.stdout)
    assert told["ok"] is False
    assert told["problems"][0]["code"] == "no-usable-trial"
    assert told["problems"][0]["what"] == told["results"]["conclusion"]


@pytest.mark.parametrize("schema", ["ormlab-run/1", "ormlab-resume/1", "ormlab-rerun/1"])
def test_so_do_the_commands_that_make_one(losing, schema, capsys):
    bundle = losing("*")
    judge.judge(bundle)
    with pytest.raises(SystemExit) as ended:
        run_output(schema, bundle).print(as_json=True)
    assert ended.value.code == 8
    told = json.loads(capsys.readouterr().out)
    assert (told["schema"], told["ok"]) == (schema, False)


def test_a_reproduction_counts_its_plan_as_failed(losing):
    bundle = losing("*")
    judge.judge(bundle)
    assert course._without_trial(bundle).code == "no-usable-trial"


def test_a_bundle_without_any_trial_of_its_own_is_no_failure(original):
    told = typed.read(original, Results)
    assert judge.without_trial(told, original) is None
    of_stacks_alone = replace(told, cells=[], failures=[])
    assert judge.without_trial(of_stacks_alone, original) is None


def test_report_diff_and_catalog_take_such_a_bundle(losing, original):
    bundle = losing("*")
    judge.judge(bundle)
    page = rendering.html(report.make(bundle))
    assert "Nothing is known of any subject" in page
    assert "0 of 8 planned were completed, 8 failed, 0 were not carried out" in page
    told = diff(original, bundle)
    assert (told.verdict, told.agreements) == ("open", [])
    text = results_text(judge.judge(bundle).results, bundle)
    assert text.startswith("Nothing is known of any subject")
    rows = list(catalog.rows(Bundle.open(bundle)))
    assert {row["failure"] for row in rows} == {"service-start"}
    assert {row["value"] for row in rows} == {None}


def test_an_explanation_without_a_trial_says_so(losing):
    bundle = Bundle.open(losing("*"))
    step = Switch(name="x", what="x", side="from", alone="asyncpg", cumulative="asyncpg")
    way = Way.model_validate({"from": "asyncpg", "to": "tortoise", "steps": [step]})
    sealed = typed.read_plan(bundle.path).model_copy(update={"explanation": way})
    told = judge.judge(bundle.path).results
    assert explanation.derive(bundle, sealed, told).conclusion == told.conclusion


def test_a_subject_without_a_trial_is_named_with_the_reason(losing):
    told = judge.judge(losing("*-tortoise-*")).results
    said = "tortoise and asyncpg are not compared: of tortoise all 4 trials failed with"
    assert f"{said} service-start" in told.conclusion
    assert {name for cell in told.cells for name in cell.subjects} == {"asyncpg"}
    assert judge.without_trial(told, Path()) is None


def test_a_load_without_a_trial_leaves_the_conclusion_to_the_other(losing):
    told = judge.judge(losing("*-wrk-*")).results
    assert [cell.load for cell in told.cells] == ["client"]
    assert "under client" in told.conclusion


def test_a_lost_block_leaves_an_estimate_without_an_interval(losing):
    told = judge.judge(losing("*-b02")).results
    assert "no interval with one block" in told.conclusion
    assert {cell.comparisons[0].blocks for cell in told.cells} == {1}
    assert results_text(told, Path("x"))


def test_no_more_trials_fail_than_were_carried_out():
    plan = SimpleNamespace(blocks=1, overridden=[], databases=("postgresql",))
    facts = HostFacts(
        schema="host-facts/1",
        facts=Facts(topology=Topology(cores=[[0]], l3=[[0]]), virtual=False),
        identity=[],
        placement=Placement(service=[0], load=[0], database=[0], housekeeping=[0], tier="degraded"),
    )

    def said(**counts):
        record = SimpleNamespace(
            trials=SimpleNamespace(**counts),
            interruptions=(),
            tool=SimpleNamespace(dirty=False),
        )
        gated = SimpleNamespace(slowed=[], context=SimpleNamespace(limits={}))
        weak = results._weaknesses(SimpleNamespace(record=record), plan, facts, gated)
        return [each for each in weak if "failed" in each]

    assert said(planned=2, completed=0, failed=3, skipped=0) == [
        "3 of 3 trials failed, repeats included"
    ]
    assert said(planned=8, completed=7, failed=2, skipped=0) == ["2 of 8 trials failed"]
    assert said(planned=2, completed=2, failed=0, skipped=0) == []


positive = st.floats(min_value=1e-5, max_value=1e5)


@given(positive, positive, positive)
def test_no_ratio_and_no_rate_is_shown_as_0(value, below, above):
    low, high = value / (1 + below), value * (1 + above)
    numbers = [rounding.ratio(value, low, high), *rounding.ratio_interval(low, high).split(" to ")]
    for said in (*numbers, rounding.ratio(value), rounding.rate(value)):
        assert float(said.replace(",", "")) > 0
        assert math.isfinite(float(said.replace(",", "")))


def test_a_ratio_with_an_ordinary_interval_is_rounded_as_any_figure():
    assert rounding.ratio(1.9432, 1.85, 2.04) == rounding.figure(1.9432, 1.85, 2.04) == "1.943"
    assert rounding.ratio(0.3, 0.001, 90) == "0.3"
    assert rounding.ratio_interval(0.001, 90) == "0.001 to 90"


def test_a_run_whose_trials_all_fail_is_sealed_and_ends_with_8(small_plan, inventory, tmp_path):
    def impossible(plan):
        alone(plan, blocks=1)
        never = {"low": 10**12, "reason": "nobody serves so many"}
        plan["gates"] = {**plan["gates"], "no-requests": never}

    command = [ORMLAB, "run", small_plan(impossible), "--inventory", inventory, "--json"]
    run = subprocess.run(
        [*command, "--bundles", tmp_path / "bundles"],
        capture_output=True,
        text=True,
        env=os.environ,
        cwd=tmp_path,
        check=False,
    )
    assert run.returncode == 8, run.stderr
    told = json.loads(run.stdout)
    assert told["ok"] is False
    (problem,) = told["problems"]
    assert problem["code"] == "no-usable-trial"
    assert "failed with no-requests" in problem["what"]
    assert problem["what"] in run.stderr
    assert verify(Path(told["folder"]), "L1").ok
    record = json.loads((Path(told["folder"]) / "bundle.json").read_bytes())
    assert record["trials"]["completed"] == 0
