"""What each format's reader takes from a file that its tool wrote, or that is written like one.

wrk, hey and pgbench wrote theirs; the others were made by hand after the source of the tool.
"""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest

from analysis.claims import CLAIM_METRICS
from analysis.published import FORMATS, ResultError, read
from analysis.published.result import Reported
from ormlab.judging import published
from tests.conftest import CHECKOUT

DATA = CHECKOUT / "tests/data/published"
TODAY = date(2026, 11, 30)


def draft(*names, **options):
    """The draft of files of this folder, or of a folder given with them."""
    files = [published.read_file(DATA / name) for name in names]
    return published.make(files, name="draft", today=TODAY, **options)


def claimed(ledger):
    return {name: getattr(claim, "value", None) for name, claim in ledger.claims.items()}


LATENCIES = ("latency-mean", "latency-stdev", "latency-max", "p50", "p75", "p90", "p99")
# By file: its format, the connections that it tells, and every claim that it states.
EXPECTED = {
    "asv.json": (
        "asv",
        None,
        {
            "asv.orm.reading.time-read-one": 0.00041236871,
            "asv.orm.reading.time-read-many-10": 0.0021187,
            "asv.orm.reading.peakmem-read": 48123904.0,
        },
    ),
    "bombardier.json": (
        "bombardier",
        125,
        {
            "bombardier.throughput": 3418.204417,
            "bombardier.latency-mean": 36.5814312,
            "bombardier.latency-stdev": 9.120551,
            "bombardier.latency-max": 2000.114,
            "bombardier.p50": 34.812,
            "bombardier.p75": 39.207,
            "bombardier.p90": 44.518,
            "bombardier.p99": 71.03,
            "bombardier.errors": 110.0,
        },
    ),
    "bombardier.txt": (
        "bombardier",
        125,
        {
            "bombardier.throughput": 4173.62,
            "bombardier.latency-mean": 29.96,
            "bombardier.latency-stdev": 6.02,
            "bombardier.latency-max": 171.33,
            "bombardier.p50": 29.11,
            "bombardier.p75": 32.47,
            "bombardier.p90": 36.8,
            "bombardier.p99": 51.92,
        },
    ),
    "hey.txt": (
        "hey",
        8,
        {
            "hey.throughput": 2103.804,
            "hey.latency-max": 30.6,
            "hey.latency-min": 2.2,
            "hey.latency-mean": 3.8,
            "hey.p10": 2.5,
            "hey.p25": 2.7,
            "hey.p50": 3.1,
            "hey.p75": 4.3,
            "hey.p90": 5.8,
            "hey.p95": 7.4,
            "hey.p99": 10.5,
        },
    ),
    "k6-export.json": (
        "k6",
        None,
        {
            "k6-export.throughput": 980.2107341,
            "k6-export.latency-mean": 20.3141,
            "k6-export.latency-min": 3.0118,
            "k6-export.p50": 19.4402,
            "k6-export.latency-max": 144.9007,
            "k6-export.p90": 27.8116,
            "k6-export.p95": 31.6648,
            "k6-export.error-rate": 0.0,
        },
    ),
    "k6-summary.json": (
        "k6",
        None,
        {
            "k6-summary.throughput": 603.8968342,
            "k6-summary.latency-mean": 22.0512,
            "k6-summary.latency-min": 3.4401,
            "k6-summary.p50": 20.9915,
            "k6-summary.latency-max": 208.117,
            "k6-summary.p90": 31.1204,
            "k6-summary.p95": 36.0177,
            "k6-summary.p99": 58.2219,
            "k6-summary.error-rate": 0.25,
        },
    ),
    "oha.json": (
        "oha",
        None,
        {
            "oha.throughput": 2608.904260210711,
            "oha.latency-max": 120.4,
            "oha.latency-min": 2.8,
            "oha.latency-mean": 19.2,
            "oha.p10": 13.1,
            "oha.p25": 15.8,
            "oha.p50": 18.7,
            "oha.p75": 21.6,
            "oha.p90": 24.9,
            "oha.p95": 28.1,
            "oha.p99": 43.3,
            "oha.p99.9": 91.4,
            "oha.p99.99": 120.3,
            "oha.success-rate": 99.96,
            "oha.errors": 50.0,
        },
    ),
    "oha.txt": (
        "oha",
        50,
        {
            "oha.throughput": 3100.0062,
            "oha.latency-max": 87.1,
            "oha.latency-min": 3.1,
            "oha.latency-mean": 16.1,
            "oha.p10": 11.3,
            "oha.p25": 13.6,
            "oha.p50": 15.7,
            "oha.p75": 17.9,
            "oha.p90": 20.6,
            "oha.p95": 23.8,
            "oha.p99": 39.4,
            "oha.p99.9": 70.2,
            "oha.p99.99": 86.8,
            "oha.success-rate": 100.0,
        },
    ),
    "pgbench-progress.txt": (
        "pgbench",
        4,
        {
            "pgbench-progress.throughput": 13890.352666,
            "pgbench-progress.latency-mean": 0.282,
            "pgbench-progress.latency-stdev": 0.676,
            "pgbench-progress.error-rate": 0.0,
        },
    ),
    "pgbench.txt": (
        "pgbench",
        4,
        {
            "pgbench.throughput": 15261.980097,
            "pgbench.latency-mean": 0.262,
            "pgbench.error-rate": 0.0,
        },
    ),
    "techempower.json": (
        "techempower",
        None,
        {
            "db-c16.aiohttp.throughput": 2007.4666666666667,
            "db-c16.aiohttp.latency-mean": 8.01,
            "db-c16.aiohttp.latency-stdev": 2.1,
            "db-c16.aiohttp.latency-max": 61.2,
            "db-c16.aiohttp-pg-raw.throughput": 4561.333333333333,
            "db-c16.aiohttp-pg-raw.latency-mean": 3.52,
            "db-c16.aiohttp-pg-raw.latency-stdev": 1.03,
            "db-c16.aiohttp-pg-raw.latency-max": 40.91,
            "order.db-c16.throughput.1": None,
            "order.db-c16.latency-mean.1": None,
            "db-c64.aiohttp.throughput": 2082.6666666666665,
            "db-c64.aiohttp.latency-mean": 30.93,
            "db-c64.aiohttp.latency-stdev": 6.55,
            "db-c64.aiohttp.latency-max": 180.44,
            "db-c64.aiohttp-pg-raw.throughput": 4900.133333333333,
            "db-c64.aiohttp-pg-raw.latency-mean": 13.11,
            "db-c64.aiohttp-pg-raw.latency-stdev": 3.02,
            "db-c64.aiohttp-pg-raw.latency-max": 99.06,
            "db-c64.aiohttp-pg-raw.errors-5xx": 12.0,
            "order.db-c64.throughput.1": None,
            "order.db-c64.latency-mean.1": None,
            "query-q1.aiohttp.throughput": 2066.8,
            "query-q1.aiohttp.latency-mean": 31.02,
            "query-q1.aiohttp.latency-stdev": 6.2,
            "query-q1.aiohttp.latency-max": 170.1,
            "query-q20.aiohttp.throughput": 317.3333333333333,
            "query-q20.aiohttp.latency-mean": 201.77,
            "query-q20.aiohttp.latency-stdev": 30.18,
            "query-q20.aiohttp.latency-max": 610.0,
            "query-q20.aiohttp.errors-timeout": 3.0,
        },
    ),
    "wrk-errors.txt": (
        "wrk",
        8,
        {
            "wrk-errors.throughput": 2364.97,
            "wrk-errors.latency-mean": 3.47,
            "wrk-errors.latency-stdev": 1.7,
            "wrk-errors.latency-max": 15.42,
            "wrk-errors.p50": 2.97,
            "wrk-errors.p75": 3.97,
            "wrk-errors.p90": 5.4,
            "wrk-errors.p99": 10.5,
            "wrk-errors.errors-status": 1976.0,
        },
    ),
    "wrk-latency.txt": (
        "wrk",
        8,
        {
            "wrk-latency.throughput": 2729.53,
            "wrk-latency.latency-mean": 3.18,
            "wrk-latency.latency-stdev": 2.57,
            "wrk-latency.latency-max": 33.96,
            "wrk-latency.p50": 2.38,
            "wrk-latency.p75": 3.27,
            "wrk-latency.p90": 4.42,
            "wrk-latency.p99": 13.4,
        },
    ),
    "wrk-plain.txt": (
        "wrk",
        8,
        {
            "wrk-plain.throughput": 1545.12,
            "wrk-plain.latency-mean": 5.17,
            "wrk-plain.latency-stdev": 1.36,
            "wrk-plain.latency-max": 12.48,
        },
    ),
    "wrk2.txt": (
        "wrk2",
        64,
        {
            "wrk2.throughput": 1998.32,
            "wrk2.latency-mean": 6.29,
            "wrk2.latency-stdev": 2.41,
            "wrk2.latency-max": 31.07,
            "wrk2.p50": 5.91,
            "wrk2.p75": 7.38,
            "wrk2.p90": 9.12,
            "wrk2.p99": 14.86,
            "wrk2.p99.9": 24.53,
            "wrk2.p99.99": 29.82,
            "wrk2.p99.999": 31.09,
        },
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_file_gives_the_claims_that_it_states(name):
    tool, connections, claims = EXPECTED[name]
    made = draft(name)
    (origin,) = made.origins
    assert origin.tool == tool
    assert claimed(made.ledger.ledger) == pytest.approx(claims)
    if connections:
        assert origin.runs[0].settings["connections"] == connections


def test_every_file_and_every_format_is_expected():
    assert set(EXPECTED) == {path.name for path in DATA.iterdir()}
    assert {tool for tool, _, _ in EXPECTED.values()} == set(FORMATS)
    for format_ in FORMATS.values():
        assert format_.source
        assert (format_.mark is None) == (format_.text is None)
        assert bool(format_.keys) == (format_.document is not None)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_file_is_of_no_other_format(name):
    tool, _, _ = EXPECTED[name]
    data = (DATA / name).read_bytes()
    for other in FORMATS:
        # wrk2 prints what wrk prints, and more.
        if other == tool or {other, tool} == {"wrk", "wrk2"}:
            continue
        with pytest.raises(ResultError):
            read(data, other)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_figures_of_a_claim_have_the_unit_of_its_metric(name):
    for claim in draft(name).ledger.ledger.claims.values():
        if claim.kind == "absolute":
            assert CLAIM_METRICS[claim.metric].unit in {"req/s", "ms", "%"}
            assert claim.precision > 0


def test_a_figure_has_the_precision_of_its_last_digit():
    assert Reported.of("12.40", "ms") == Reported(12.4, 0.01, "ms")
    assert Reported.of("0.0161", "ms", scale=1e3) == Reported(16.1, 0.1, "ms")
    assert Reported.of("3552", "requests") == Reported(3552.0, 0.0, "requests")
    assert Reported.of(603.8968342, "req/s").precision < 1e-6


@pytest.mark.parametrize("written", ["nan", "inf", "1e999", "", "1.2.3", "-", "9" * 41, "1e16"])
def test_what_no_benchmark_prints_is_no_figure(written):
    with pytest.raises(ResultError, match="no number that a benchmark prints"):
        Reported.of(written, "ms")


def text(name):
    return (DATA / name).read_text()


def test_a_file_with_several_runs_of_wrk_has_a_subject_for_each(tmp_path):
    both = tmp_path / "post.md"
    both.write_text(f"Before:\n\n{text('wrk-latency.txt')}\nAfter:\n\n{text('wrk-plain.txt')}")
    ledger = draft(both).ledger.ledger
    assert set(ledger.subjects) == {"post-1", "post-2"}
    assert ledger.claims["post-2.throughput"].value == 1545.12
    assert ledger.claims["post-2.throughput"].locator == "the run in line 19, throughput"
    assert ledger.claims["order.throughput.1"].subjects == ["post-1", "post-2"]


def test_latencies_of_wrk2_are_those_from_when_a_request_was_due(tmp_path):
    corrected = text("wrk2.txt")
    start = corrected.index("  Latency Distribution")
    end = corrected.index("-----") + 59
    without = corrected[start:end].replace("Recorded Latency", "Uncorrected Latency (measured")
    without = without.replace("14.86ms", " 1.86ms")
    twice = tmp_path / "twice.txt"
    twice.write_text(corrected[:end] + "\n" + without + corrected[end:])
    assert draft(twice).ledger.ledger.claims["twice.p99"].value == 14.86


SAVED = {
    "UTF-16, as PowerShell writes it": lambda text: text.encode("utf-16"),
    "with a byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "with CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "coloured": lambda text: text.replace("Latency", "\x1b[1mLatency\x1b[0m").encode(),
}


@pytest.mark.parametrize("way", SAVED)
@pytest.mark.parametrize("file", ["wrk-latency.txt", "oha.txt", "hey.txt", "pgbench.txt"])
def test_a_file_is_read_however_it_was_saved(file, way):
    assert read(SAVED[way](text(file))) == read(text(file).encode())


def test_json_that_follows_what_the_tool_says_first_is_read():
    said = b"Bombarding http://127.0.0.1:8080/ for 10s using 125 connection(s)\nDone!\n"
    data = (DATA / "bombardier.json").read_bytes()
    assert read(said + data) == read(data)


def test_the_third_column_of_a_descendant_of_wrk_may_be_a_percentile(tmp_path):
    other = tmp_path / "other.txt"
    other.write_text(text("wrk-plain.txt").replace("Stdev     Max", "Stdev     99%"))
    claims = draft(other).ledger.ledger.claims
    assert claims["other.p99"].value == 12.48
    assert "other.latency-max" not in claims


def test_the_length_of_a_run_may_be_text_and_a_test_may_vary_cached_queries(tmp_path):
    document = json.loads(text("techempower.json"))
    document["duration"] = "15"
    document["rawData"]["cached-query"] = {"aiohttp": document["rawData"]["query"]["aiohttp"][:1]}
    other = tmp_path / "results.json"
    other.write_text(json.dumps(document))
    claims = draft(other).ledger.ledger.claims
    assert claims["cached-query-q1.aiohttp.throughput"].value == pytest.approx(2066.8)


def test_a_result_without_a_value_is_left_out_of_a_suite():
    names = list(EXPECTED["asv.json"][2])
    assert not [name for name in names if "broken" in name or "many-100" in name]


def test_the_page_names_every_format_and_its_source():
    page = Path(CHECKOUT / "docs/reproduce.md").read_text()
    told = dict(re.findall(r"^\| `(\w+)` \| .+ \| (.+) \|$", page, re.MULTILINE))
    assert told == {name: each.source for name, each in FORMATS.items()}
