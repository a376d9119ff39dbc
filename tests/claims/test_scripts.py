"""Claims about programs: judged by how a recorded program ended and what it wrote."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from analysis.claims import ClaimVerdict, Runs, judge_claim, outcomes
from bundle.documents.services import ScriptOutcome
from ormlab.judging.ledger import load
from tests.claims.making import ledger, run, runs_claim, stack
from tests.conftest import CHECKOUT

V = ClaimVerdict
CODE = "5a" * 32
PROGRAMS = CHECKOUT / "workloads/scripts"


def script_claim(**script):
    return runs_claim(through="script", script={"name": "one", "program": "p"} | script)


def ended(**changes):
    made = {
        "schema": "script/1",
        "script": "one",
        "printed": None,
        "sha256": CODE,
        "exit_status": 0,
        "reason": None,
        "said": ["first", "last"],
        "seconds": 1.0,
    }
    return msgspec.convert(made | changes, ScriptOutcome)


def judged(claim, outcome, made=None):
    book = ledger(claims={"c": claim})
    scripts = {("a", "one"): outcome} if outcome else {}
    on = replace(run(stacks={"a": made or stack()}, trials={}), scripts=scripts)
    return judge_claim("c", book, on, outcomes(book))


@pytest.mark.parametrize(
    ("script", "outcome", "verdict", "said"),
    [
        ({}, {}, V.UPHELD, "one ends with 0: last"),
        ({"prints": "fir"}, {}, V.UPHELD, "ends with 0"),
        ({"prints": "irst"}, {}, V.REFUTED, "does not print 'irst': last"),
        ({"prints": "first"}, {"said": []}, V.REFUTED, "it wrote nothing"),
        ({}, {"exit_status": 1}, V.REFUTED, "ends with 1: last"),
        ({}, {"exit_status": -9, "said": []}, V.REFUTED, "ends with -9: it wrote nothing"),
        ({}, {"exit_status": None, "reason": "too slow"}, V.NOT_RUN, "the script one: too slow"),
        ({}, {"printed": CODE}, V.INCOMPARABLE, "with other code than the ledger names"),
        (
            {"printed": {"sha256": CODE, "indents": "0"}},
            {"printed": CODE},
            V.UPHELD,
            "ends with 0",
        ),
        ({"printed": {"sha256": CODE, "indents": "0"}}, {}, V.INCOMPARABLE, "other code"),
        ({"arguments": ["x"]}, {"arguments": ["x"]}, V.UPHELD, "ends with 0"),
        ({"arguments": ["x"]}, {"arguments": []}, V.INCOMPARABLE, "with other arguments"),
        ({"arguments": ["x"]}, {}, V.UPHELD, "ends with 0"),  # a record from before they were kept
    ],
)
def test_a_script_must_end_with_0_and_write_what_it_should(script, outcome, verdict, said):
    found = judged(script_claim(**script), ended(**outcome))
    assert found.verdict == verdict, found.why
    assert said in found.why


def test_a_script_that_was_not_run_says_nothing():
    found = judged(script_claim(), None)
    assert found.verdict == V.NOT_RUN
    assert "the script one was not run" in found.why


def test_where_the_stack_does_not_work_its_package_carries_no_script():
    failed = {"package": "asyncpg", "version": "0.29.0", "stage": "install", "reason": "C"}
    alone = {"package": "sqlalchemy", "version": "2.0.21", "ok": True, "extensions": {}}
    broken = stack(ok=False, failures=[failed | {"log": None}], alone=[alone], packages={})
    found = judged(script_claim(), None, broken)
    assert found.verdict == V.REFUTED
    assert "for want of asyncpg" in found.why


def test_the_articles_scripts_have_their_programs_and_no_other_is_shipped():
    scripts = [
        claim.script
        for claim in load("article").ledger.claims.values()
        if isinstance(claim, Runs) and claim.script
    ]
    named = {each.program for each in scripts if each.program}
    shipped = {path.stem for path in PROGRAMS.glob("*.py")} - {"__init__"}
    assert named == shipped
    assert len({each.name for each in scripts}) == len(scripts)
    assert len({each.printed.sha256 for each in scripts if each.printed}) == 5
