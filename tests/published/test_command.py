"""`ormlab import` as its users meet it."""

from __future__ import annotations

import io
import json
import sys

import pytest
import yaml

from tests.cli.inside import ormlab
from tests.published.test_formats import DATA, EXPECTED

WRK, PLAIN = DATA / "wrk-latency.txt", DATA / "wrk-plain.txt"


def refused(*arguments, code=2):
    document = json.loads(ormlab("import", *arguments, "--json", code=code).stdout)
    assert document["ok"] is False
    (problem,) = document["problems"]
    assert problem["hint"]
    return problem


def test_a_table_is_on_trial_in_three_commands(tmp_path):
    ledger = tmp_path / "page.yaml"
    said = ormlab("import", WRK, PLAIN, "-o", ledger).stdout.splitlines()
    assert said[0] == (
        f"{ledger}: 14 claims, 0 with a plan that tests them; on paper 0 incoherent, 0 in doubt."
    )
    assert "10 of 10 checks hold" in said
    assert said[-2:] == [f"  ormlab claims show {ledger}", f"  ormlab reproduce {ledger} --dry-run"]
    assert "14 claims, 0 problems" in ormlab("claims", "lint", ledger).stdout
    assert "throughput 2729.53 req/s" in ormlab("claims", "show", ledger).stdout
    written = yaml.safe_load(ledger.read_text())
    assert written["name"] == "page"
    claim = written["claims"]["wrk-latency.throughput"]
    assert claim.pop("not_run")
    claim["test"] = {"plan": "headline", "workload": "crud", "load": "c500"}
    claim["test"]["arms"] = {"wrk-latency": {"subject": "sqlalchemy"}}
    ledger.write_text(yaml.safe_dump(written, sort_keys=False))
    assert "1 of them tested by 1 plan" in ormlab("reproduce", ledger, "--dry-run").stdout


def test_what_does_not_hold_is_said_first(tmp_path):
    doctored = tmp_path / "doctored.txt"
    doctored.write_text(WRK.read_text().replace("2729.53", "3729.53"))
    said = ormlab("import", doctored, "-o", tmp_path / "l.yaml").stdout
    assert "on paper 1 incoherent, 0 in doubt" in said.splitlines()[0]
    assert said.index("contradicts: doctored.check.rate") < said.index("6 of 7 checks hold")


def test_without_an_output_the_draft_itself_is_printed(monkeypatch):
    printed = ormlab("import", WRK).stdout
    assert yaml.safe_load(printed)["schema"] == "claims-ledger/1"
    stdin = io.TextIOWrapper(io.BytesIO(WRK.read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    document = yaml.safe_load(ormlab("import", "-").stdout)
    assert document["sources"]["file-1"]["locator"] == "standard input"
    claim = document["claims"]["standard-input.throughput"]
    assert claim["value"] == EXPECTED["wrk-latency.txt"][2]["wrk-latency.throughput"]


def test_the_json_document_has_the_ledger_and_what_arithmetic_says():
    document = json.loads(ormlab("import", WRK, "--json").stdout)
    assert (document["schema"], document["ok"], document["file"]) == ("ormlab-import/1", True, None)
    assert yaml.safe_load(document["ledger"])["claims"].keys() == {
        claim["id"] for claim in document["overview"]["claims"]
    }
    (source,) = document["sources"]
    assert (source["format"], source["runs"]) == ("wrk", 1)


def test_a_ledger_that_is_there_is_not_overwritten(tmp_path):
    ledger = tmp_path / "ledger.yaml"
    ledger.write_text("somebody's work")
    assert refused(WRK, "-o", ledger)["code"] == "output-exists"
    assert ledger.read_text() == "somebody's work"


def test_what_no_plan_can_test_is_said(tmp_path):
    said = ormlab("import", DATA / "pgbench.txt", "-o", tmp_path / "l.yaml").stdout
    assert said.splitlines()[-1].endswith("(no plan of the lab can test these claims)")


@pytest.mark.parametrize(
    ("data", "code", "where", "what"),
    [
        (b"", "result-invalid", "r.txt", "the format is unknown"),
        (b"hello\n", "result-invalid", "r.txt", "the format is unknown"),
        (b'{"metrics": {}', "result-invalid", "r.txt", "begins like JSON and is none"),
        (b'{"metrics": {}, "root_group": 1}', "result-invalid", "r.txt", "no http_reqs"),
        (b"ab\n\xff\xfe\n", "result-invalid", "r.txt:2", "neither UTF-8 nor UTF-16"),
        (WRK.read_bytes()[:300], "result-invalid", "r.txt:9", "no line 'Requests/sec'"),
        (WRK.read_bytes().replace(b"3.18ms", b"nanms"), "result-invalid", "", "no line 'Latency'"),
    ],
    ids=["empty", "another text", "cut JSON", "no requests", "bytes", "cut text", "not a number"],
)
def test_a_file_that_is_no_result_is_one_clear_error(data, code, where, what, tmp_path):
    path = tmp_path / "r.txt"
    path.write_bytes(data)
    problem = refused(path)
    assert problem["code"] == code
    assert problem["where"].startswith(f"{tmp_path}/{where}")
    assert what in problem["what"]


def test_a_file_of_one_format_is_not_read_as_another():
    problem = refused(DATA / "hey.txt", "--format", "pgbench")
    assert "the output of pgbench has no line 'number of clients'" in problem["what"]
    assert "another --format" in problem["hint"]
    assert "there is no format 'ab'" in ormlab("import", WRK, "--format", "ab", code=2).stderr


def test_what_is_no_file_is_told(tmp_path):
    assert refused(tmp_path / "none.txt")["code"] == "result-missing"
    assert refused("/dev/zero")["code"] == "result-unreadable"
    assert "a file stands there twice" in ormlab("import", WRK, WRK, code=2).stderr
