from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from analysis.inference.nullarm import Lack, Undefined, widen_sample
from analysis.inference.runs import RunMean, combine
from tests.analysis.inference.test_nullarm import drawn

RUNS = st.lists(
    st.builds(RunMean, st.floats(-0.2, 0.2), st.floats(0.001, 0.1), st.integers(2, 40)),
    min_size=2,
    max_size=6,
)


def logs(interval):
    return math.log(interval.low), math.log(interval.high)


def known(runs):
    """As statsmodels has it, which also divides by a q or a tau^2 that may be 0."""
    means, variances = [r.mean for r in runs], [r.error**2 for r in runs]
    with np.errstate(all="ignore"):
        return combine_effects(np.array(means), np.array(variances), method_re="chi2")


@given(RUNS)
def test_without_beta_it_is_the_random_effects_mean_of_statsmodels(runs):
    found, other = combine(runs, beta=0.0), known(runs)
    assert found.tau**2 == pytest.approx(max(0.0, other.tau2), abs=1e-12)
    if other.tau2 >= 0:
        assert math.log(found.estimate.ratio) == pytest.approx(other.mean_effect_re, abs=1e-9)
    assert found.cochran_p == pytest.approx(stats.chi2.sf(other.q, len(runs) - 1), abs=1e-4)


@given(RUNS)
def test_the_half_width_is_that_of_the_formula(runs):
    beta = 0.004
    found = combine(runs, beta=beta)
    tau2 = max(0.0, known(runs).tau2, 1.5 * beta**2)
    weights = np.array([1 / (r.error**2 + tau2) for r in runs])
    means = np.array([r.mean for r in runs])
    mean = np.average(means, weights=weights)
    q = (weights * (means - mean) ** 2).sum() / (len(runs) - 1)
    half = stats.t.ppf(0.975, sum(r.blocks - 1 for r in runs)) * math.sqrt(
        max(1, q) / weights.sum()
    )
    assert logs(found.estimate.ci95) == pytest.approx((mean - half, mean + half), abs=1e-9)
    assert found.tau == pytest.approx(math.sqrt(tau2))
    assert found.blocks == sum(r.blocks for r in runs)
    assert (found.estimate.p < 0.05) == found.estimate.ci95.excludes(1.0)


@given(RUNS, st.floats(-0.5, 0.5))
def test_a_shift_of_all_runs_shifts_the_interval(runs, shift):
    moved = combine([RunMean(r.mean + shift, r.error, r.blocks) for r in runs])
    here = combine(runs)
    assert logs(moved.estimate.ci95) == pytest.approx(
        [end + shift for end in logs(here.estimate.ci95)], abs=1e-8
    )
    assert moved.cochran_p == pytest.approx(here.cochran_p, abs=1e-4)


@given(RUNS)
def test_the_mean_lies_between_the_runs(runs):
    ratio = math.log(combine(runs).estimate.ratio)
    assert min(r.mean for r in runs) - 1e-12 <= ratio <= max(r.mean for r in runs) + 1e-12


def test_runs_apart_disagree_and_what_deployments_explain_does_not():
    apart = [RunMean(0.0, 0.004, 10), RunMean(0.05, 0.004, 10)]
    assert combine(apart).disagree
    # 1.3 % is more than the blocks explain (p = .02), but not more than blocks and deployments.
    near = [RunMean(0.0, 0.004, 10), RunMean(0.013, 0.004, 10)]
    assert combine(near, beta=0.0).cochran_p == pytest.approx(0.0216, abs=1e-3)
    assert not combine(near).disagree


@pytest.mark.parametrize("count", [0, 1])
def test_one_run_has_nothing_to_be_combined_with(count):
    found = combine([RunMean(0.1, 0.01, 10)] * count)
    assert isinstance(found, Undefined)
    assert found.lack is Lack.ONE_RUN


@pytest.mark.parametrize(
    "run",
    [
        RunMean(math.nan, 0.01, 10),
        RunMean(0.1, 0.0, 10),
        RunMean(0.1, math.inf, 10),
        RunMean(0.1, 0.01, 1),
    ],
)
def test_a_run_without_a_standard_error_is_refused(run):
    with pytest.raises(ValueError, match="a run has a mean"):
        combine([run, RunMean(0.1, 0.01, 10)])


def test_a_beta_below_0_is_refused():
    with pytest.raises(ValueError, match="a standard deviation is not"):
        combine([RunMean(0.1, 0.01, 10)] * 2, beta=-0.1)


def test_a_run_counts_without_floor_and_excess():
    widened = widen_sample(drawn(1, null_shift=0.1))
    assert widened.half_width.excess > 0
    run = RunMean.of(widened)
    assert run == RunMean(widened.mean, widened.sd / math.sqrt(10), 10)
