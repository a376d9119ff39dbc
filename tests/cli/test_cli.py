from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ormlab.base import checkout
from ormlab.cli.output import verdict_exit
from tests.bundle.making import sealed

ORMLAB = str(Path(sys.executable).with_name("ormlab"))


def ormlab(*arguments, code=0):
    answer = subprocess.run(
        [ORMLAB, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert answer.returncode == code, answer.stderr
    return answer


def test_a_clean_bundle_verifies(tmp_path):
    bundle = sealed(tmp_path)
    told = json.loads(ormlab("verify", bundle, "--level", "L1", "--json").stdout)
    assert told["ok"] is True
    assert told["schema"] == "ormlab-verify/1"
    assert told["level"] == "L1"
    assert "L1 of L1" in ormlab("verify", bundle, "--level", "L1").stdout


def test_a_changed_bundle_is_refused_with_every_problem_and_exit_3(tmp_path):
    bundle = sealed(tmp_path)
    (bundle / "extra.txt").write_text("added")
    told = json.loads(ormlab("verify", bundle, "--json", code=3).stdout)
    assert told["ok"] is False
    assert [problem["code"] for problem in told["problems"]] == ["file-extra"]
    assert "file-extra" in ormlab("verify", bundle, code=3).stdout


def test_packing_and_unpacking_come_back_to_the_same_bundle(tmp_path):
    bundle = sealed(tmp_path)
    packed = ormlab("archive", "pack", bundle, tmp_path / "a.tar.zst").stdout.split()
    again = json.loads(ormlab("archive", "pack", bundle, tmp_path / "b.tar.zst", "--json").stdout)
    assert packed[0] == again["sha256"]
    unpacked = ormlab("archive", "unpack", tmp_path / "a.tar.zst", tmp_path / "there").stdout
    assert "L1 of L1" in ormlab("verify", unpacked.strip(), "--level", "L1").stdout


def test_what_is_no_archive_is_refused_with_exit_3(tmp_path):
    (tmp_path / "no.tar.zst").write_text("nothing of the kind")
    answer = ormlab("archive", "unpack", tmp_path / "no.tar.zst", tmp_path, code=3)
    assert answer.stderr.startswith("error: ")
    assert "next:" in answer.stderr


@pytest.mark.parametrize("command", ["run", "judge"])
def test_strict_is_for_claims(command):
    assert "give --ledger" in ormlab(command, "demo", "--strict", code=2).stderr


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        ({"upheld": 3}, 0),
        ({"inconclusive": 1, "upheld": 2}, 5),
        ({"inconclusive": 1, "refuted": 1}, 4),
        ({}, 0),
    ],
)
def test_a_refuted_claim_counts_before_an_open_one(counts, code):
    assert verdict_exit(counts) == code


def test_a_plan_can_be_looked_at_without_touching_a_host():
    told = json.loads(ormlab("plan", "demo", "--json").stdout)
    assert len(told["trials"]) == 32
    assert "32 trials in 8 blocks" in ormlab("plan", "demo").stdout
    headline = ormlab("plan", "headline").stdout
    said = "an estimate, no verdict, for tortoise-pool-5 has no null arm"
    assert f"sqlalchemy / tortoise-pool-5: {said}" in headline
    assert "sqlalchemy / tortoise: an estimate" not in headline
    assert ormlab("plan", "demo", "--yaml").stdout.startswith("schema: resolved-plan/1\n")


def test_an_error_is_one_json_document_too():
    answer = ormlab("plan", "no-such-plan", "--json", code=2)
    told = json.loads(answer.stdout)
    assert told["ok"] is False
    assert told["problems"][0]["code"] == "plan-missing"
    assert told["exit_code"] == 2


@pytest.mark.parametrize("arguments", [["nonsense"], ["run"], ["verify", "x", "--level", "L9"]])
def test_wrong_usage_ends_with_2_and_says_so(arguments):
    answer = ormlab(*arguments, code=2)
    assert "Usage: " in answer.stderr
    assert answer.stdout == ""


def test_a_folder_in_the_place_of_a_plan_is_a_usage_error(tmp_path):
    assert "there is no plan" in ormlab("plan", tmp_path, code=2).stderr


def test_an_archive_that_is_not_there_is_told_by_its_path(tmp_path):
    answer = ormlab("archive", "unpack", tmp_path / "no.tar.zst", tmp_path / "there", code=7)
    assert f"where: {tmp_path / 'no.tar.zst'}" in answer.stderr
    assert "check the path" in answer.stderr


def test_a_bundle_that_is_not_there_is_a_usage_error():
    assert "no such folder" in ormlab("judge", "/nonexistent", code=2).stderr


def test_a_command_that_computes_no_statistics_does_not_wait_for_their_library():
    code = "import sys; from ormlab import plan, verify; print('scipy.stats' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert answer.stdout.strip() == b"False"


def test_the_plans_are_listed_with_what_each_takes_and_needs():
    told = json.loads(ormlab("plans", "--json").stdout)
    by_name = {each["name"]: each for each in told["plans"]}
    assert sorted(by_name) == sorted(path.stem for path in checkout.PLANS.glob("*.yaml"))
    assert by_name["headline"]["programs"] == ["wrk"]
    assert by_name["headline"]["pythons"] == ["3.12"]
    assert by_name["demo"]["programs"] == []
    demo = json.loads(ormlab("plan", "demo", "--json").stdout)
    assert by_name["demo"]["expected_s"] == demo["expected_s"]
    assert by_name["demo"]["title"] in " ".join(ormlab("plans").stdout.split())
