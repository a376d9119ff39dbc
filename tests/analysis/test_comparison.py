from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.comparison import paired_ratio

FIGURES = st.lists(st.floats(1.0, 1e6), min_size=2, max_size=30)


def test_a_worked_example():
    # d = ln 2, ln 2.2, ln 1.8: mean .6906, sd .1004, t(.975, 2) = 4.3027, half-width .2493
    ratio = paired_ratio([100, 100, 100], [200, 220, 180])
    assert ratio.ratio == pytest.approx(1.9933, abs=1e-4)
    assert ratio.low == pytest.approx(1.5535, abs=1e-3)
    assert ratio.high == pytest.approx(2.5577, abs=1e-3)
    assert ratio.blocks == 3


@given(FIGURES, st.floats(0.1, 10))
def test_a_constant_factor_is_found_exactly(figures, factor):
    ratio = paired_ratio(figures, [figure * factor for figure in figures])
    assert ratio.ratio == pytest.approx(factor)
    assert ratio.low == pytest.approx(factor)
    assert ratio.high == pytest.approx(factor)
    assert ratio.detectable == pytest.approx(0, abs=1e-6)


@given(st.lists(st.tuples(st.floats(1, 1e6), st.floats(1, 1e6)), min_size=2, max_size=30))
def test_swapping_the_subjects_inverts_the_ratio(pairs):
    forth = paired_ratio([a for a, _ in pairs], [b for _, b in pairs])
    back = paired_ratio([b for _, b in pairs], [a for a, _ in pairs])
    assert forth.ratio == pytest.approx(1 / back.ratio, rel=1e-9)
    assert forth.low == pytest.approx(1 / back.high, rel=1e-6)
    assert forth.low <= forth.ratio <= forth.high


def test_the_interval_covers_the_truth_as_often_as_it_says():
    draw = random.Random(20240101)
    covered = 0
    for _ in range(2000):
        noise = [draw.gauss(0, 0.05) for _ in range(6)]
        ratio = paired_ratio([1.0] * 6, [1.1 * math.exp(each) for each in noise])
        covered += ratio.low <= 1.1 <= ratio.high
    assert 0.94 <= covered / 2000 <= 0.96


def test_one_block_gives_an_estimate_without_an_interval():
    ratio = paired_ratio([2.0], [3.0])
    assert ratio.ratio == pytest.approx(1.5)
    assert (ratio.low, ratio.high, ratio.detectable) == (None, None, None)


@pytest.mark.parametrize(("ours", "theirs"), [([], []), ([1.0], [1.0, 2.0]), ([0.0], [1.0])])
def test_what_makes_no_pairs_is_refused(ours, theirs):
    with pytest.raises(ValueError, match=r"pairs|positive"):
        paired_ratio(ours, theirs)
