"""A run whose load switches between subjects that are alive together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bundle import typed
from bundle.generators.switchback import Switchback
from bundle.read import Bundle
from ormlab.verify import verify
from tests.bundle.making import edit_json
from tests.run import shared
from tests.verify.recorded import seal_again

SUBJECTS = ["asyncpg", "asyncpg-null", "tortoise"]


def switched(plan):
    keys = {"connections": 8, "warmup_s": 0.2, "duration_s": 0.8, "slice_s": 0.2}
    plan["loads"] = {"switched": {"generator": "client-switchback", **keys}}
    plan["null_arm"] = "asyncpg"


@pytest.fixture(scope="module")
def finished(tmp_path_factory, lab_root):
    base = tmp_path_factory.getbasetemp()
    return shared.finished(base, lab_root, "switched", switched, flags=["--report"])


@pytest.fixture(scope="module")
def trials(finished):
    return Bundle.open(finished.bundle, level="L1").trials


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


def test_every_subject_has_a_slice_in_every_round(trials):
    for trial in trials:
        report = typed.read(trial.path, Switchback)
        assert report.failure is None
        assert [each.round for each in report.slices] == [1, 2, 3, 4]
        assert sorted(report.spec.subjects) == SUBJECTS
        assert report.spec.subject == trial.record.subject


def test_the_results_compare_them_block_by_block(finished):
    results = json.loads((finished.bundle / "derived/results.json").read_bytes())
    (cell,) = results["cells"]
    assert sorted(cell["subjects"]) == SUBJECTS
    throughput = next(each for each in cell["comparisons"] if each["metric"] == "throughput")
    assert (throughput["blocks"], throughput["dropped"]) == (2, [])


def test_the_rounds_stand_beside_each_ratio_of_throughput(finished):
    results = json.loads((finished.bundle / "derived/results.json").read_bytes())
    by_metric = {each["metric"]: each["sliced"] for each in results["cells"][0]["comparisons"]}
    checks = by_metric.pop("throughput")
    assert (checks["blocks"], checks["rounds"], checks["slice_s"]) == (2, 8, 0.2)
    assert sorted(checks["resting"]) == SUBJECTS
    assert set(by_metric.values()) == {None}


def test_slices_that_do_not_follow_each_other_are_found(finished, tmp_path):
    bundle = shutil.copytree(finished.bundle, tmp_path / finished.bundle.name)
    trial = next(bundle.glob("trials/*-tortoise-*"))

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
