"""The single file for strangers finds what the lab finds, with the standard library alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent import interpreters
from bundle import verify_bundle
from bundle.codes import CODES, FILE_LEVELS
from bundle.seal import CHECKS
from bundle.verify import verify
from tests.bundle import making
from tests.bundle.breaking import CASES
from tests.verify import recorded
from tests.verify.mutations import MUTATIONS

PROGRAM = Path(verify_bundle.__file__)


def told(bundle, *options, python=sys.executable):
    answer = subprocess.run(
        [python, "-I", "-S", PROGRAM, bundle, "--json", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode in (0, 3), answer.stderr
    document = json.loads(answer.stdout)
    assert document["ok"] == (answer.returncode == 0) == (not document["problems"])
    return document["problems"]


def found(problems):
    return sorted((each["code"], each["level"], each["where"]) for each in problems)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.apply.__name__)
def test_it_finds_what_the_lab_finds_at_l1(tmp_path, case):
    bundle = making.sealed(tmp_path)
    bundle = case.apply(bundle) or bundle
    ours = sorted((p.code, p.level, p.path) for p in verify(bundle, "L1").problems)
    assert found(told(bundle)) == ours


def test_a_whole_bundle_and_its_index_are_accepted_under_every_option(made):
    assert told(made) == []
    assert told(made, "--index", made.parent / "index.jsonl") == []
    text = subprocess.run(
        [sys.executable, "-I", "-S", PROGRAM, made], capture_output=True, text=True, check=True
    )
    assert text.stdout.startswith("nothing was changed since the seal")


@pytest.mark.parametrize(
    "mutation", [each for each in MUTATIONS if each.level == "L4"], ids=lambda each: each.name
)
def test_it_finds_in_the_index_what_the_lab_finds(bundle, mutation):
    mutation.apply(bundle)
    index = bundle.parent / "index.jsonl"
    assert {each["code"] for each in told(bundle, "--index", index)} == mutation.codes


def test_an_index_that_is_not_there_is_a_problem_and_no_crash(made, tmp_path):
    problems = told(made, "--index", tmp_path / "index.jsonl")
    assert [each["code"] for each in problems] == ["index-unreadable"]


def test_wrong_usage_ends_with_2():
    answer = subprocess.run([sys.executable, "-I", "-S", PROGRAM], capture_output=True, check=False)
    assert answer.returncode == 2


def test_its_codes_stand_against_the_levels_of_the_table():
    for name, code in CODES.items():
        if code.level in FILE_LEVELS:
            assert verify_bundle._level(name) == code.level
    assert {verify_bundle._level(name) for name in ("index-broken", "anchor-missing")} == {"L4"}


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12"])
def test_it_runs_on_older_interpreters(made, tmp_path, version):
    python = interpreters.find(version)
    if python is None:
        pytest.skip(f"there is no CPython {version} here")
    assert told(made, python=python) == []
    bundle = recorded.copy(made, tmp_path)
    (bundle / "README.md").unlink()
    assert [each["code"] for each in told(bundle, python=python)] == ["file-missing"]


def test_a_bundle_does_not_bring_its_own_verifier(made):
    assert not list(made.rglob("*.py"))
    assert CHECKS in (made / "README.md").read_text()
