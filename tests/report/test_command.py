from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import pytest

from tests.cli import inside


@pytest.fixture
def ormlab(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return partial(inside.ormlab, "report")


def test_a_report_is_written_and_its_conclusion_printed(ormlab, sealed, tmp_path):
    told = ormlab(sealed, "-o", "page.html")
    conclusion, where = told.stdout.splitlines()
    assert where == "report: page.html"
    page = (tmp_path / "page.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    lead = page.partition('<p class="lead">')[2].partition("</p>")[0]
    assert re.sub(r"<[^>]+>", "", lead) == conclusion


def test_standard_output_takes_the_report_itself(ormlab, sealed):
    told = ormlab(sealed, "--markdown", "-o", "-")
    assert told.stdout.startswith("# ")
    assert "## 10. How to verify it and run it again" in told.stdout


def test_json_says_where_it_was_written_and_what_it_was_made_of(ormlab, sealed, tmp_path):
    told = ormlab(sealed, "--json", "--markdown", "-o", tmp_path / "deep/page.md")
    document = json.loads(told.stdout)
    assert (document["schema"], document["ok"]) == ("ormlab-report/1", True)
    assert document["report"]["schema"] == "report/1"
    assert Path(document["file"]).read_text().startswith("# ")


def test_json_has_standard_output_for_itself(ormlab, sealed):
    told = ormlab(sealed, "--json", "-o", "-", code=2)
    assert "give -o a file" in told.stderr


def test_a_folder_that_is_no_bundle_is_one_error(ormlab, tmp_path):
    told = ormlab(tmp_path / "nowhere", "--json", "-o", "page.html", code=2)
    assert json.loads(told.stdout)["problems"][0]["code"] == "bundle-missing"


def test_a_ledger_that_is_not_there_is_one_error(ormlab, sealed):
    told = ormlab(sealed, "--ledger", "nowhere", "--json", code=2)
    assert json.loads(told.stdout)["problems"][0]["code"] == "ledger-missing"


def test_a_changed_bundle_gets_no_report(ormlab, bundle):
    (bundle / "host/facts.before.json").write_text("{}")
    told = ormlab(bundle, "-o", "page.html", "--json", code=3)
    assert json.loads(told.stdout)["problems"][0]["code"] == "not-verified"


def test_a_file_that_cannot_be_written_is_one_error(ormlab, sealed, tmp_path):
    (tmp_path / "file").write_text("")
    told = ormlab(sealed, "--json", "--markdown", "-o", tmp_path / "file/page.md", code=2)
    assert json.loads(told.stdout)["problems"][0]["code"] == "report-unwritten"
