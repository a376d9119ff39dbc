"""The commands as their users meet them."""

from __future__ import annotations

import json

import pytest

from tests.archive import making as archives
from tests.archive.conftest import SECRET
from tests.bundle import making
from tests.cli.inside import ormlab


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "archive"


@pytest.fixture
def add(folder, tmp_path):
    def run(*more, **expected):
        bundle = tmp_path / "bundles" / making.NAME
        if not bundle.exists():
            archives.measured(tmp_path / "bundles")
        return ormlab("archive", "add", bundle, "--archive", folder, *more, **expected)

    return run


def told(*arguments, code=0):
    document = json.loads(ormlab(*arguments, "--json", code=code).stdout)
    assert document["ok"] == (code == 0)
    return document


def test_a_bundle_is_added_listed_shown_and_verified(add, folder):
    assert f"{making.NAME} added" in add().stdout
    assert "nothing to do" in add().stdout
    assert json.loads(add("--json").stdout)["outcome"] == "present"
    assert "holds 1 of the 1 bundle" in ormlab("archive", "list", "--archive", folder).stdout
    (entry,) = told("archive", "list", "--archive", folder)["entries"]
    assert told("archive", "show", "2026", "--archive", folder).items() >= entry.items()
    assert "is whole" in ormlab("archive", "verify", "--archive", folder).stdout


def test_a_broken_archive_is_told_with_its_codes_and_exit_3(add, folder):
    add()
    (folder / "index.jsonl").write_text("")
    (problem,) = told("archive", "verify", "--archive", folder, code=3)["problems"]
    assert problem["code"] == "index-truncated"
    assert "is broken" in ormlab("archive", "verify", "--archive", folder, code=3).stdout


def test_push_and_pull_by_the_command_line_to_s3_never_print_a_credential(
    add, folder, s3, tmp_path
):
    add()
    answers = [
        ormlab("archive", "push", "--to", s3.url, "--archive", folder),
        ormlab("archive", "push", "--to", s3.url, "--archive", folder, "--json"),
        ormlab("archive", "pull", "2026", "--from", s3.url, "--archive", tmp_path / "there"),
        ormlab("archive", "pull", "2027", "--from", s3.url, "--archive", tmp_path / "t", code=2),
    ]
    assert "1 bundle stored" in answers[0].stdout
    assert "fetched" in answers[2].stdout
    for answer in answers:
        assert SECRET not in answer.stdout + answer.stderr
    assert "is whole" in ormlab("archive", "verify", "--archive", tmp_path / "there").stdout


def test_a_store_that_is_not_there_is_told_without_the_words_of_its_library(tmp_path):
    answer = ormlab("archive", "pull", "--all", "--from", tmp_path / "nowhere", code=7)
    assert answer.stderr.startswith("error: there is no store\n")


def test_pull_wants_ids_or_all_and_not_both(tmp_path):
    ormlab("archive", "pull", "--from", tmp_path, code=2)
    ormlab("archive", "pull", "2026", "--all", "--from", tmp_path, code=2)


def test_the_catalog_is_built_and_asked(add, folder):
    add()
    where = ("--archive", folder)
    assert "missing" in told("catalog", "query", "SELECT 1", *where, code=2)["problems"][0]["code"]
    assert told("catalog", "build", *where)["bundles"] == 1
    what = "SELECT subject, max(value) AS best, 1.0 / 0 AS odd FROM trials"
    sql = f"{what} WHERE metric = 'throughput' GROUP BY ALL ORDER BY ALL"
    assert told("catalog", "query", sql, *where)["rows"] == [
        {"subject": "asyncpg", "best": 1003.0, "odd": None},
        {"subject": "asyncpg-null", "best": 1004.0, "odd": None},
    ]
    lines = ormlab("catalog", "query", sql, "--csv", *where).stdout.splitlines()
    assert lines[:2] == ["subject,best,odd", "asyncpg,1003.0,"]
    assert "asyncpg-null" in ormlab("catalog", "query", sql, *where).stdout


def test_a_trend_is_told_by_bundle(add, folder):
    add()
    ormlab("catalog", "build", "--archive", folder)
    asked = ("catalog", "trend", "throughput", "--subject", "asyncpg", "--archive", folder)
    (series,) = told(*asked)["series"]
    assert [(point["value"], point["trials"]) for point in series["points"]] == [(1002.0, 2)]
    assert "1 bundle, 0 changes of level" in ormlab(*asked).stdout
