"""A draft is a ledger without problems, and its arithmetic tells a sound table from another."""

from __future__ import annotations

import json
import re

import pytest

from analysis.claims import outcomes
from ormlab.judging import ledger as ledgers
from ormlab.judging.verdicts import overview
from tests.published.test_formats import DATA, EXPECTED, draft, text


def told(*names, **options):
    """What arithmetic says of each claim of a draft."""
    shown = overview(draft(*names, **options).ledger)
    return {claim.id: claim.arithmetic for claim in shown.claims}


def outcome(made, check):
    (found,) = [each for each in outcomes(made.ledger.ledger) if each.check == check]
    return found.outcome


@pytest.mark.parametrize("name", EXPECTED)
def test_a_draft_passes_lint_and_no_sound_file_is_incoherent(name, tmp_path):
    made = draft(name)
    path = tmp_path / "ledger.yaml"
    path.write_text(made.text)
    ledger, problems = ledgers.examine(path)
    assert problems == []
    assert ledger == made.ledger.ledger
    assert ledger.checks
    assert "incoherent" not in told(name).values()
    assert "contradicts" not in {str(each.outcome) for each in outcomes(ledger)}


def test_what_a_file_says_is_stated_and_what_nobody_says_is_unknown():
    conditions = draft("wrk-latency.txt").ledger.ledger.conditions
    stated = {name: leaf.value for name, leaf in conditions["wrk-latency"].items()}
    expected = {"generator": "wrk", "connections": 8, "threads": 2, "duration-s": 2}
    assert stated.items() >= expected.items()
    assert {leaf.status for leaf in conditions["wrk-latency"].values()} == {"stated"}
    unknown = conditions["unknown"]
    assert {"cpu", "python", "postgresql", "users", "workers", "pool-size"} <= unknown.keys()
    for leaf in unknown.values():
        assert (leaf.status, leaf.value) == ("unknown", None)
        assert leaf.note == "the file does not say"


def test_connections_that_wrk_left_out_are_told_and_bind_the_plan(tmp_path):
    """-t12 -c400 opens 396."""
    written = text("wrk-latency.txt")
    asked = "2 threads and 8 connections"
    assert asked in written
    path = tmp_path / "wrk.txt"
    path.write_text(written.replace(asked, "12 threads and 400 connections"))
    stated = draft(path).ledger.ledger.conditions["wrk"]
    opened, connections = stated["opened"], stated["connections"]
    assert (opened.value, opened.status, opened.material) == (396, "inferred", True)
    assert (opened.reading, opened.note) == (
        "load.opened",
        "wrk opens threads x (connections // threads)",
    )
    assert (connections.value, connections.material) == (400, False)
    whole = draft("wrk-latency.txt").ledger.ledger.conditions["wrk-latency"]
    assert "opened" not in whole
    assert whole["connections"].material


def test_littles_law_knows_the_window_of_the_run():
    check = draft("wrk-latency.txt").ledger.ledger.checks["wrk-latency.check.littles-law"]
    assert check.seconds.value == pytest.approx(2.0, abs=0.1)


def test_the_longest_latency_and_the_deviation_are_claims_that_a_run_may_test():
    claims = draft("wrk-latency.txt").ledger.ledger.claims
    kinds = {name: claims[f"wrk-latency.{name}"].kind for name in ("latency-max", "latency-stdev")}
    assert kinds == {"latency-max": "absolute", "latency-stdev": "absolute"}


def test_what_a_suite_says_of_its_machine_and_packages_is_stated():
    stated = draft("asv.json").ledger.ledger.conditions["asv"]
    assert stated["cpu"].value == "Made-up CPU 3000"
    assert stated["python"].value == "3.12"
    assert (stated["package.sqlalchemy"].value, stated["package.sqlalchemy"].material) == (
        "2.0.44",
        True,
    )


# By file: a figure that somebody changed, and the claims that cannot stand then.
DOCTORED = {
    "wrk-latency.txt": {
        "Requests/sec:   2729.53": ("Requests/sec:   3729.53", {"throughput"}),
        "50%    2.38ms": ("50%    4.99ms", {"p50"}),
        "99%   13.40ms": ("99%   40.00ms", {"p99", "latency-max"}),
        "    3.18ms    2.57ms  33.96ms": (
            "   43.18ms    2.57ms  33.96ms",
            {"latency-mean", "latency-max"},
        ),
    },
    "wrk2.txt": {"Requests/sec:   1998.32": ("Requests/sec:   1898.32", {"throughput"})},
    "oha.txt": {"99.00% in 0.0394 sec": ("99.00% in 0.0094 sec", {"p99"})},
    "oha.json": {'"p50": 0.0187': ('"p50": 0.0287', {"p50"})},
    "hey.txt": {"Requests/sec:	2103.8040": ("Requests/sec:	2203.8040", {"throughput"})},
    "bombardier.txt": {"90%    36.80ms": ("90%    56.80ms", {"p90", "p99"})},
    "bombardier.json": {'"99":71030}},"rps"': ('"99":41030}},"rps"', {"p90", "p99"})},
    "k6-summary.json": {'"rate": 603.8968342': ('"rate": 703.8968342', {"throughput"})},
    "k6-export.json": {'"p(90)": 27.8116': ('"p(90)": 17.8116', {"p50", "p90"})},
}  # fmt: skip
CHANGES = [(name, old, *new) for name, each in DOCTORED.items() for old, new in each.items()]


@pytest.mark.parametrize(("name", "old", "new", "wrong"), CHANGES)
def test_a_figure_that_was_changed_makes_its_claim_incoherent(name, old, new, wrong, tmp_path):
    assert text(name).count(old) == 1
    path = tmp_path / name
    path.write_text(text(name).replace(old, new))
    found = told(path)
    incoherent = {claim.partition(".")[2] for claim, said in found.items() if said == "incoherent"}
    assert incoherent == wrong


# By file: a figure, and the claim that is in doubt then, because not all of it is stated.
DOUBTED = {
    ("bombardier.txt", "Latency       29.96ms", "Latency       79.96ms", "latency-mean"),
    ("bombardier.txt", "Reqs/sec      4173.62", "Reqs/sec      8173.62", "throughput"),
    ("hey.txt", "hey -z 2s -c 8", "hey -z 2s -c 4", "latency-mean"),
    ("oha.txt", "-c 50", "-c 20", "latency-mean"),
    ("k6-summary.json", '"max": 15}}\n', '"max": 9}}\n', "latency-mean"),
    ("pgbench-progress.txt", "average = 0.282 ms", "average = 0.582 ms", "latency-mean"),
}


@pytest.mark.parametrize(("name", "old", "new", "doubtful"), sorted(DOUBTED))
def test_figures_that_do_not_fit_the_connections_are_in_doubt(name, old, new, doubtful, tmp_path):
    assert old in text(name)
    path = tmp_path / name
    path.write_text(text(name).replace(old, new))
    before, after = told(name), told(path)
    stem = re.sub(r"\..*", "", name)
    assert (before[f"{stem}.{doubtful}"], after[f"{stem}.{doubtful}"]) == ("", "in doubt")


# Requests a second x mean latency are 1.25 times the connections: a set of 8 that is under way at
# an end of the run is a third of 24 requests, and nothing of 24,000.
@pytest.mark.parametrize(
    ("answers", "total", "expected"), [(24, "0.0300", "holds"), (24_000, "30.0000", "doubtful")]
)
def test_requests_under_way_at_the_ends_of_a_run_break_no_law(answers, total, expected, tmp_path):
    changed = text("hey.txt")
    for old, new in {
        "Total:	2.0073 secs": f"Total:	{total} secs",
        "Average:	0.0038 secs": "Average:	0.0125 secs",
        "Requests/sec:	2103.8040": "Requests/sec:	800.0000",
        "4223 responses": f"{answers} responses",
    }.items():
        assert changed.count(old) == 1
        changed = changed.replace(old, new)
    path = tmp_path / "hey.txt"
    path.write_text(changed)
    assert outcome(draft(path), "hey.check.littles-law") == expected


def test_errors_of_one_text_in_several_lines_all_count(tmp_path):
    path = tmp_path / "oha.txt"
    lines = "\nError distribution:\n  [3] timed out\n  [4] timed out\n"
    path.write_text(text("oha.txt") + lines)
    assert draft(path).ledger.ledger.claims["oha.errors"].value == 7


def test_connections_that_nobody_tells_leave_littles_law_open_until_somebody_fills_them_in():
    made = draft("oha.json")
    assert outcome(made, "oha.check.littles-law") == "undecided"
    made.ledger.ledger.conditions["unknown"]["connections"] = made.ledger.ledger.conditions[
        "unknown"
    ]["connections"].model_copy(update={"value": 50, "status": "stated"})
    assert outcome(made, "oha.check.littles-law") == "holds"


@pytest.mark.parametrize(
    ("name", "claim", "reason"),
    [
        ("wrk-errors.txt", "wrk-errors.throughput", "1976 of the 2375 answers had another status"),
        ("bombardier.json", "bombardier.throughput", "110 of 34212 requests had no answer"),
        ("pgbench.txt", "pgbench.latency-mean", "measures no latency without -P"),
        ("k6-summary.json", "k6-summary.throughput", "counts failed requests"),
    ],
)
def test_a_doubtful_method_is_told(name, claim, reason):
    assert told(name)[claim] == "in doubt"
    checks = outcomes(draft(name).ledger.ledger)
    assert [each for each in checks if reason in each.what and claim in each.concerns]


@pytest.mark.parametrize("counted", [True, False])
def test_requests_that_oha_gives_up_at_its_end_convict_nobody(counted, tmp_path):
    """Its versions differ in whether the rate counts them; more than a few are a doubt."""
    document = json.loads(text("oha.json"))
    document["errorDistribution"] = {"aborted due to deadline": 500}
    document["summary"]["requestsPerSec"] = (13500 if counted else 13000) / 5.0021
    path = tmp_path / "oha.json"
    path.write_text(json.dumps(document))
    made = draft(path)
    assert outcome(made, "oha.check.rate") == "holds"
    assert told(path)["oha.throughput"] == "in doubt"
    assert told("oha.json")["oha.throughput"] == ""


def test_a_latency_that_wrk_changed_before_it_printed_says_so():
    claims = draft("wrk-latency.txt").ledger.ledger.claims
    added = {name for name, claim in claims.items() if "wrk adds samples" in claim.note}
    assert added == claims.keys() - {"wrk-latency.throughput", "wrk-latency.latency-max"}


def test_a_claim_says_in_words_what_was_printed():
    said = {
        name: claim.says for name, claim in draft("wrk-errors.txt").ledger.ledger.claims.items()
    }
    assert said["wrk-errors.throughput"] == "wrk-errors: 2,364.97 requests a second"
    assert said["wrk-errors.p99"] == "wrk-errors: 99 % of the latencies are at most 10.5 ms"
    assert said["wrk-errors.errors-status"] == "wrk-errors: 1,976 answers (status) went wrong"


def test_files_are_compared_with_each_other():
    ledger = draft("wrk-latency.txt", "wrk-plain.txt").ledger.ledger
    order = ledger.claims["order.throughput.1"]
    assert order.subjects == ["wrk-latency", "wrk-plain"]
    assert order.entailed_by == [["wrk-latency.throughput", "wrk-plain.throughput"]]
    # Both name 8 connections, 2 threads and 2 seconds: nothing to doubt.
    assert set(ledger.conditions["load"]) == {"generator", "connections", "threads", "duration-s"}
    assert "order.settings" not in ledger.checks


def test_an_order_from_different_settings_is_in_doubt():
    found = told("wrk-latency.txt", "wrk-errors.txt")
    assert found["order.throughput.1"] == found["order.p99.1"] == "in doubt"
    checks = outcomes(draft("wrk-latency.txt", "wrk-errors.txt").ledger.ledger)
    (check,) = [each for each in checks if each.check == "order.settings"]
    assert "threads: 2, 1" in check.what


def test_the_figure_of_a_tie_has_no_order(tmp_path):
    (tmp_path / "again.txt").write_text(text("wrk-plain.txt"))
    claims = draft("wrk-plain.txt", tmp_path / "again.txt").ledger.ledger.claims
    assert not [name for name in claims if name.startswith("order.")]


def test_one_framework_is_one_subject_in_all_tests_of_a_benchmark():
    ledger = draft("techempower.json").ledger.ledger
    assert set(ledger.subjects) == {"aiohttp", "aiohttp-pg-raw"}
    claim = ledger.claims["db-c64.aiohttp.throughput"]
    assert claim.subjects == ["aiohttp"]
    conditions = ledger.conditions_of(claim)
    assert (conditions["connections"].value, conditions["connections"].status) == (64, "stated")
    assert (
        ledger.conditions_of(ledger.claims["query-q20.aiohttp.throughput"])["queries"].value == 20
    )


def test_some_runs_of_a_large_file_can_be_chosen():
    assert set(draft("techempower.json", only=["db-c64/*"]).ledger.ledger.claims) == {
        name for name in EXPECTED["techempower.json"][2] if "db-c64" in name
    }
    chosen = draft("techempower.json", only=["aiohttp-pg-raw"]).ledger.ledger
    assert set(chosen.subjects) == {"aiohttp-pg-raw"}


def test_names_that_become_one_are_told_apart(tmp_path):
    document = json.loads((DATA / "asv.json").read_text().replace("NaN", "null"))
    row = document["results"]["orm.Reading.time_read_one"]
    long = "orm.Reading.time_" + "x" * 80
    document["results"] = {f"{long}a": row, f"{long}b": row, "a.time_B": row, "A.time_b": row}
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "load.json").write_text(json.dumps(document))
    ledger = draft(tmp_path / "one/load.json", tmp_path / "two/load.json").ledger.ledger
    assert len(ledger.claims) == 8
    assert set(ledger.subjects) == {"load-2", "load-3"}
    assert len({claim.says for claim in ledger.claims.values()}) == 8


def test_the_same_files_give_the_same_text():
    names = ("wrk-latency.txt", "wrk-plain.txt")
    assert draft(*names).text == draft(*names).text
