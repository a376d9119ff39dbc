"""The text of a comment: the verdict first, escaped, and no longer than GitHub takes it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from msgspec import structs

from analysis.tables import markdown as rendering
from analysis.tables import results as tables
from analysis.tables.work import changed
from bundle.documents.results import Verdict
from ormlab.compare import course
from ormlab.compare.comment import Occasion, markdown
from ormlab.compare.limit import Limit
from tests.action import hub as hubs
from tests.cli.inside import ormlab

OCCASION = Occasion("compare")


@pytest.fixture(scope="module")
def outcome(bundle):
    made = course.read(bundle, "throughput")
    return replace(made, comparisons=made.comparisons[:1])


def judged(outcome, verdict, low, ratio, high):
    found = structs.replace(
        outcome.comparisons[0], verdict=verdict, low=low, ratio=ratio, high=high, detectable=0.035
    )
    return replace(outcome, comparisons=(found,))


@pytest.mark.parametrize(
    ("verdict", "interval", "said"),
    [
        (Verdict.SLOWER, (0.8, 0.9, 0.94), "**Beyond the limit: slower by 5 % or more.**"),
        (Verdict.SLOWER, (0.96, 0.97, 0.98), "Within the limit: not slower by 5 % or more."),
        (Verdict.EQUIVALENT, (0.98, 1.0, 1.02), "Within the limit: not slower by 5 % or more."),
        (Verdict.INCONCLUSIVE, (0.8, 0.97, 1.1), "**Undecided: this run can neither show nor"),
    ],
)
def test_the_verdict_comes_first_then_the_limit_and_what_the_run_finds(
    outcome, verdict, interval, said
):
    text = markdown(judged(outcome, verdict, *interval), Limit(0.05), OCCASION)
    marker, heading, sentence, limit, found, *_ = text.split("\n\n")
    assert marker == "<!-- ormlab comment compare -->"
    assert heading == f"### {outcome.comparisons[0].candidate}: {verdict}"
    assert f"{verdict}: " in sentence
    assert limit.startswith(said)
    assert found.startswith("Nine in ten runs like this one find a difference of 3.5 %")


def test_without_a_limit_nothing_is_said_of_one(outcome):
    assert "limit" not in markdown(outcome, None, OCCASION)


def test_it_says_where_the_bundle_is_and_what_was_measured(outcome):
    occasion = Occasion("compare", "https://example.org/artifacts/1", "0123456789abcdef")
    text = markdown(outcome, None, occasion)
    bundle = outcome.results.bundle
    line = f"Bundle: [{bundle}](https://example.org/artifacts/1), measured of 0123456789ab."
    assert line in text.split("\n\n")
    assert f"Bundle: {bundle}." in markdown(outcome, None, OCCASION).split("\n\n")


def test_it_has_the_tables_that_every_other_page_has(outcome):
    text = markdown(outcome, None, OCCASION)
    for cell in outcome.results.cells:
        assert rendering.table(tables.comparisons(cell)) in text
        assert rendering.table(tables.costs(cell)) in text


def with_work(outcome, work):
    cell = structs.replace(outcome.results.cells[0], work=work)
    return replace(outcome, results=structs.replace(outcome.results, cells=[cell]))


def test_sql_that_changed_is_a_table_and_a_diff(outcome):
    (work,) = outcome.results.cells[0].work
    assert changed(work).rows
    text = markdown(with_work(outcome, [work]), None, OCCASION)
    assert rendering.table(changed(work)) in text
    fenced = text.partition("```diff\n")[2].partition("\n```")[0].splitlines()
    assert fenced[0] == f"# one {work.operations[0].operation}"
    before = [each.text for each in work.operations[0].baseline.statements]
    assert all(f"-{text}" in fenced or f" {text}" in fenced for text in before)
    assert any(line.startswith("-SELECT") for line in fenced)
    assert any(line.startswith("+SELECT") for line in fenced)


def test_counts_that_differ_with_the_same_sql_are_shown_too(outcome):
    (work,) = outcome.results.cells[0].work
    pair = work.operations[0]
    more = structs.replace(pair.baseline, round_trips_per_request=3.0)
    again = structs.replace(pair, sql="same", candidate=more)
    work = structs.replace(work, operations=[again])
    text = markdown(with_work(outcome, [work]), None, OCCASION)
    now = f"{pair.baseline.round_trips_per_request:g}"
    assert f"| {now} to 3 |" in text


def test_sql_that_did_not_change_is_one_sentence(outcome):
    (work,) = outcome.results.cells[0].work
    same = [structs.replace(each, sql="same", candidate=each.baseline) for each in work.operations]
    text = markdown(with_work(outcome, [structs.replace(work, operations=same)]), None, OCCASION)
    assert "send the same statements in the same round trips" in text
    assert "```diff" not in text


def test_other_answers_are_said_plainly(outcome):
    (work,) = outcome.results.cells[0].work
    odd = structs.replace(work, answers="different", differences=["read-user: status 200 and 404"])
    text = markdown(with_work(outcome, [odd]), None, OCCASION)
    assert "answer differently: read-user: status 200 and 404" in text


def test_text_of_the_bundle_is_no_markup_and_notifies_nobody(outcome):
    results = structs.replace(
        outcome.results,
        weaknesses=["@acme/everyone see #1", "<img src=x> [a](https://e.org)\n# b", "\u202e|`x`"],
    )
    text = markdown(replace(outcome, results=results), None, OCCASION)
    last = text.rstrip("\n").splitlines()[-1]
    assert last == (
        "What weakens this: @<!-- -->acme/everyone see \\#<!-- -->1; "
        "&lt;img src=x&gt; \\[a\\](https://e.org) \\#<!-- --> b; \\\\u202e\\|\\`x\\`."
    )


def test_a_fence_of_a_statement_does_not_end_the_block(outcome):
    (work,) = outcome.results.cells[0].work
    pair = work.operations[0]
    statement = structs.replace(pair.candidate.statements[0], text="SELECT '```\n@all'")
    odd = structs.replace(pair.candidate, statements=[statement])
    work = structs.replace(work, operations=[structs.replace(pair, candidate=odd)])
    text = markdown(with_work(outcome, [work]), None, OCCASION)
    assert "````diff\n" in text
    assert text.count("\n````\n") == 1


def test_it_is_never_longer_than_github_takes_it(outcome):
    weaknesses = ["x" * 1000] * 100
    results = structs.replace(outcome.results, weaknesses=weaknesses)
    text = markdown(replace(outcome, results=results), Limit(0.05), OCCASION)
    assert len(text) < hubs.LONGEST
    assert text.endswith("the report in the artifact has it.\n")


def test_the_command_prints_it_and_ends_as_the_limit_says(bundle, outcome):
    said = ormlab("comment", bundle, "--fail-if", "slower:5%", "--link", "https://e.org/1", code=5)
    assert said.stdout.startswith("<!-- ormlab comment compare -->\n\n### ")
    told = json.loads(ormlab("comment", bundle, "--name", "other", "--json").stdout)
    assert told["schema"] == "ormlab-comment/1"
    assert told["markdown"].startswith("<!-- ormlab comment other -->")
    assert told["comment"] is None
    assert len(told["comparisons"]) >= len(outcome.comparisons)


@pytest.mark.parametrize(
    "wrong",
    [
        ("--name", "--> <b>"),
        ("--link", "javascript:alert(1)"),
        ("--link", "https://e.org/)"),
        ("--fail-if", "slower"),
    ],
)
def test_a_mistake_is_refused(bundle, wrong):
    assert "Traceback" not in ormlab("comment", bundle, *wrong, code=2).stderr


def test_the_command_posts_it_and_replaces_it(bundle, hub, tmp_path, monkeypatch):
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7, "head": {"sha": "a" * 40}}}))
    monkeypatch.setenv("GITHUB_REPOSITORY", hubs.REPOSITORY)
    monkeypatch.setenv("GITHUB_API_URL", hub.url)
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    assert "GITHUB_TOKEN" in ormlab("comment", bundle, "--post", code=2).stderr
    monkeypatch.setenv("GITHUB_TOKEN", hubs.TOKEN)
    for _ in range(2):
        said = ormlab("comment", bundle, "--post")
        (comment,) = hub.comments[7]
        assert comment["body"] == said.stdout
        assert "measured of aaaaaaaaaaaa." in comment["body"]
        assert f"comment: {comment['html_url']}" in said.stderr
