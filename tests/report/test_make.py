from __future__ import annotations

import json

import pytest

from analysis import report
from bundle.errors import RecordError
from bundle.format import Tool
from ormlab.judging import judge
from ormlab.judging import report as reports
from tests.bundle.making import relist, reseal
from tests.report import recorded

OURS = Tool(version="0.1.0", commit="c" * 40, dirty=False)


@pytest.fixture
def clean(monkeypatch):
    """The program stands in a commit, whatever is being worked on."""
    monkeypatch.setattr(judge, "tool", lambda: OURS)


@pytest.fixture
def calls(monkeypatch):
    """By which ledgers results were computed anew."""
    seen = []
    derive = judge.derive

    def spy(bundle, ledger=None):
        seen.append(ledger and ledger.ledger.name)
        return derive(bundle, ledger)

    monkeypatch.setattr(judge, "derive", spy)
    return seen


@pytest.mark.usefixtures("clean")
def test_a_bundle_that_nobody_judged_gets_the_report_of_one_that_was(bundle, calls):
    claims = recorded.ledger()
    anew = reports.make(bundle, claims)
    judge.judge(bundle, claims)
    assert calls == ["report", "report"]
    stored = reports.make(bundle, claims)
    assert reports.make(bundle).data == stored.data
    assert calls == ["report", "report"]
    assert report.html(anew) == report.html(stored)
    assert report.markdown(anew) == report.markdown(stored)


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("change", [{"commit": "d" * 40}, {"dirty": True}, {"version": "9"}])
def test_results_of_another_program_are_computed_anew(bundle, calls, monkeypatch, change):
    judge.judge(bundle)
    values = {name: getattr(OURS, name) for name in OURS.__struct_fields__}
    monkeypatch.setattr(judge, "tool", lambda: Tool(**(values | change)))
    reports.make(bundle)
    assert calls == [None, None]


@pytest.mark.usefixtures("clean")
def test_verdicts_by_another_ledger_are_computed_anew(bundle, calls):
    judge.judge(bundle)
    claims = recorded.ledger()
    verdicts = reports.make(bundle, claims).data["verdicts"]
    assert verdicts["ledger"]["sha256"] == claims.sha256
    assert calls == [None, "report"]


def test_nothing_is_stored_in_the_bundle(bundle):
    before = sorted(bundle.rglob("*"))
    reports.make(bundle)
    assert sorted(bundle.rglob("*")) == before


def test_a_sealed_bundle_that_holds_something_else_is_one_error(bundle):
    (bundle / "host/drift.json").write_text(json.dumps([1, 2]))
    relist(bundle)
    reseal(bundle)
    with pytest.raises(RecordError, match="no report can be made of it"):
        reports.make(bundle)


def test_a_file_is_written_whole(tmp_path):
    target = reports.store("text\n", tmp_path / "deep/page.html")
    assert target.read_bytes() == b"text\n"
    assert [each.name for each in target.parent.iterdir()] == ["page.html"]
