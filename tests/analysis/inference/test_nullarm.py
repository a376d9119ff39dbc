from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from analysis.inference import LogRatios, PairedSample, paired_t
from analysis.inference.nullarm import (
    HalfWidth,
    Lack,
    Undefined,
    Widened,
    autocorrelation,
    findable_effect,
    widen,
    widen_sample,
)

HALVES = st.builds(
    HalfWidth,
    error=st.floats(1e-4, 0.5),
    blocks=st.integers(2, 70),
    floor=st.one_of(st.just(0.0), st.floats(1e-4, 0.1)),
    excess=st.one_of(st.just(0.0), st.floats(1e-4, 0.2)),
)
ALPHAS = st.floats(1e-12, 0.999)


def ratios(values, blocks=None):
    return LogRatios(tuple(blocks or range(1, len(values) + 1)), tuple(values), ())


def sample(d, a):
    return PairedSample(ratios(d), ratios(a))


def drawn(seed, *, blocks=10, shift=0.0, null_shift=0.0):
    d, a = 0.04 * np.random.default_rng(seed).standard_normal((2, blocks))
    return sample((d + shift).tolist(), (a + null_shift).tolist())


def figures(*rows):
    return [dict(enumerate(row, start=1)) for row in rows]


def test_the_half_width_on_a_worked_example():
    # n = 9, s_d / sqrt(n) = .02 / 3, t(.975, 8) = 2.306, z = 1.960, beta = .01, no excess:
    # sqrt[(2.306 x .006667)^2 + (1.960 x .012247)^2] = sqrt[.00023634 + .00057624] = .028506
    half = HalfWidth(0.02 / 3, 9, math.sqrt(1.5) * 0.01, 0.0)
    assert half.at(0.05) == pytest.approx(0.028506, abs=2e-6)
    assert HalfWidth(0.02 / 3, 9, half.floor, 0.01).at(0.05) == pytest.approx(half.at(0.05) + 0.01)


def test_without_floor_and_excess_it_is_the_paired_t():
    found = widen_sample(sample([0.01, 0.05, 0.02, 0.04], [0.01, -0.01, 0.02, -0.02]), beta=0.0)
    known = paired_t([0.01, 0.05, 0.02, 0.04])
    assert found.half_width.excess == 0
    assert found.estimate.ratio == pytest.approx(known.ratio)
    assert found.estimate.p == pytest.approx(known.p)
    for mine, other in ((found.estimate.ci95, known.ci95), (found.estimate.ci90, known.ci90)):
        assert (mine.low, mine.high) == pytest.approx((other.low, other.high))


def test_the_excess_is_the_null_difference_that_chance_does_not_explain():
    a = [0.10, 0.12, 0.08, 0.11, 0.09, 0.10]  # mean .10, sd .01414, t(.975, 5) = 2.5706
    found = widen_sample(sample([0.02, 0.0, 0.01, 0.03, -0.01, 0.0], a))
    assert found.half_width.excess == pytest.approx(0.10 - 2.5706 * 0.0141421 / math.sqrt(6), 1e-4)
    # The same with A and A' exchanged.
    back = widen_sample(sample([0.02, 0.0, 0.01, 0.03, -0.01, 0.0], [-value for value in a]))
    assert back == found


@given(HALVES, ALPHAS, ALPHAS)
def test_the_half_width_falls_as_alpha_grows(half, first, second):
    assume(first < second * (1 - 1e-9))
    assert half.at(first) > half.at(second) >= half.excess


@given(HALVES, st.floats(1e-87, 0.999))
def test_p_inverts_the_half_width(half, alpha):
    reach = half.at(alpha)
    assume(reach > half.excess * (1 + 1e-6))
    assert half.p(reach) == pytest.approx(alpha, rel=1e-6)
    assert half.p(-reach) == half.p(reach)


@given(HALVES, st.floats(-2, 2))
def test_p_is_below_a_level_exactly_when_that_interval_excludes_0(half, mean):
    p = half.p(mean)
    assert 0 <= p <= 1
    for alpha in (0.05, 0.10):
        assume(abs(abs(mean) - half.at(alpha)) > 1e-9)
        assert (p < alpha) == (abs(mean) > half.at(alpha))


@given(HALVES, st.lists(st.floats(0, 3), min_size=2, max_size=6).map(sorted))
def test_p_falls_as_the_difference_grows(half, means):
    for nearer, farther in pairwise(means):
        assert half.p(nearer) >= half.p(farther) * (1 - 1e-9)


def test_p_at_its_ends():
    half = HalfWidth(0.01, 10, 0.006, 0.05)
    assert half.p(0.0) == half.p(0.05) == 1.0
    assert HalfWidth(0.0, 10, 0.001, 0.0).p(1.0) == 0.0  # a z of 1000
    assert 0 < HalfWidth(0.001, 70, 0.001, 0.0).p(0.05) < 1e-50


@given(st.integers(0, 1000), st.floats(-0.1, 0.1))
def test_more_difference_of_the_null_arm_never_narrows_the_interval(seed, shift):
    # What is added to all a_b leaves their spread alone.
    plain, moved = drawn(seed), drawn(seed, null_shift=shift)
    mean = np.mean(plain.a.values)
    assume(abs(mean + shift) >= abs(mean))
    halves = [widen_sample(each).half_width.at(0.05) for each in (plain, moved)]
    assert halves[0] <= halves[1] + 1e-12


@given(st.integers(0, 1000))
def test_swapping_the_subjects_inverts_the_ratio_and_keeps_p(seed):
    forth = drawn(seed, shift=0.03)
    back = PairedSample(ratios([-value for value in forth.d.values]), forth.a)
    one, other = widen_sample(forth), widen_sample(back)
    assert one.estimate.ratio == pytest.approx(1 / other.estimate.ratio)
    assert one.estimate.ci95.low == pytest.approx(1 / other.estimate.ci95.high)
    assert one.estimate.p == pytest.approx(other.estimate.p)


A, NULL, B = (100.0, 101.0, 99.0), (101.0, 100.0, 102.0), (110.0, 109.0, 112.0)
SQUARED = ((1.0, 4.0, 1.0), (1.0, 1.0, 4.0), (2.0, 4.0, 4.0))  # B is 2 sqrt(A A')


def test_figures_of_trials_are_paired_block_by_block():
    a, null, b = figures(A, NULL, B)
    found = widen(a, b, null)
    d = [math.log(y / math.sqrt(x * z)) for x, z, y in zip(A, NULL, B, strict=True)]
    assert isinstance(found, Widened)
    assert found.mean == pytest.approx(np.mean(d))
    assert found.blocks == 3
    assert found == widen_sample(PairedSample.of(a, b, null))


@pytest.mark.parametrize(
    ("rows", "lack", "blocks", "what"),
    [
        ((A, None, B), Lack.NO_NULL_ARM, 3, "no second deployment"),
        ((A, (None, None, None), B), Lack.NO_BLOCK, 0, "no block holds"),
        ((A, NULL, (None, 110.0, None)), Lack.ONE_BLOCK, 1, "a single block"),
        ((A, A, B), Lack.NO_SPREAD, 3, "A' over A is the same in all 3 blocks"),
        (SQUARED, Lack.NO_SPREAD, 3, "B over A is the same in all 3 blocks"),
        (
            (A, NULL, (110.0, math.nan, 112.0)),
            Lack.NOT_FINITE,
            0,
            "block 2: the figure of B",
        ),
        ((A, (101.0, math.inf, 9.0), B), Lack.NOT_FINITE, 0, "block 2: the figure of A' is inf"),
        (((0.0, 1.0, 2.0), NULL, B), Lack.NOT_POSITIVE, 0, "block 1: the figure of A is 0.0"),
        (((1.0, 1.0, -2.0), NULL, B), Lack.NOT_POSITIVE, 0, "block 3: the figure of A is -2.0"),
    ],
)
def test_what_has_no_interval_says_why(rows, lack, blocks, what):
    a, null, b = (None if row is None else figures(row)[0] for row in rows)
    found = widen(a, b, null)
    assert isinstance(found, Undefined)
    assert (found.lack, found.blocks) == (lack, blocks)
    assert what in found.what


@pytest.mark.parametrize("beta", [-0.01, math.nan])
def test_a_beta_below_0_is_refused(beta):
    with pytest.raises(ValueError, match="a standard deviation is not"):
        widen_sample(drawn(1), beta=beta)


def test_autocorrelation_counts_neighbours_only():
    # Deviations 1, -1, 1, -1: three products of -1 over a sum of squares of 4.
    values = [1.0, -1.0, 1.0, -1.0]
    assert autocorrelation(ratios(values)) == pytest.approx(-0.75)
    # Block 3 was dropped: two products are left.
    assert autocorrelation(ratios(values, [1, 2, 4, 5])) == pytest.approx(-0.5)
    assert autocorrelation(ratios(values, [1, 3, 5, 7])) is None
    assert autocorrelation(ratios([1.0, 2.0])) is None
    assert autocorrelation(ratios([1.0] * 5)) is None


def test_the_findable_effect_on_a_worked_example():
    # n = 10, t(.975, 9) = 2.2622, t(.90, 9) = 1.3830, beta = 0: (2.2622 + 1.3830) .05 / sqrt(10)
    assert findable_effect(0.05, 10, beta=0.0) == pytest.approx(math.expm1(0.057636), abs=1e-5)
    # However many blocks, deployments of beta = .005 leave (1.960 + 1.2816) x .0061237.
    assert findable_effect(0.05, 10**6) == pytest.approx(math.expm1(0.019850), abs=2e-5)
    assert findable_effect(0.0, 10) == pytest.approx(math.expm1(0.019850), abs=2e-5)


@given(st.floats(0.001, 0.3), st.integers(2, 60), st.floats(0, 0.02))
def test_more_blocks_and_less_noise_find_smaller_effects(sd, blocks, beta):
    found = findable_effect(sd, blocks, beta=beta)
    assert findable_effect(sd, blocks + 1, beta=beta) < found
    assert findable_effect(1.1 * sd, blocks, beta=beta) > found


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"blocks": 1}, "needs two blocks"),
        ({"sd": -1.0}, "standard deviations are not"),
        ({"beta": -1.0}, "standard deviations are not"),
    ],
)
def test_an_effect_of_nothing_sensible_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        findable_effect(**({"sd": 0.05, "blocks": 10} | arguments))
