"""A run whose load switches between subjects that are alive together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bundle import typed
from bundle.documents.host import Ports
from bundle.generators.switchback import Switchback
from bundle.read import Bundle
from ormlab.run.measure import orders
from ormlab.verify import verify
from tests.bundle.making import edit_json
from tests.run import shared, small
from tests.verify.recorded import seal_again

WRK = shutil.which("wrk")
SUBJECTS = ["asyncpg", "asyncpg-null", "tortoise"]


def switched(plan):
    keys = {"connections": 8, "warmup_s": 0.2, "duration_s": 0.8, "slice_s": 0.2}
    plan["loads"] = {"switched": {"generator": "client-switchback", **keys}}
    keys = {"rate": 50, "connections": 8, "warmup_s": 0.5, "duration_s": 1.0, "slice_s": 0.5}
    plan["loads"]["open-switched"] = {"generator": "client-open-switchback", **keys}
    if WRK:
        keys = {"connections": 8, "threads": 1, "warmup_s": 1, "duration_s": 2, "slice_s": 1}
        plan["loads"]["wrk-switched"] = {"generator": "wrk-switchback", **keys}
    plan["null_arm"] = "asyncpg"


@pytest.fixture(scope="module")
def finished(tmp_path_factory, lab_root):
    base = tmp_path_factory.getbasetemp()
    return shared.finished(base, lab_root, "switched", switched, flags=["--report"])


@pytest.fixture(scope="module")
def trials(finished):
    every = Bundle.open(finished.bundle, level="L1").trials
    return [each for each in every if each.record.load == "switched"]


@pytest.fixture(scope="module")
def cells(finished):
    results = json.loads((finished.bundle / "derived/results.json").read_bytes())
    return {cell["load"]: cell for cell in results["cells"]}


def test_it_ends_in_a_bundle_that_verifies_and_leaves_nothing_running(finished):
    assert finished.told["ok"] is True
    verified = verify(finished.bundle)
    assert (verified.ok, verified.level_reached) == (True, "L4")
    assert not any(each.code.startswith("trials-") for each in verified.doubts)
    assert finished.left == []


def test_the_trials_of_a_block_name_each_other_and_share_their_time(trials):
    assert len(trials) == 2 * len(SUBJECTS)
    by_block = {}
    for trial in trials:
        by_block.setdefault(trial.record.block, []).append(trial.record)
    for records in by_block.values():
        assert sorted(each.subject for each in records) == SUBJECTS
        (together,) = {each.together for each in records}
        assert sorted(together) == sorted(each.id for each in records)
        assert len({(each.started, each.ended) for each in records}) == 1


def test_each_block_draws_ports_and_databases_anew_among_its_subjects(finished, trials):
    ports = sorted(typed.read(finished.bundle, Ports).services.values())
    for number in (1, 2):
        drawn = orders.seats(small.plan()["seed"], number, ["asyncpg", "tortoise", "asyncpg-null"])
        told = {
            trial.record.subject: trial.record.readings
            for trial in trials
            if trial.record.block == number
        }
        assert {name: ports.index(each.port.number) for name, each in told.items()} == drawn
        databases = {name: each.database for name, each in told.items()}
        assert databases == {name: f"ormlab_run_{seat + 1}" for name, seat in drawn.items()}


def test_every_subject_has_a_slice_in_every_round(trials):
    for trial in trials:
        report = typed.read(trial.path, Switchback)
        assert report.failure is None
        assert [each.round for each in report.slices] == [1, 2, 3, 4]
        assert sorted(report.spec.subjects) == SUBJECTS
        assert report.spec.subject == trial.record.subject


def test_the_results_compare_them_block_by_block(cells):
    cell = cells["switched"]
    assert sorted(cell["subjects"]) == SUBJECTS
    throughput = next(each for each in cell["comparisons"] if each["metric"] == "throughput")
    assert (throughput["blocks"], throughput["dropped"]) == (2, [])


def test_an_open_loop_in_slices_compares_response_times(cells):
    cell = cells["open-switched"]
    assert sorted(cell["subjects"]) == SUBJECTS
    by_metric = {each["metric"]: each for each in cell["comparisons"]}
    assert by_metric["p50"]["ratio"] > 0
    assert "throughput" not in by_metric


@pytest.mark.skipif(not WRK, reason="wrk is not installed")
def test_wrk_in_slices_is_judged_by_its_rounds_too(cells):
    cell = cells["wrk-switched"]
    assert sorted(cell["subjects"]) == SUBJECTS
    by_metric = {each["metric"]: each for each in cell["comparisons"]}
    checks = by_metric["throughput"]["sliced"]
    assert (checks["blocks"], checks["slice_s"]) == (2, 1)
    # A round that would not end in time is not begun, as on a machine with other work.
    assert 2 <= checks["rounds"] <= 4
    assert by_metric["p50"]["ratio"] > 0
    assert by_metric["cpu_service"]["ratio"] > 0


def test_the_rounds_stand_beside_each_ratio_of_throughput(cells):
    by_metric = {each["metric"]: each["sliced"] for each in cells["switched"]["comparisons"]}
    checks = by_metric.pop("throughput")
    assert (checks["blocks"], checks["rounds"], checks["slice_s"]) == (2, 8, 0.2)
    assert sorted(checks["resting"]) == SUBJECTS
    assert set(by_metric.values()) == {None}


def test_slices_that_do_not_follow_each_other_are_found(finished, tmp_path):
    bundle = shutil.copytree(finished.bundle, tmp_path / finished.bundle.name)
    trial = next(bundle.glob("trials/*-tortoise-read-one-switched-*"))

    slices = json.loads((trial / "switchback.json").read_bytes())["slices"]
    others = {"asyncpg": "asyncpg-null", "asyncpg-null": "asyncpg"}
    for each in slices:
        each["after"] = others.get(each["after"], each["after"])
    edit_json(trial / "switchback.json", slices=slices)
    seal_again(bundle)
    problems = verify(bundle).problems
    path = f"trials/{trial.name}/switchback.json"
    assert {(each.code, each.path) for each in problems} == {("generator-mismatch", path)}
    assert all("and it follows a slice of" in each.message for each in problems)


def test_the_report_is_written_where_the_command_says(finished):
    page = Path(finished.told["report"])
    text = page.read_text()
    page.unlink()
    assert "read-one under switched" in text
    assert finished.bundle.name in text
