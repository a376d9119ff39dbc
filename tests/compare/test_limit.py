"""What --fail-if makes of a judged comparison, and with which exit code the command ends."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from msgspec import structs

from bundle.documents.results import Verdict
from ormlab.base.errors import UsageError
from ormlab.cli.compare import compared
from ormlab.compare import course
from ormlab.compare.limit import Limit, Outcome
from tests.verify import recorded


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """A comparison of the recorded bundle, whose verdict tests change."""
    made = course.read(recorded.make(tmp_path_factory.mktemp("bundles")), "throughput")
    return replace(made, comparisons=made.comparisons[:1])


def word(beginning):
    return next(each for each in Verdict if each.name.startswith(beginning))


def judged(outcome, verdict, interval, better="higher"):
    """A comparison with this verdict and these three: low end, ratio, high end."""
    low, ratio, high = interval
    changes = {"verdict": verdict, "low": low, "ratio": ratio, "high": high, "better": better}
    return structs.replace(outcome.comparisons[0], **changes)


CASES = [
    ("FASTER", (1.1, 1.2, 1.3), "higher", Outcome.KEPT),
    ("SLOWER", (0.8, 0.9, 0.95), "higher", Outcome.EXCEEDED),
    ("SLOWER", (0.94, 0.97, 0.99), "higher", Outcome.KEPT),
    ("SLOWER", (1.05, 1.1, 1.2), "lower", Outcome.EXCEEDED),
    ("SLOWER", (1.01, 1.02, 1.06), "lower", Outcome.KEPT),
    ("NEGLIGIBLE", (0.97, 0.98, 0.99), "higher", Outcome.KEPT),
    ("NEGLIGIBLE", (0.91, 0.94, 0.97), "higher", Outcome.EXCEEDED),
    ("NEGLIGIBLE", (1.03, 1.06, 1.09), "higher", Outcome.KEPT),
    ("EQUIVALENT", (0.97, 1.0, 1.03), "higher", Outcome.KEPT),
    ("EQUIVALENT", (0.9, 0.97, 1.03), "higher", Outcome.UNDECIDED),
    ("INCONCLUSIVE", (0.8, 0.95, 1.1), "higher", Outcome.UNDECIDED),
    ("INCONCLUSIVE", (0.96, 1.0, 1.1), "higher", Outcome.KEPT),
    ("INCONCLUSIVE", (0.9, 1.0, 1.06), "lower", Outcome.UNDECIDED),
    ("INCONCLUSIVE", (0.9, 1.0, 1.04), "lower", Outcome.KEPT),
    ("ESTIMATE", (1.1, 1.2, 1.3), "higher", Outcome.UNDECIDED),
    ("ESTIMATE", (None, 1.2, None), "higher", Outcome.UNDECIDED),
    ("VOID", (1.1, 1.2, 1.3), "higher", Outcome.UNDECIDED),
]
CODES = {Outcome.KEPT: 0, Outcome.EXCEEDED: 9, Outcome.UNDECIDED: 5}


@pytest.mark.parametrize(("verdict", "interval", "better", "due"), CASES)
def test_the_verdict_and_the_interval_decide(outcome, verdict, interval, better, due):
    found = judged(outcome, word(verdict), interval, better)
    limit = Limit(0.05)
    assert limit.judge(found) is due
    printout = compared(replace(outcome, comparisons=(found,)), limit)
    assert int(printout.code) == CODES[due]
    assert printout.result["limit"] == {"slower": 0.05, "outcomes": [due]}


def test_the_command_ends_with_that_code(outcome, capsys):
    slow = judged(outcome, Verdict.SLOWER, (0.7, 0.8, 0.9))
    with pytest.raises(SystemExit) as ended:
        compared(replace(outcome, comparisons=(slow,)), Limit(0.05)).print(as_json=True)
    assert ended.value.code == 9
    assert json.loads(capsys.readouterr().out)["comparisons"][0]["verdict"] == "SLOWER"


def test_one_subject_that_exceeds_the_limit_is_enough(outcome):
    fine = judged(outcome, Verdict.FASTER, (1.1, 1.2, 1.3))
    open_ = judged(outcome, Verdict.ESTIMATE, (0.8, 1.0, 1.2))
    slow = judged(outcome, Verdict.SLOWER, (0.7, 0.8, 0.9))
    assert int(compared(replace(outcome, comparisons=(fine, open_, slow)), Limit(0.05)).code) == 9
    assert int(compared(replace(outcome, comparisons=(fine, open_)), Limit(0.05)).code) == 5
    assert int(compared(replace(outcome, comparisons=(slow,)), None).code) == 0


def test_the_text_is_one_sentence_and_the_place_of_the_bundle(outcome):
    found = judged(outcome, Verdict.SLOWER, (0.7, 0.8, 0.9))
    lines = compared(replace(outcome, comparisons=(found,)), None).text().splitlines()
    assert f"SLOWER: {found.candidate} has 0.80 times the throughput of" in lines[0]
    assert "(95 % interval 0.70 to 0.90" in lines[0]
    assert lines[0].endswith(".")
    assert lines[-1] == f"bundle: {outcome.bundle}"


def test_a_bundle_without_such_a_figure_says_so_and_fails(outcome):
    nothing = course.read(outcome.bundle, "capacity")
    with pytest.raises(SystemExit) as ended:
        compared(nothing, Limit(0.05)).print(as_json=False)
    assert ended.value.code == 8


@pytest.mark.parametrize(
    "text", ["slower", "faster:5%", "slower:5", "slower:0%", "slower:100%", ""]
)
def test_another_form_of_a_limit_is_refused(text):
    with pytest.raises(UsageError) as refused:
        Limit.parse(text)
    assert "slower:5%" in refused.value.hint


def test_a_limit_is_read():
    assert Limit.parse("slower:2.5%") == Limit(0.025)
