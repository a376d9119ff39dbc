from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.claims import Outcome, outcomes
from ormlab.judging.ledger import load
from tests.claims.making import ledger


def number(value, precision=0.0, status="stated"):
    return {"value": value, "precision": precision, "status": status, "note": "n"}


# One request at a time on a connection, none that failed, and a long window: a generator could not
# do better.
RULED_OUT = {"in_flight": number(1), "failed_percent": number(0), "seconds": number(1e6)}


def outcome(**check):
    (found,) = outcomes(ledger(checks={"c": {"says": "it fits"} | check}))
    return found


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("tput-title", Outcome.HOLDS),
        ("rss-title", Outcome.CONTRADICTS),
        ("one-fact", Outcome.HOLDS),
        ("littles-law.sqlalchemy", Outcome.DOUBTFUL),
        ("littles-law.tortoise", Outcome.DOUBTFUL),
        ("connections.sqlalchemy", Outcome.DOUBTFUL),
        ("own-client.sqlalchemy", Outcome.DOUBTFUL),
        ("nplus1", Outcome.HOLDS),
        ("wrk-percentiles", Outcome.DOUBTFUL),
        ("unequal-work", Outcome.DOUBTFUL),
        ("pool-connections", Outcome.DOUBTFUL),
        ("saving-limit", Outcome.DOUBTFUL),
        ("memory-order", Outcome.DOUBTFUL),
    ],
)
def test_the_article_on_paper(name, wanted):
    found = {each.check: each for each in outcomes(load("article").ledger)}
    assert found[name].outcome == wanted
    assert found[name].what


def test_the_articles_figures_are_those_that_pen_and_paper_give():
    found = {each.check: each.numbers for each in outcomes(load("article").ledger)}
    assert found["rss-title"]["low"] == pytest.approx(111 / 90)
    assert found["rss-title"]["high"] == pytest.approx(113 / 88)
    assert found["connections.sqlalchemy"]["connections"] == pytest.approx(102.09)
    assert found["connections.tortoise"]["connections"] == pytest.approx(102.492)
    assert found["littles-law.sqlalchemy"]["mean_ms"] == pytest.approx(40.16, abs=0.01)
    assert 1500 < found["littles-law.sqlalchemy"]["tail_ms"] < 1600
    assert found["pool-connections"]["low"] == 600
    assert found["saving-limit"]["low"] == pytest.approx(23000 * 164 / 211 * 7100 / 11600)
    assert found["memory-order"]["first"] > 1 > found["memory-order"]["second"]


def test_only_the_title_on_memory_is_convicted():
    convicted = {claim for each in outcomes(load("article").ledger) for claim in each.convicts}
    assert convicted == {"rss.ratio"}


@given(top=st.floats(1, 1e6), bottom=st.floats(1, 1e6), digits=st.sampled_from([0.1, 0.01, 0.001]))
def test_a_ratio_that_is_rounded_from_its_figures_always_holds(top, bottom, digits):
    stated = round(top / bottom / digits) * digits
    found = outcome(
        kind="same_ratio",
        ratio=number(stated, digits * 1.0001),
        numerator=number(top),
        denominator=number(bottom),
    )
    assert found.outcome == Outcome.HOLDS


@given(rate=st.floats(1, 1e6), mean=st.floats(0.1, 1e4))
def test_littles_law_holds_for_what_it_gives_and_convicts_only_what_is_too_much(rate, mean):
    inside = rate * mean / 1000
    wanted = {
        1.0: Outcome.HOLDS,
        1.08: Outcome.HOLDS,
        1.2: Outcome.DOUBTFUL,
        0.87: Outcome.HOLDS,
        0.75: Outcome.CONTRADICTS,
    }
    for factor, outcome_ in wanted.items():
        found = outcome(
            kind="littles_law",
            throughput=number(rate, rate / 1e6),
            connections=number(inside * factor, inside / 1e6),
            mean=number(mean, mean / 1e6),
            generator="other",
            **RULED_OUT,
        )
        assert found.outcome == outcome_, factor


def test_a_contradiction_with_something_assumed_is_a_doubt_and_convicts_nobody():
    made = {"kind": "difference", "minuend": "tput.a", "subtrahend": number(1), "says": "s"}
    for status, wanted in (("stated", Outcome.CONTRADICTS), ("assumed", Outcome.DOUBTFUL)):
        found = outcome(**made, difference=number(5, 0, status), convicts=["tput.a"])
        assert found.outcome == wanted
        assert bool(found.convicts) == (wanted == Outcome.CONTRADICTS)
        assert found.concerns == ("tput.a",)


@pytest.mark.parametrize(("percent", "wanted"), [(25, Outcome.HOLDS), (26, Outcome.CONTRADICTS)])
def test_a_percentage_is_part_over_whole(percent, wanted):
    made = {"part": number(1), "whole": number(4), "percent": number(percent)}
    assert outcome(kind="percent_of", **made).outcome == wanted


@pytest.mark.parametrize(
    "made",
    [
        {"ratio": number(1), "numerator": number(1), "denominator": number(0)},
        {"ratio": number(1), "numerator": number(1), "denominator": number(1, 0, "unknown")},
        {"ratio": number(1), "numerator": number(1), "denominator": "all/mix"},
        {"ratio": number(1), "numerator": number(1), "denominator": "all/python"},
    ],
)
def test_what_cannot_be_computed_is_undecided(made):
    assert outcome(kind="same_ratio", **made).outcome == Outcome.UNDECIDED


@pytest.mark.parametrize(
    ("p50", "p99", "longest", "wanted"),
    [
        (40, 60, None, Outcome.HOLDS),
        (8, 42, None, Outcome.DOUBTFUL),
        (8, 42, 1000, Outcome.DOUBTFUL),
        (100, 120, None, Outcome.CONTRADICTS),
        (100, None, None, Outcome.CONTRADICTS),
        (60, None, None, Outcome.HOLDS),
        (None, 6000, None, Outcome.CONTRADICTS),
        (None, 4000, None, Outcome.HOLDS),
        (None, 30, None, Outcome.DOUBTFUL),
    ],
)
def test_percentiles_bound_the_mean(p50, p99, longest, wanted):
    made = {"throughput": number(12450), "connections": number(500), "generator": "other"}
    made |= RULED_OUT
    given = {"p50": p50, "p99": p99, "longest_ms": longest}
    figures = {name: number(value) for name, value in given.items() if value is not None}
    assert outcome(kind="littles_law", **made, **figures).outcome == wanted


@pytest.mark.parametrize(
    ("limit", "precision", "status", "wanted"),
    [
        (10, 0, "stated", Outcome.HOLDS),
        (6, 0, "stated", Outcome.HOLDS),
        (5.9, 0.05, "stated", Outcome.CONTRADICTS),
        (5.9, 0.1, "stated", Outcome.HOLDS),
        (5, 0, "assumed", Outcome.DOUBTFUL),
    ],
)
def test_a_product_over_others_keeps_its_limit(limit, precision, status, wanted):
    found = outcome(
        kind="limit",
        factors={"a": number(4), "b": number(3)},
        divisors={"c": number(2)},
        limit=number(limit, precision, status),
        concerns=["tput.a"],
    )
    assert found.outcome == wanted
    assert found.numbers["low"] == pytest.approx(6)
    assert found.concerns == (() if wanted == Outcome.HOLDS else ("tput.a",))


def test_a_limit_convicts_a_claim_that_it_computes_with():
    made = {"kind": "limit", "factors": {"rate": "tput.a"}, "limit": number(900)}
    found = outcome(**made, convicts=["tput.a"])
    assert (found.convicts, found.concerns) == (("tput.a",), ("tput.a",))


@pytest.mark.parametrize("divisor", [number(0), number(1, 0, "unknown"), "all/mix"])
def test_a_product_over_what_is_unknown_or_zero_is_undecided(divisor):
    found = outcome(
        kind="limit", factors={"a": number(4)}, divisors={"c": divisor}, limit=number(1)
    )
    assert found.outcome == Outcome.UNDECIDED


@pytest.mark.parametrize(
    ("again_above", "precision", "wanted"),
    [(9, 0, Outcome.DOUBTFUL), (9, 2, Outcome.HOLDS), (11, 0, Outcome.HOLDS)],
)
def test_a_reversed_order_is_a_doubt_and_never_a_contradiction(again_above, precision, wanted):
    found = outcome(
        kind="same_order",
        above="tput.a",
        below=number(12),
        again_above=number(again_above, precision),
        again_below=number(10),
    )
    assert found.outcome == wanted
    assert found.concerns == (("tput.a",) if wanted == Outcome.DOUBTFUL else ())
