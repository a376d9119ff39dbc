from __future__ import annotations

import math

import numpy as np
import pytest
from arch.bootstrap import IIDBootstrap
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.inference import estimate_ratio, paired_t, signed_rank, studentised_bootstrap
from analysis.inference.estimators import _signed_rank_distribution, _studentised

# Hamilton's depression scores of nine patients, after minus before: Hollander and Wolfe,
# Nonparametric Statistical Methods, table 3.1; their results are in examples 3.1, 3.3 and 3.4.
BEFORE = (1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30)
AFTER = (0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29)
SCORES = [after - before for before, after in zip(BEFORE, AFTER, strict=True)]

# Multiples of 1/64: sums and means of them are exact, so that ties are ties.
LOGS = st.lists(st.integers(-64, 64).map(lambda value: value / 64), min_size=6, max_size=25)


def estimates(values, seed=1):
    return list(estimate_ratio(values, seed=seed, resamples=199))


def quick_bootstrap(values):
    return studentised_bootstrap(values, seed=1, resamples=199)


def test_paired_t_on_a_worked_example():
    # d = ln 2, ln 2.2, ln 1.8: mean .6906, sd .1004, t(.975, 2) = 4.3027, half-width .2493
    found = paired_t([math.log(2), math.log(2.2), math.log(1.8)])
    assert found.ratio == pytest.approx(1.9933, abs=1e-4)
    assert found.ci95.low == pytest.approx(1.5535, abs=1e-3)
    assert found.ci95.high == pytest.approx(2.5577, abs=1e-3)


def test_paired_t_agrees_with_scipy():
    found, known = paired_t(SCORES), stats.ttest_1samp(SCORES, 0.0)
    assert found.p == pytest.approx(known.pvalue)
    for interval, level in ((found.ci95, 0.95), (found.ci90, 0.90)):
        low, high = known.confidence_interval(level)
        assert (interval.low, interval.high) == pytest.approx((math.exp(low), math.exp(high)))


def test_signed_rank_gives_the_published_answer():
    found = signed_rank(SCORES)
    assert math.log(found.ratio) == pytest.approx(-0.46)
    assert math.log(found.ci95.low) == pytest.approx(-0.786)
    assert math.log(found.ci95.high) == pytest.approx(-0.010)
    assert found.p == pytest.approx(0.039, abs=5e-4)


@given(st.lists(st.integers(-3000, 3000), min_size=6, max_size=25, unique_by=abs))
def test_the_signed_rank_interval_excludes_one_when_its_test_rejects(values):
    assume(0 not in values)
    found = signed_rank([value / 1000 for value in values])
    # A Walsh average of exactly 0 is the boundary itself.
    assume(1.0 not in {found.ci95.low, found.ci95.high})
    assert found.ci95.excludes(1.0) == (found.p < 0.05)


@pytest.mark.parametrize("count", [6, 9, 15, 30])
def test_the_null_distribution_of_the_ranks_is_scipys(count):
    # With all differences positive and distinct, p is twice P(T = 0) = 2 / 2^n; leaving the
    # smallest ones negative walks up the distribution, which is where the interval looks.
    for negative in range(4):
        values = [-(rank + 1.0) if rank < negative else rank + 1.0 for rank in range(count)]
        known = stats.wilcoxon(values, method="exact").pvalue
        ranks = negative * (negative + 1) // 2
        assert 2 * _signed_rank_distribution(count)[: ranks + 1].sum() == pytest.approx(known)


def test_the_bootstrap_resamples_and_studentises_as_arch_does():
    count = len(SCORES)
    known = IIDBootstrap(np.array(SCORES), seed=np.random.default_rng(3))
    low, high = known.conf_int(
        np.mean,
        reps=9999,
        method="studentized",
        std_err_func=lambda _, drawn: drawn.std(ddof=1) / math.sqrt(count),
    ).ravel()
    found = studentised_bootstrap(SCORES, seed=3)
    mean = np.mean(SCORES)
    # arch draws the same resamples, but scales by the spread of the bootstrap means, which lacks
    # sqrt((n - 1) / n).
    shrunk = math.sqrt((count - 1) / count)
    assert mean - low == pytest.approx(shrunk * (mean - math.log(found.ci95.low)), rel=0.01)
    assert high - mean == pytest.approx(shrunk * (math.log(found.ci95.high) - mean), rel=0.01)


@pytest.mark.parametrize("count", [6, 9, 30])
def test_the_resamples_are_those_of_arch(count):
    """Older bundles were judged by them: what is derived again must not differ in a digit."""
    d = np.random.default_rng(count).normal(size=count)
    known = IIDBootstrap(d, seed=np.random.default_rng(7))
    drawn = np.stack([sample for (sample,), _ in known.bootstrap(999)])
    t = (drawn.mean(axis=1) - d.mean()) / (drawn.std(axis=1, ddof=1) / math.sqrt(count))
    assert _studentised(d, d.mean(), 7, 999).tolist() == sorted(t.tolist())


def test_the_bootstrap_depends_on_its_seed_alone():
    assert studentised_bootstrap(SCORES, seed=5) == studentised_bootstrap(SCORES, seed=5)
    assert studentised_bootstrap(SCORES, seed=5) != studentised_bootstrap(SCORES, seed=6)


@pytest.mark.parametrize("method", [paired_t, quick_bootstrap, signed_rank])
def test_an_interval_covers_the_truth_as_often_as_it_says(method):
    # Student t with 5 degrees of freedom: heavier tails than the t interval assumes.
    noise = 0.05 * np.random.default_rng(20240101).standard_t(5, (1000, 12))
    covered95 = covered90 = 0
    for values in noise.tolist():
        found = method(values)
        covered95 += found.ci95.low <= 1 <= found.ci95.high
        covered90 += found.ci90.low <= 1 <= found.ci90.high
    assert 0.93 <= covered95 / 1000 <= 0.975
    assert 0.88 <= covered90 / 1000 <= 0.935


@settings(max_examples=50, deadline=None)
@given(st.floats(-3, 3), st.integers(6, 30))
def test_a_constant_factor_is_found_exactly_by_all(log_ratio, count):
    for found in estimates([log_ratio] * count):
        assert found.ratio == pytest.approx(math.exp(log_ratio))
        assert found.ci95.low == pytest.approx(found.ratio)
        assert found.ci90.high == pytest.approx(found.ratio)


@settings(max_examples=50, deadline=None)
@given(LOGS)
def test_the_intervals_are_nested_around_the_estimate(values):
    for found in estimates(values):
        ends = [
            found.ci95.low,
            found.ci90.low,
            found.ci90.high,
            found.ci95.high,
        ]
        assert ends == sorted(ends)
        if found.method != "studentised bootstrap":  # which may be skewed past its centre
            assert found.ci90.low <= found.ratio * (1 + 1e-12)
            assert found.ratio <= found.ci90.high * (1 + 1e-12)


@settings(max_examples=50, deadline=None)
@given(LOGS, st.integers(-64, 64).map(lambda value: value / 64))
def test_a_shift_of_all_blocks_shifts_everything(values, shift):
    moved = estimates([value + shift for value in values])
    for before, after in zip(estimates(values), moved, strict=True):
        assert after.ratio == pytest.approx(before.ratio * math.exp(shift))
        assert after.ci95.low == pytest.approx(before.ci95.low * math.exp(shift), rel=1e-6)
        assert after.ci95.high == pytest.approx(before.ci95.high * math.exp(shift), rel=1e-6)


@given(LOGS)
def test_swapping_the_subjects_inverts_ratio_and_interval(values):
    for method in (paired_t, signed_rank):
        forth, back = method(values), method([-value for value in values])
        assert forth.ratio == pytest.approx(1 / back.ratio)
        assert forth.ci95.low == pytest.approx(1 / back.ci95.high)


def test_one_block_gives_an_estimate_without_an_interval():
    for found in estimates([math.log(1.5)]):
        assert found.ratio == pytest.approx(1.5)
        assert (found.ci95, found.ci90) == (None, None)


def test_with_five_blocks_only_t_has_a_95_percent_interval():
    t, bootstrap, ranks = estimates([0.1, 0.2, 0.3, 0.4, 0.6])
    assert t.ci95 is not None
    assert bootstrap.ci95 is None
    assert (ranks.ci95, ranks.ci90 is None) == (None, False)


@pytest.mark.parametrize("method", [paired_t, signed_rank, estimates])
def test_no_block_is_no_estimate(method):
    with pytest.raises(ValueError, match="block"):
        method([])


def test_an_outlier_moves_the_ranks_less_than_the_mean():
    steady = [0.01 * value for value in range(-6, 7)]
    t, _, ranks = estimates([*steady, 3.0])
    assert abs(math.log(ranks.ratio)) < abs(math.log(t.ratio)) / 10
