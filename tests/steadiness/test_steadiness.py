"""Error rates on synthetic courses; the seeds are fixed, the rates are those of the docs."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from analysis.steadiness import (
    Segment,
    Series,
    Shape,
    change_points,
    classify,
    examine,
    mser5,
    noise_of,
    theil_sen,
    warmup_needed,
)
from tests.steadiness.courses import WINDOW_S, course, noise, step

TRIALS = 200


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6])
def test_the_noise_of_a_series_is_found_and_a_change_of_level_is_not_taken_for_it(rho):
    rng = np.random.default_rng(1)
    for level in (np.zeros(400), step(400, 0.5, 0.0, 2.0)):
        found = [noise_of(list(level + noise(400, rho, rng))) for _ in range(50)]
        assert np.mean([each.rho for each in found]) == pytest.approx(rho, abs=0.06)
        assert np.mean([each.variance for each in found]) == pytest.approx(1.0, rel=0.12)


@pytest.mark.parametrize(("rho", "most"), [(0.0, 0.02), (0.3, 0.06), (0.6, 0.10)])
@pytest.mark.parametrize("windows", [50, 100, 400])
def test_steady_noise_rarely_shows_a_change_of_level(windows, rho, most):
    rng = np.random.default_rng(2)
    seen = [bool(change_points(list(noise(windows, rho, rng)))) for _ in range(TRIALS)]
    # Two standard errors of the share that the docs promise.
    assert np.mean(seen) <= most + 2 * np.sqrt(most / TRIALS)


def test_a_change_of_level_is_found_where_it_is():
    rng = np.random.default_rng(3)
    found = [change_points(course(step(100, 0.4, 1.0, 0.8), rng=rng).values) for _ in range(TRIALS)]
    assert np.mean([len(each) == 1 for each in found]) >= 0.95
    assert np.mean([abs(each[0] - 40) <= 2 for each in found if each]) >= 0.95


def test_a_constant_series_has_no_change_and_no_slope():
    still = Series("throughput", "higher", WINDOW_S, (5.0,) * 60)
    assert change_points(still.values) == ()
    slope = theil_sen(still)
    assert (slope.per_second, slope.low, slope.high) == (0, 0, 0)
    assert examine(still).shape is Shape.FLAT


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6])
def test_the_interval_of_the_slope_holds_its_level_and_finds_a_drift(rho):
    rng = np.random.default_rng(4)
    flat, drifting = np.ones(100), 1 - 0.2 * np.arange(100) / 100
    slopes = [theil_sen(course(flat, rho=rho, rng=rng)) for _ in range(TRIALS)]
    found = [slope.low > 0 or slope.high < 0 for slope in slopes]
    assert np.mean(found) <= 0.05 + 2 * np.sqrt(0.05 / TRIALS)
    drifts = [examine(course(drifting, rho=rho, rng=rng)).drift for _ in range(50)]
    assert np.mean([each.high < 0 for each in drifts]) >= 0.95
    # A fifth of the first level, seen from the median, which lies a tenth below it.
    expected = -0.2 / 0.9
    assert np.mean([each.change for each in drifts]) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(("share", "least_said"), [(0.1, 0.8), (0.2, 0.8), (0.4, 0.7)])
def test_mser_leaves_out_a_warmup_and_little_more(share, least_said):
    rng = np.random.default_rng(5)
    cut = [mser5(course(step(100, share, 0.7, 1.0), rng=rng).values) for _ in range(TRIALS)]
    said = [each for each in cut if each is not None]
    assert len(said) >= least_said * TRIALS
    assert np.mean([each >= 100 * share for each in said]) >= 0.99
    assert np.median(said) <= 100 * share + 5


def test_mser_says_nothing_of_a_series_that_is_all_warmup():
    rng = np.random.default_rng(6)
    rising = course(np.linspace(0.5, 1.0, 100), spread=0.01, rng=rng)
    assert mser5(rising.values) is None
    assert examine(rising).truncation_s is None


def test_mser_refuses_what_is_too_short():
    with pytest.raises(ValueError, match="50 windows, not 49"):
        mser5([1.0] * 49)


def test_the_mean_of_trials_shows_the_warmup_that_all_of_them_have():
    rng = np.random.default_rng(7)
    trials = [course(step(100, 0.2, 0.9, 1.0), spread=0.15, rng=rng) for _ in range(20)]
    assert warmup_needed(trials) == pytest.approx(20 * WINDOW_S, abs=5 * WINDOW_S)
    other = Series("throughput", "higher", 2 * WINDOW_S, trials[0].values)
    with pytest.raises(ValueError, match="windows of one length"):
        warmup_needed([trials[0], other])


@pytest.mark.parametrize(
    ("level", "shape"),
    [
        (np.ones(100), Shape.FLAT),
        (step(100, 0.2, 0.7, 1.0), Shape.WARMUP),
        (step(100, 0.5, 1.0, 0.8), Shape.SLOWDOWN),
        (step(100, 0.85, 1.0, 0.8), Shape.NO_STEADY_STATE),
    ],
)
@pytest.mark.parametrize("rho", [0.0, 0.3])
def test_the_course_of_a_trial_is_named(level, shape, rho):
    rng = np.random.default_rng(8)
    named = Counter(examine(course(level, rho=rho, rng=rng)).shape for _ in range(100))
    assert named[shape] >= 92


def test_a_course_is_named_by_what_is_better_for_its_figure():
    levels = [Segment(0, 20, 10.0), Segment(20, 100, 8.0)]
    assert classify(levels, better="lower") is Shape.WARMUP
    assert classify(levels, better="higher") is Shape.SLOWDOWN
    near = [Segment(0, 20, 8.1), Segment(20, 100, 8.0)]
    assert classify(near, better="higher") is Shape.FLAT
    with pytest.raises(ValueError, match="at least one level"):
        classify([], better="lower")


def test_a_better_level_between_two_worse_ones_is_a_slowdown():
    levels = [Segment(0, 20, 8.0), Segment(20, 40, 12.0), Segment(40, 100, 10.0)]
    assert classify(levels, better="higher") is Shape.SLOWDOWN
