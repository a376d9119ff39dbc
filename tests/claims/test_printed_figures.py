"""Figures as real tools printed them must not be convicted, and invented ones must.

wrk printed its rows in trials of evidence/ (the bundle and the trial stand beside each) and in
tests/data/wrk. By Little's law they give between 0.5 and 12.4 times the connections.
"""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.claims import Outcome, outcomes
from analysis.claims.comparability import differences, weak_conditions
from analysis.generators.base import littles_law, littles_problems
from ormlab.judging.ledger import load
from tests.claims.making import claim, ledger, run, stack
from tests.conftest import CHECKOUT

WRK = CHECKOUT / "tests/data/wrk"
MS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def number(text, status="stated"):
    """A figure with the precision of its last printed digit."""
    places = len(text.partition(".")[2])
    return {"value": float(text), "precision": 10.0**-places, "status": status, "note": "n"}


def latency(text):
    digits, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    made = number(digits)
    return made | {key: made[key] * MS[unit] for key in ("value", "precision")}


def exact(value):
    return {"value": value, "precision": 0, "status": "stated", "note": "n"}


def outcome(**check):
    made = {"says": "it fits", "convicts": []} | check
    (found,) = outcomes(ledger(checks={"c": made}))
    return found.outcome


def littles(
    connections,
    rate,
    *,
    threads=None,
    in_flight=1,
    failed=0,
    seconds=30,
    generator=None,
    **latencies,
):
    """Figures in a closed loop; what is None is not stated."""
    told = {name: latency(text) for name, text in latencies.items()}
    counts = {"threads": threads, "in_flight": in_flight, "failed_percent": failed}
    counts["seconds"] = seconds
    told |= {name: exact(value) for name, value in counts.items() if value is not None}
    if generator:
        told["generator"] = generator
    return outcome(
        kind="littles_law", throughput=number(rate), connections=exact(connections), **told
    )


# connections, req/s, mean, longest as printed by wrk, with the ratio that they give
PRINTED_BY_WRK = [
    # 20261126T131601Z-b36e1813, 018: two seconds are too short for 500 connections
    (0.507, 500, "739.52", "343.11ms", "1.99s"),
    # 20261126T002224Z-70a619f1, 015
    (0.991, 64, "2558.84", "24.79ms", "77.92ms"),
    # 20261126T164442Z-cb0c77ee, 077
    (1.004, 500, "797.84", "628.99ms", "2.97s"),
    # 20261126T050550Z-d0f16696, 031
    (1.852, 500, "3670.20", "252.35ms", "2.38s"),
    # 20261126T095342Z-3920068e, 073: a stall of 0.4 s
    (2.093, 64, "5703.83", "23.48ms", "399.68ms"),
    # 20261126T140445Z-a280ebf6, 002
    (2.454, 500, "2076.81", "590.89ms", "8.21s"),
    # tests/data/wrk/stalled
    (12.365, 8, "2780.17", "35.58ms", "402.86ms"),
]


@pytest.mark.parametrize("generator", ["wrk", None])
@pytest.mark.parametrize("printed", PRINTED_BY_WRK, ids=lambda printed: str(printed[0]))
def test_what_wrk_printed_of_a_real_run_is_not_convicted(printed, generator):
    ratio, connections, rate, mean, longest = printed
    assert float(rate) * latency(mean)["value"] / 1e3 / connections == pytest.approx(
        ratio, rel=1e-3
    )
    told = {"generator": generator, "mean": mean}
    assert littles(connections, rate, longest_ms=longest, **told) == Outcome.HOLDS or ratio < 1
    without = littles(connections, rate, **told)
    assert without == (Outcome.UNDECIDED if ratio > 1.2 else Outcome.HOLDS)


@pytest.mark.parametrize("name", sorted(path.name.split(".")[0] for path in WRK.glob("*.txt")))
def test_no_recorded_output_of_wrk_is_convicted_by_any_of_its_figures(name):
    text = (WRK / f"{name}.stdout.txt").read_text()
    threads, connections = map(int, re.search(r"(\d+) threads and (\d+) con", text).groups())
    rate = re.search(r"Requests/sec:\s+(\S+)", text)[1]
    mean, longest = re.search(r"Latency\s+(\S+)\s+\S+\s+(\S+)", text).groups()
    p50, p99 = (re.search(rf"\n\s+{q}%\s+(\S+)", text)[1] for q in (50, 99))
    told = {"longest_ms": longest, "threads": threads, "generator": "wrk"}
    for latencies in ({"mean": mean}, {"p50": p50}, {"p99": p99}, {"p50": p50, "p99": p99}):
        assert littles(connections, rate, **told, **latencies) != Outcome.CONTRADICTS


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(1, 30), st.integers(1, 500))
def test_no_closed_loop_makes_wrk_print_more_than_the_check_allows(quick, slow, longest):
    """stats_correct of wrk 4.2, on any latencies whose mean is connections over throughput."""
    measured = [*quick, *[longest] * slow]
    interval = max(1, math.ceil(sum(measured) / len(measured)))
    added = [
        m for n in measured if n >= 2 * interval for m in range(n - interval, interval, -interval)
    ]
    mean = (sum(measured) + sum(added)) / (len(measured) + len(added))
    found = outcome(
        kind="littles_law",
        throughput=exact(1000.0),
        connections=exact(interval),
        threads=exact(1),
        generator="wrk",
        mean=exact(mean),
        longest_ms=exact(max(measured)),
        in_flight=exact(1),
        seconds=exact(1e6),
    )
    assert found != Outcome.CONTRADICTS


@pytest.mark.parametrize("mean", ["38.0ms", "40.2ms", "42.9ms", "0.041s", "48ms"])
def test_a_measured_mean_may_differ_by_the_ends_of_windows_and_by_averaging(mean):
    """0.95 to 1.2 times what 500 connections give at 12,450 requests a second."""
    assert littles(500, "12450", generator="other", mean=mean) == Outcome.HOLDS


def test_the_mean_of_runs_of_which_one_is_twice_as_fast_holds():
    """2,000 and 4,000 requests a second on 100 connections: 50 and 25 ms."""
    assert littles(100, "3000", generator="other", mean="37.5ms") == Outcome.HOLDS


def test_connections_that_wrk_did_not_open_are_not_counted():
    """64 threads open 64 of 127 connections: 1,000 a second at 64 ms are these."""
    told = {"mean": "64.0ms", "generator": "wrk"}
    assert littles(127, "1000.00", threads=64, **told) == Outcome.HOLDS
    assert littles(127, "1000.00", **told) == Outcome.HOLDS
    assert littles(127, "1000.00", threads=1, **told) == Outcome.DOUBTFUL


def test_connections_that_a_server_does_not_serve_are_a_doubt():
    """A server that keeps 100 of 500 connections answers those in 8 ms."""
    assert littles(500, "12450", mean="8.2ms", generator="other") == Outcome.DOUBTFUL
    assert littles(500, "12450", mean="8.2ms", longest_ms="900ms") == Outcome.DOUBTFUL


def test_a_mean_in_another_unit_is_a_doubt():
    wrong = exact(40.2) | {"precision": 0.1}
    for value in (wrong["value"] / 1e3, wrong["value"] * 1e3):
        law = {"throughput": number("12450"), "connections": exact(500), "generator": "other"}
        mean = wrong | {"value": value, "precision": value / 100}
        assert outcome(kind="littles_law", mean=mean, **law) == Outcome.DOUBTFUL


def test_an_open_loop_has_no_connections_to_speak_of():
    law = {"throughput": number("1000"), "connections": exact(50), "generator": "other"}
    law |= {"mean": latency("900ms"), "in_flight": exact(1), "failed_percent": exact(0)}
    law |= {"seconds": exact(30)}
    assert outcome(kind="littles_law", loop="open", **law) == Outcome.UNDECIDED
    assert outcome(kind="littles_law", **law) == Outcome.CONTRADICTS


@pytest.mark.parametrize(
    ("connections", "rate", "told"),
    [
        (50, "12450", {"mean": "40.2ms", "generator": "other"}),
        (500, "12450", {"mean": "52ms", "generator": "other"}),
        (500, "12450", {"p50": "120ms", "generator": "other"}),
        (500, "12450", {"p99": "6.00s", "generator": "other"}),
        (500, "12450", {"mean": "200ms", "longest_ms": "210ms", "generator": "wrk", "threads": 10}),
        (500, "12450", {"mean": "200ms", "longest_ms": "210ms", "threads": 10}),
        (500, "12450", {"p50": "400ms", "p99": "410ms", "longest_ms": "410ms", "threads": 10}),
    ],
)
def test_more_waiting_than_connections_can_do_is_convicted(connections, rate, told):
    assert littles(connections, rate, **told) == Outcome.CONTRADICTS
    # Nobody is convicted who may have had more requests in flight, failed ones in the rate, or
    # hardly more than one request of each connection.
    assert littles(connections, rate, **told, in_flight=None) == Outcome.DOUBTFUL
    assert littles(connections, rate, **told, seconds=None) == Outcome.DOUBTFUL
    by_wrk = told["generator"] == "wrk" if "generator" in told else False
    untold = littles(connections, rate, **told, failed=None)
    assert untold == (Outcome.CONTRADICTS if by_wrk else Outcome.DOUBTFUL)


@pytest.mark.parametrize("generator", ["other", "wrk"])
@given(
    latencies=st.lists(st.integers(1, 1000), min_size=1, max_size=8),
    connections=st.integers(1, 30),
    rounds=st.integers(1, 40),
)
def test_what_the_labs_own_gate_allows_is_never_convicted(
    generator, latencies, connections, rounds
):
    """A closed loop whose window begins and ends anywhere, with the samples that a client has."""
    requests = connections * rounds
    samples = [latencies[number % len(latencies)] for number in range(requests)]
    mean, edge = sum(samples) / requests, connections / requests
    seconds = sum(samples) / connections / 1000 / (1 + edge)  # the ratio is 1 + edge
    ratio = littles_law(requests / seconds, mean / 1000, connections)
    assert littles_problems(ratio, edge=edge) == ()
    told = {"throughput": exact(requests / seconds), "connections": exact(connections)}
    told |= {"mean": exact(mean), "longest_ms": exact(max(samples)), "threads": exact(1)}
    told |= {"in_flight": exact(1), "failed_percent": exact(0), "seconds": exact(seconds)}
    assert outcome(kind="littles_law", generator=generator, **told) == Outcome.HOLDS


def test_beyond_what_the_gate_allows_a_short_window_is_convicted():
    """100 connections, 200 requests in a second: half a request of each may be of the ends."""
    told = {"generator": "other", "seconds": 1}
    assert littles(100, "200.0", mean="840ms", **told) == Outcome.HOLDS
    assert littles(100, "200.0", mean="850ms", **told) == Outcome.CONTRADICTS
    assert littles(100, "200.0", mean="840ms", generator="other") == Outcome.CONTRADICTS


def test_connections_that_wrk_left_out_are_not_there_to_wait():
    """-t12 -c400 opens 396. wrk prints up to 1.8 times what these give, and 7.19 s are of 400."""
    told = {"generator": "wrk", "mean": "7.19s", "longest_ms": "7.50s", "seconds": 10000}
    assert littles(400, "100.00", threads=12, **told) == Outcome.CONTRADICTS
    assert littles(400, "100.00", threads=10, **told) == Outcome.HOLDS


@pytest.mark.parametrize("generator", ["other", "wrk", None])
def test_several_requests_in_flight_on_a_connection_are_no_contradiction(generator):
    """h2load -c 10 -m 10, or wrk with a pipeline of ten: 10,000 a second at 10 ms are 100."""
    told = {"generator": generator, "mean": "10.0ms", "longest_ms": "11.0ms", "threads": 1}
    assert littles(10, "10000", in_flight=10, **told) == Outcome.HOLDS
    assert littles(10, "10000", in_flight=None, **told) == Outcome.DOUBTFUL
    assert littles(10, "10000", in_flight=1, **told) == Outcome.CONTRADICTS
    assert littles(10, "10000", in_flight=20, **told) == Outcome.DOUBTFUL


def test_failed_requests_that_only_the_rate_counts_are_no_contradiction():
    """hey: 4,000 a second of which 60 % are refused at once, and 1,600 take 62.5 ms, are 100."""
    told = {"generator": "other", "mean": "62.5ms"}
    assert littles(100, "4000", failed=60, **told) == Outcome.HOLDS
    assert littles(100, "4000", failed=None, **told) == Outcome.DOUBTFUL
    assert littles(100, "4000", failed=0, **told) == Outcome.CONTRADICTS
    assert littles(100, "4000", failed=100, **told) == Outcome.UNDECIDED


@given(
    rate=st.floats(1, 1e6),
    connections=st.integers(1, 10_000),
    in_flight=st.integers(1, 1000),
    failed=st.integers(0, 99),
    quick=st.floats(0, 1),
)
def test_whoever_tells_of_both_is_never_convicted(*, rate, connections, in_flight, failed, quick):
    """Failed requests take a share ``quick`` of the time of the others."""
    share = failed / 100
    mean = connections * in_flight / rate * 1000 / (1 - share + share * quick)
    law = {"throughput": exact(rate), "connections": exact(connections), "mean": exact(mean)}
    law["seconds"] = exact(1e9)
    told = {"in_flight": exact(in_flight), "failed_percent": exact(failed)}
    for known in ({}, {"in_flight": told["in_flight"]}, {"failed_percent": told["failed_percent"]}):
        found = outcome(kind="littles_law", generator="other", **law, **known)
        assert found != Outcome.CONTRADICTS
    assert outcome(kind="littles_law", generator="other", **law, **told) == Outcome.HOLDS


UNTOLD = {"status": "stated", "note": "n"}


@pytest.mark.parametrize(
    ("precision", "wanted"),
    [
        ({}, Outcome.DOUBTFUL),
        ({"precision": 0}, Outcome.CONTRADICTS),
        ({"precision": 1000}, Outcome.HOLDS),
    ],
)
def test_a_whole_number_may_be_rounded_unless_its_precision_is_given(precision, wanted):
    """12,000 may be printed of 12,450, which is 1.42 times 8,760; exactly, it is 1.37 times."""
    figures = {"ratio": number("1.42"), "denominator": number("8760")}
    rounded = {"value": 12000, **UNTOLD, **precision}
    assert outcome(kind="same_ratio", numerator=rounded, **figures) == wanted
    made = {"kind": "same_ratio", "says": "it fits", "numerator": "all/rate", **figures}
    book = ledger(checks={"c": made}, conditions={"all": {"rate": rounded}})
    assert outcomes(book)[0].outcome == wanted


def test_a_contradiction_beyond_any_rounding_stands():
    figures = {"ratio": number("2.42"), "denominator": number("8760")}
    numerator = {"value": 12000, **UNTOLD}
    assert outcome(kind="same_ratio", numerator=numerator, **figures) == Outcome.CONTRADICTS


def test_threads_that_may_be_rounded_open_any_number_of_connections():
    """100 threads open 200 of 299 connections, 99 open 297, which 100 a second at 3.7 s need."""
    law = {"throughput": number("100.00"), "connections": exact(299), "mean": latency("3.70s")}
    law |= {"generator": "wrk", "in_flight": exact(1), "longest_ms": latency("3.70s")}
    law |= {"seconds": exact(1e6)}
    for threads, wanted in (
        (exact(100), Outcome.CONTRADICTS),
        ({"value": 100, **UNTOLD}, Outcome.DOUBTFUL),
    ):
        assert outcome(kind="littles_law", threads=threads, **law) == wanted


def ratio(stated, top, bottom, **more):
    return outcome(
        kind="same_ratio",
        ratio=number(stated),
        numerator=number(top),
        denominator=number(bottom),
        **more,
    )


@pytest.mark.parametrize(
    ("made", "honest", "invented"),
    [
        # 12,450 / 8,760 rounded, cut off, rounded up
        (lambda stated: ratio(stated, "12450", "8760"), ["1.42", "1.43"], ["1.40", "1.45"]),
        # sizes that were cut off to whole units: 112.9 / 89.0 is 1.2685
        (lambda stated: ratio(stated, "112", "89"), ["1.26", "1.27", "1.24"], ["1.18", "1.30"]),
        (
            lambda stated: ratio(stated, "9000", "3000", wording="times-more"),
            ["3.0", "2.0"],
            ["4.0", "2.5"],
        ),
        (
            lambda stated: ratio(
                stated, "3000", "2000", slack={"relative": 0.04, "reason": "runs scatter by 1.5"}
            ),
            ["1.45", "1.55"],
            ["1.40", "1.60"],
        ),
        (
            lambda stated: outcome(
                kind="percent_of", part=number("1"), whole=number("3"), percent=number(stated)
            ),
            ["33", "34", "50"],
            ["102"],
        ),
        (
            lambda stated: outcome(
                kind="percent_of", part=number("1.00"), whole=number("3.00"), percent=number(stated)
            ),
            ["33", "34", "33.3"],
            ["35", "31"],
        ),
        # 2.1 % errors became 0.3 %: 1.8 points, 86 % of the former, 600 % of the latter
        (
            lambda stated: outcome(
                kind="difference",
                minuend=number("2.1"),
                subtrahend=number("0.3"),
                difference=number(stated),
                wording="percentages",
            ),
            ["1.8", "86", "600"],
            ["1.4", "50"],
        ),
        (
            lambda stated: outcome(
                kind="difference",
                minuend=number("210"),
                subtrahend=number("165"),
                difference=number(stated),
            ),
            ["45", "46", "44"],
            ["21", "50"],
        ),
    ],
)
def test_rounded_and_ambiguous_figures_hold_and_invented_ones_do_not(made, honest, invented):
    assert [made(stated) for stated in honest] == [Outcome.HOLDS] * len(honest)
    assert [made(stated) for stated in invented] == [Outcome.CONTRADICTS] * len(invented)


def test_the_articles_title_on_memory_stays_a_contradiction_however_its_sizes_were_rounded():
    """The smallest ratio that prints as 112 and 89 is 111 / 90 = 1.233; 18 % more is under 1.19."""
    found = {each.check: each for each in outcomes(load("article").ledger)}
    assert found["rss-title"].outcome == Outcome.CONTRADICTS
    assert found["rss-title"].numbers["low"] > 1.19


def versions(published, seen, accepts=()):
    condition = {"value": published, "status": "stated", "material": True, "reading": "python"}
    made = ledger(
        claims={"tput.a": claim()},
        conditions={"all": {"python": condition | {"accepts": list(accepts), "note": "n"}}},
    )
    ran = run(
        stacks=dict.fromkeys("ab", stack(python={"version": seen, "implementation": "cpython"}))
    )
    told = made.claims["tput.a"]
    return differences(told, made, ran), weak_conditions(told, made, ran)


@pytest.mark.parametrize(
    ("published", "seen"), [("3.13", "3.13.0"), ("3.13", "3.13.5"), ("3", "3.13.0")]
)
def test_a_version_that_is_printed_in_part_is_met_by_every_version_within_it(published, seen):
    assert versions(published, seen) == ([], [])


@pytest.mark.parametrize(
    ("published", "seen"), [("3.13.0", "3.13"), ("3.1", "3.13.0"), ("3.13", "3.12.1")]
)
def test_another_version_differs(published, seen):
    (differs,), _ = versions(published, seen)
    assert differs == f"python is {seen}, not {published}"
