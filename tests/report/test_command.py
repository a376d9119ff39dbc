from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ORMLAB = str(Path(sys.executable).with_name("ormlab"))


@pytest.fixture
def ormlab(tmp_path):
    def run(*arguments):
        command = [ORMLAB, "report", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    return run


def test_a_report_is_written_and_its_conclusion_printed(ormlab, judged, tmp_path):
    told = ormlab(judged, "-o", "page.html")
    assert told.returncode == 0, told.stderr
    conclusion, where = told.stdout.splitlines()
    assert conclusion == json.loads((judged / "derived/results.json").read_bytes())["conclusion"]
    assert where == "report: page.html"
    page = (tmp_path / "page.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "<svg" in page


def test_standard_output_takes_the_report_itself(ormlab, judged):
    told = ormlab(judged, "--markdown", "-o", "-")
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("# ")
    assert "## 9. How to verify it and run it again" in told.stdout


def test_json_says_where_it_was_written_and_what_it_was_made_of(ormlab, judged, tmp_path):
    told = ormlab(judged, "--json", "--markdown", "-o", tmp_path / "deep/page.md")
    document = json.loads(told.stdout)
    assert (document["schema"], document["ok"]) == ("ormlab-report/1", True)
    assert document["report"]["schema"] == "report/1"
    assert Path(document["file"]).read_text().startswith("# ")


def test_json_has_standard_output_for_itself(ormlab, judged):
    told = ormlab(judged, "--json", "-o", "-")
    assert told.returncode == 2
    assert "give -o a file" in told.stderr


def test_a_folder_that_is_no_bundle_is_one_error(ormlab, tmp_path):
    told = ormlab(tmp_path / "nowhere", "--json", "-o", "page.html")
    assert told.returncode == 2
    assert json.loads(told.stdout)["problems"][0]["code"] == "bundle-missing"


def test_a_changed_bundle_gets_no_report(ormlab, bundle):
    (bundle / "host/facts.before.json").write_text("{}")
    told = ormlab(bundle, "-o", "page.html")
    assert told.returncode == 3
    assert "not-verified" in ormlab(bundle, "-o", "page.html", "--json").stdout


def test_a_file_that_cannot_be_written_is_one_error(ormlab, judged, tmp_path):
    (tmp_path / "file").write_text("")
    told = ormlab(judged, "--json", "-o", tmp_path / "file/page.html")
    assert told.returncode == 2
    assert json.loads(told.stdout)["problems"][0]["code"] == "report-unwritten"
