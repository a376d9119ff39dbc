"""The table of verdicts, row by row: what just fits a row, and what just does not."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from analysis.claims import ClaimVerdict, judge_claim, outcomes
from analysis.claims.measure import Estimated
from analysis.claims.verdict import band_of, decide
from analysis.inference import FEWEST_BLOCKS, FEWEST_FOR_DIRECTION, Estimate, Interval
from tests.claims.making import (
    claim,
    comparison,
    gate,
    ledger,
    record,
    run,
    runs_claim,
    stack,
    with_cell,
)

V = ClaimVerdict
UNIT = Interval(1.0, 2.0)
UP = Interval(1.0, math.inf)
DOWN = Interval(-math.inf, 2.0)


def measured(low, high, *, inner=0.0, blocks=FEWEST_BLOCKS, method="t"):
    """An estimate with a 95 % interval, and a 90 % one that is narrower by ``inner`` each way."""
    narrow = Interval(low + inner, high - inner)
    estimate = Estimate(method, (low + high) / 2, Interval(low, high), narrow, None)
    return Estimated(estimate, blocks)


def place(seen, band):
    verdict, side, _ = decide(seen, band)
    return verdict, side


A_BIT = 1e-9


@pytest.mark.parametrize(
    ("band", "low", "high", "inner", "expected"),
    [
        # A band with two ends: inside by the 90 % interval, outside by the 95 %.
        (UNIT, 1.2, 1.8, 0.0, (V.UPHELD, None)),
        (UNIT, 1.0, 2.0, 0.0, (V.UPHELD, None)),
        (UNIT, 0.9, 2.1, 0.1, (V.UPHELD, None)),
        (UNIT, 0.9, 2.1, 0.1 - A_BIT, (V.INCONCLUSIVE, None)),
        (UNIT, 1.0 - A_BIT, 1.5, 0.0, (V.INCONCLUSIVE, None)),
        (UNIT, 1.5, 2.0 + A_BIT, 0.0, (V.INCONCLUSIVE, None)),
        (UNIT, 2.0, 2.5, 0.0, (V.INCONCLUSIVE, None)),
        (UNIT, 2.0 + A_BIT, 2.5, 0.0, (V.REFUTED, "above")),
        (UNIT, 0.5, 1.0, 0.0, (V.INCONCLUSIVE, None)),
        (UNIT, 0.5, 1.0 - A_BIT, 0.0, (V.REFUTED, "below")),
        (UNIT, 1.9, 2.5, 0.2, (V.INCONCLUSIVE, None)),  # the 90 % interval alone is outside
        # A band with one end: both by the 95 % interval.
        (UP, 1.0, 3.0, 0.0, (V.UPHELD, None)),
        (UP, 1.0 - A_BIT, 3.0, 0.5, (V.INCONCLUSIVE, None)),
        (UP, 0.5, 1.0, 0.0, (V.INCONCLUSIVE, None)),
        (UP, 0.5, 1.0 - A_BIT, 0.0, (V.REFUTED, "below")),
        (DOWN, 0.0, 2.0, 0.0, (V.UPHELD, None)),
        (DOWN, 0.0, 2.0 + A_BIT, 0.5, (V.INCONCLUSIVE, None)),
        (DOWN, 2.0, 3.0, 0.0, (V.INCONCLUSIVE, None)),
        (DOWN, 2.0 + A_BIT, 3.0, 0.0, (V.REFUTED, "above")),
    ],
)
def test_the_ends_of_the_band_belong_to_it(band, low, high, inner, expected):
    assert place(measured(low, high, inner=inner), band) == expected


NUMBERS = st.floats(-100, 100)
BANDS = st.one_of(
    st.tuples(NUMBERS, NUMBERS).map(lambda ends: Interval(min(ends), max(ends))),
    NUMBERS.map(lambda low: Interval(low, math.inf)),
    NUMBERS.map(lambda high: Interval(-math.inf, high)),
)


@given(
    ends=st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS).map(sorted),
    band=BANDS,
    centre=NUMBERS,
    blocks=st.integers(FEWEST_BLOCKS, 500),
)
def test_the_position_of_the_intervals_alone_decides(*, ends, band, centre, blocks):
    """The estimate and the blocks beyond the fewest do not."""
    low, inner_low, inner_high, high = ends
    wide, narrow = Interval(low, high), Interval(inner_low, inner_high)
    estimate = Estimate("t", centre, wide, narrow, None)
    verdict, side = place(Estimated(estimate, blocks), band)
    two_ended = math.isfinite(band.low) and math.isfinite(band.high)
    inside = narrow if two_ended else wide
    expected = {
        (V.REFUTED, "above"): low > band.high,
        (V.REFUTED, "below"): high < band.low,
        (V.UPHELD, None): band.low <= inside.low and inside.high <= band.high,
    }
    fitting = [outcome for outcome, fits in expected.items() if fits]
    assert len(fitting) <= 1
    assert (verdict, side) == (fitting[0] if fitting else (V.INCONCLUSIVE, None))


@given(
    half=st.floats(0.001, 10),
    offset=st.floats(-30, 30),
    shift=st.floats(-50, 50),
    scale=st.floats(0.01, 100),
)
def test_moving_or_stretching_everything_changes_nothing(half, offset, shift, scale):
    def moved(value):
        return value * scale + shift

    before = place(measured(offset - half, offset + half), UNIT)
    distances = [abs(end - edge) for end in (offset - half, offset + half) for edge in (1.0, 2.0)]
    if min(distances) < 1e-6:
        return  # so near an end that rounding may move it across
    band = Interval(moved(UNIT.low), moved(UNIT.high))
    after = place(measured(moved(offset - half), moved(offset + half)), band)
    assert after == before


WHERE = {"above": (3, 4), "below": (0, 0.5), "inside": (1.2, 1.8), "astride": (0.5, 1.3)}


@given(st.lists(st.sampled_from([*WHERE]), min_size=2, max_size=4))
def test_another_method_counts_only_where_it_puts_the_figure_elsewhere(positions):
    first, *others = (measured(*WHERE[each]).estimate for each in positions)
    found = place(Estimated(first, 12, checks=tuple(others)), UNIT)
    # The interval astride has its figure at 0.9, below the band.
    figures = {"below" if each == "astride" else each for each in positions}
    if len(figures) > 1 or positions[0] == "astride":
        assert found == (V.INCONCLUSIVE, None)
    else:
        assert found == place(Estimated(first, 12), UNIT)


@pytest.mark.parametrize("blocks", [FEWEST_FOR_DIRECTION, FEWEST_BLOCKS - 1, FEWEST_BLOCKS])
def test_only_what_lies_between_two_ends_takes_ten_blocks(blocks):
    inside = measured(1.2, 1.8, blocks=blocks)
    expected = V.UPHELD if blocks >= FEWEST_BLOCKS else V.INCONCLUSIVE
    assert place(inside, UNIT) == (expected, None)
    assert place(inside, UP) == (V.UPHELD, None)
    assert place(measured(3, 4, blocks=blocks), UNIT) == (V.REFUTED, "above")


def test_without_an_interval_nothing_is_decided():
    alone = Estimated(Estimate("t", 1.5, None, None, None), FEWEST_BLOCKS)
    assert place(alone, UNIT) == (V.INCONCLUSIVE, None)


@pytest.mark.parametrize(
    ("kind", "fields", "low", "high"),
    [
        ("absolute", {}, 995 / 1.05, 1005 * 1.05),
        ("absolute", {"tolerance": ...}, 995, 1005),
        ("absolute", {"value": -1000.0}, -1005 * 1.05, -995 / 1.05),
        ("absolute", {"value": 0.0, "tolerance": ...}, -5, 5),
        ("ratio", {}, 1.495 / 1.05, 1.505 * 1.05),
        ("ordering", {}, 1, math.inf),
        ("bound", {}, 995 / 1.05, math.inf),
        ("bound", {"bound": "at-most"}, -math.inf, 1005 * 1.05),
    ],
)
def test_the_band_holds_what_rounds_to_the_figure_widened_by_the_tolerance(kind, fields, low, high):
    made = ledger(claims={"tput.a": claim(kind, **fields)})
    band = band_of(made.claims["tput.a"])
    assert (band.low, band.high) == pytest.approx((low, high))


def judged(made=None, on=None, checks=None, **parts):
    book = ledger(claims={"tput.a": made or claim()}, checks=checks or {}, **parts)
    return judge_claim("tput.a", book, on, outcomes(book)).verdict


def ratio_check(status="stated", ratio=3, *, convicts=True):
    return {
        "c": {
            "kind": "same_ratio",
            "says": "they fit",
            "ratio": {"value": ratio, "precision": 0.1, "status": status, "note": "n"},
            "numerator": "tput.a",
            "denominator": {"value": 1000, "precision": 0, "status": "stated", "note": "n"},
            "convicts": ["tput.a"] if convicts else [],
        }
    }


def invalid(*, metric="throughput", code="gate", pair=("b", "a")):
    """A run one of whose comparisons a gate has turned away."""
    turned = comparison("VOID", metric=metric, code=code, pair=pair)
    return with_cell(run(), comparisons=[turned])


def disturbed(*, pair=("b", "a")):
    """A run of which one comparison needs the rounds that the host disturbed."""
    taken_back = comparison("INCONCLUSIVE", code="disturbed-rounds", pair=pair)
    return with_cell(run(), comparisons=[taken_back])


def turned_away(verdict):
    gates = [gate(verdict, "12 % of the trials were repeated")]
    on = run()
    return replace(on, results=structs.replace(on.results, gates=gates))


PYTHON = {"value": "3.12.0", "status": "stated", "material": True, "reading": "python"}


def python(**changes):
    return {"conditions": {"all": {"python": PYTHON | changes}}}


OMITTED = replace(run(), trials={}, record=record(omitted=[("trials/*-a-read-one-*", "r")]))

# What just fits a row beside what just does not, and falls through to a later one.
ROWS = [
    (V.UNTESTABLE, {"made": claim(untestable="no such machine", test=...), "on": run()}),
    (V.UNTESTABLE, {"made": claim(untestable="no such machine", test=...)}),
    (V.NOT_RUN, {"made": claim(not_run="no plan yet", test=...), "on": run()}),
    (V.INCOHERENT, {"checks": ratio_check()}),
    (V.INCOHERENT, {"checks": ratio_check(), "on": run()}),
    (V.UPHELD, {"checks": ratio_check(status="assumed"), "on": run()}),
    (V.UPHELD, {"checks": ratio_check(convicts=False), "on": run()}),
    (V.UPHELD, {"checks": ratio_check(ratio=1.05), "on": run()}),
    (V.UPHELD, {"checks": ratio_check(ratio=1.10), "on": run()}),
    (V.INCOHERENT, {"checks": ratio_check(ratio=1.12), "on": run()}),
    (V.NOT_RUN, {}),
    (V.NOT_RUN, {"on": run(plan="other")}),
    (V.NOT_RUN, {"on": OMITTED}),
    (V.NOT_RUN, {"made": claim("ratio"), "on": replace(run(), trials={})}),
    (V.INVALID_RUN, {"on": invalid()}),
    (V.INVALID_RUN, {"on": invalid(metric="p99")}),  # a gate is about the trials, not a metric
    (V.UPHELD, {"on": invalid(pair=("c", "d"))}),
    (V.UPHELD, {"on": invalid(metric="p99", code="deployments-differ")}),
    (V.INVALID_RUN, {"made": claim("ratio"), "on": invalid(code="deployments-differ")}),
    (
        V.INVALID_RUN,
        {"made": claim("ratio", metric="latency_mean"), "on": invalid(code="deployments-differ")},
    ),
    (
        V.REFUTED,
        {"made": claim("ordering", metric="p99"), "on": invalid(code="deployments-differ")},
    ),
    (V.INVALID_RUN, {"on": turned_away("failed")}),
    (V.UPHELD, {"on": turned_away("warning")}),
    (V.UPHELD, {"made": runs_claim(), "on": turned_away("failed")}),
    (V.INCOMPARABLE, {"on": run(virtual=True)}),
    (V.INCOMPARABLE, {"on": run(tier="degraded", virtual=True)}),
    (V.UPHELD, {"made": claim("ordering"), "on": run(tier="degraded", virtual=True)}),
    (V.INCOMPARABLE, {"on": run()} | python()),
    (V.UPHELD, {"on": run()} | python(material=False)),
    (V.UPHELD, {"on": run()} | python(value="3.13.0")),
    (V.UPHELD, {"on": run()} | python(accepts=["3.13.*"], note="n")),
    (V.INCOMPARABLE, {"on": run()} | python(accepts=["3.13"], note="n")),
    (V.UPHELD, {"on": run()} | python(value=None, status="unknown")),
    # No plan compares by memory here: the claim looks at the null arm itself.
    (V.INVALID_RUN, {"made": claim("ordering"), "on": run(null=1.08)}),
    (V.UPHELD, {"made": claim("ordering"), "on": run(null=1.03)}),
    (V.UPHELD, {"on": run(null=1.08)}),
    (V.INCONCLUSIVE, {"on": run(blocks=FEWEST_BLOCKS - 1)}),
    (V.UPHELD, {"on": run(blocks=FEWEST_BLOCKS)}),
    (V.INCONCLUSIVE, {"made": claim("ordering"), "on": run(blocks=FEWEST_FOR_DIRECTION - 1)}),
    (V.UPHELD, {"made": claim("ordering"), "on": run(blocks=FEWEST_FOR_DIRECTION)}),
    (V.INCONCLUSIVE, {"made": claim("ordering"), "on": run(null=None)}),
    (V.UPHELD, {"on": run(null=None)}),
    (V.INCONCLUSIVE, {"on": run(profile="smoke")}),
    (V.INCONCLUSIVE, {"made": claim("ordering"), "on": disturbed()}),
    (V.UPHELD, {"made": claim("ordering"), "on": disturbed(pair=("b", "c"))}),
    (V.UPHELD, {"on": disturbed()}),
    (V.INCONCLUSIVE, {"on": replace(run(), record=record(status="aborted"))}),
    (V.UPHELD, {"on": replace(run(), record=record(status="partial"))}),
    (V.UPHELD, {"on": run((1000, 800))}),
    (V.REFUTED, {"on": run((1200, 800))}),
    (V.UPHELD, {"made": runs_claim(), "on": run()}),
    (V.INCOMPARABLE, {"made": runs_claim(version="2.0.22"), "on": run()}),
    (V.NOT_RUN, {"made": runs_claim(), "on": replace(run(), stacks={})}),
    (V.UPHELD, {"made": runs_claim(), "on": replace(run(), stacks={"a": stack()}, trials={})}),
]


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_each_row_of_the_table_ends_where_the_next_begins(number):
    verdict, parts = ROWS[number]
    assert judged(**parts) == verdict


def test_every_verdict_has_its_rows():
    assert {verdict for verdict, _ in ROWS} == set(ClaimVerdict)
