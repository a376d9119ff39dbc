from __future__ import annotations

import random
from statistics import median

import pytest
from hypothesis import given as given_any
from hypothesis import strategies as st

from analysis.rounding import (
    amount,
    figure,
    fixed,
    given,
    interval,
    median_interval,
    p_value,
    percent,
    places,
    ratio_with_interval,
    significant,
    with_interval,
)


@pytest.mark.parametrize(
    ("value", "low", "high", "said"),
    [
        (1.9402, 1.8482, 2.0370, "1.940 (1.848 to 2.037)"),
        (0.3839, 0.1502, 0.9713, "0.38 (0.15 to 0.97)"),
        (12_449.7, 12_210.2, 12_689.2, "12,450 (12,210 to 12,690)"),
        (4213.0, 1600.0, 6011.0, "4,200 (1,600 to 6,000)"),
        (0.00012345, 0.00012, 0.000127, "0.0001234 (0.0001200 to 0.0001270)"),
        (-7.816, -9.1, -6.5, "-7.8 (-9.1 to -6.5)"),
        (0.0, -0.04, 0.04, "0.000 (-0.040 to 0.040)"),
        (2.0, 2.0, 2.0, "2.00 (2.00 to 2.00)"),
        (101.0, None, None, "101"),
        (None, None, None, "-"),
    ],
)
def test_a_figure_has_the_digits_that_its_interval_leaves_it(value, low, high, said):
    assert with_interval(value, low, high) == said


def test_a_rounded_interval_keeps_its_width_to_a_tenth():
    draw = random.Random(1)
    for _ in range(2000):
        half = 10 ** draw.uniform(-6, 6)
        low = draw.uniform(-50, 50) * half
        ends = [float(end.replace(",", "")) for end in interval(low, low + 2 * half).split(" to ")]
        assert ends[1] - ends[0] == pytest.approx(2 * half, rel=0.1)


def test_without_an_interval_a_figure_has_three_digits_or_all_that_stand_left_of_the_point():
    said = [figure(value) for value in (1234.5, 123.4, 1.2345, 0.00123456, 0)]
    assert said == ["1,234", "123", "1.23", "0.00123", "0"]
    assert [significant(float("inf")), fixed(-0.0001, 2)] == ["inf", "0.00"]


def test_no_ratio_is_shown_as_nothing():
    assert ratio_with_interval(0.41, 0.04, 4.2) == "0.4 (0.04 to 4.2)"
    assert ratio_with_interval(1.828, 1.799, 1.858) == "1.828 (1.799 to 1.858)"
    assert ratio_with_interval(0.687, None, None) == "0.687"


@pytest.mark.parametrize("half", [0.0, -1.0, float("inf"), float("nan")])
def test_nothing_is_known_to_plus_or_minus_what_is_no_width(half):
    with pytest.raises(ValueError, match="nothing is known"):
        places(half)


def test_shares_are_percentages_of_three_digits_and_then_times():
    assert [percent(0.1234), percent(0.1234, 1), percent(None)] == ["12 %", "12.3 %", "-"]
    assert [percent(share, 1) for share in (6.842, 15.014, 268.2)] == [
        "684 %",
        "15 times",
        "268 times",
    ]


def test_an_amount_has_its_unit_and_no_exponent():
    assert amount(26_820.4, "% of a core") == "268 times a core"
    assert amount(15.2, "% of the trials") == "15.2 % of the trials"
    assert amount(1.0, "loads") == "1 loads"
    assert [amount(2019, ""), amount(9999.7, "")] == ["2019", "10000"]
    assert amount(123_456.7, "ms") == "123,457 ms"
    assert [given(1e6), given(0.95), given(20.0), given(123_456.75)] == [
        "1,000,000",
        "0.95",
        "20",
        "123,456.75",
    ]
    assert [p_value(0.0123), p_value(1e-9)] == ["p 0.012", "p < 0.0001"]


@given_any(st.floats(1e-6, 1e12), st.sampled_from(["%", "% of a core", "ms", ""]))
def test_no_amount_has_an_exponent_or_more_than_three_digits_after_the_point(value, unit):
    shown = amount(value, unit)
    assert "e" not in shown.replace("core", "").replace("times", "")
    assert len(shown.partition(" ")[0].partition(".")[2].lstrip("0")) <= 3


@pytest.mark.parametrize(
    ("count", "reach"), [(5, None), (6, 1), (9, 2), (12, 3), (20, 6), (30, 10)]
)
def test_the_interval_of_a_median_reaches_from_the_tabled_ranks(count, reach):
    # Conover's table of the binomial with p = 1/2, at 2.5 % on either side.
    values = [float(value) for value in range(1, count + 1)]
    ends = (None, None) if reach is None else (float(reach), float(count + 1 - reach))
    assert median_interval(values) == (median(values), *ends)


def test_the_interval_of_a_median_holds_it_nineteen_times_in_twenty():
    draw = random.Random(2)
    held = 0
    for _ in range(2000):
        _, low, high = median_interval([draw.expovariate(1) for _ in range(12)])
        held += low <= 0.6931 <= high
    assert 0.95 <= held / 2000 <= 0.975
