"""The rule of the null arm on runs whose truth is known; `python -m bench.nullarm` is the whole."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis.inference import LogRatios, PairedSample, Verdict, rule
from analysis.inference.nullarm import findable_effect, widen_sample
from bench.nullarm import Law, combined, draw, simulate, verdicts

SESSIONS = 4000
TEN, TWENTY = Law(10), Law(20)
NAMES = {
    Verdict.VOID: "void",
    Verdict.FASTER: "better",
    Verdict.SLOWER: "worse",
    Verdict.NEGLIGIBLE: "negligible",
    Verdict.EQUIVALENT: "equivalent",
    Verdict.INCONCLUSIVE: "inconclusive",
}


def most(share, sessions=SESSIONS):
    """What a true share stays below in all but one of a thousand tests: 3.1 standard errors."""
    return share + 3.1 * math.sqrt(share * (1 - share) / sessions)


def least(share, sessions=SESSIONS):
    return share - 3.1 * math.sqrt(share * (1 - share) / sessions)


def simulated(law, seed=7):
    return simulate(law, sessions=SESSIONS, seed=seed)


def series(values):
    return LogRatios(tuple(range(1, len(values) + 1)), tuple(values.tolist()), ())


@pytest.mark.parametrize(
    "law",
    [
        Law(8, noise=0.05),
        Law(10, noise=0.02, effect=0.03),
        Law(10, noise=0.05, effect=0.05),
        Law(12, noise=0.10, effect=-0.05, bias=0.08),
        Law(5),
        Law(10, noise=0.02, lent=True),
        Law(6, effect=0.1, lent=True),
    ],
)
def test_the_simulated_rule_is_the_rule(law):
    d, a = draw(law, 60, np.random.default_rng(11))
    masks = verdicts(d, a, law)
    for at in range(len(d)):
        sample = PairedSample(series(d[at]), series(a[at]), law.deployments)
        measured = widen_sample(sample)
        verdict = rule(measured, margin=law.margin, better="higher").verdict
        given = [name for name in NAMES.values() if masks[name][at]]
        assert given == ([NAMES[verdict]] if verdict in NAMES else [])
        assert measured.half_width.at(0.05) == pytest.approx(masks["half_width"][at])


def test_the_laws_have_the_noise_they_name():
    for law in (TEN, replace(TEN, correlation=0.4), replace(TEN, bias=0.0)):
        d, a = draw(replace(law, blocks=20), 2000, np.random.default_rng(13))
        assert np.std(a) == pytest.approx(math.hypot(0.05, law.bias * math.sqrt(2)), rel=0.02)
        assert np.std(d) == pytest.approx(np.std(a) * math.sqrt(3) / 2, rel=0.02)
        centred = a - a.mean()
        lag = (centred[:, 1:] * centred[:, :-1]).mean() / centred.var()
        # A lasting bias correlates neighbours as well, by .02 here.
        assert lag == pytest.approx(law.correlation, abs=0.04)


@pytest.mark.parametrize("noise", [0.02, 0.05, 0.10])
@pytest.mark.parametrize("blocks", [6, 10, 20])
@pytest.mark.parametrize("heavy", [False, True])
def test_where_there_is_no_difference_none_is_called(noise, blocks, heavy):
    found = simulated(Law(blocks, noise, heavy=heavy))
    assert found.directions + found.negligible <= most(0.05)
    assert found.covered >= least(0.95)


@pytest.mark.parametrize("noise", [0.02, 0.05, 0.10])
@pytest.mark.parametrize("blocks", [6, 10, 20])
@pytest.mark.parametrize("heavy", [False, True])
def test_the_null_arm_of_a_third_subject_upholds_no_more_wrong_rankings(noise, blocks, heavy):
    """A ranking whose other pairs are certain: it is upheld as often as its one wrong pair is.

    The pair is as near to right as a wrong one can be: its two subjects are equal.
    """
    found = simulated(Law(blocks, noise, heavy=heavy, lent=True))
    assert found.better + found.negligible / 2 <= most(0.025)
    assert found.covered >= least(0.95)


@pytest.mark.parametrize("noise", [0.02, 0.05, 0.10])
@pytest.mark.parametrize("bias", [0.0, 0.01, 0.02])
def test_where_deployments_differ_by_more_than_beta_a_lent_null_arm_is_as_good_as_an_own(
    noise, bias
):
    own, lent = (simulated(Law(10, noise, bias=bias, lent=lent)) for lent in (False, True))
    assert lent.directions + lent.negligible <= most(own.directions + own.negligible) + 0.01


def test_noise_that_hangs_together_raises_the_errors():
    # Why the autocorrelation is printed: the bench finds 14.2 % at ten blocks.
    found = simulated(replace(TEN, correlation=0.4))
    assert least(0.14) <= found.directions + found.negligible <= most(0.145)


@pytest.mark.parametrize(("law", "share"), [(TEN, 0.828), (TWENTY, 0.981)])
def test_a_difference_of_5_percent_is_found(law, share):
    found = simulated(replace(law, effect=0.05))
    assert least(share) <= found.better + found.negligible <= most(share)
    assert found.worse == 0


@pytest.mark.parametrize("blocks", [6, 10, 20])
def test_the_findable_effect_is_found_nine_times_in_ten(blocks):
    effect = findable_effect(0.05 * math.sqrt(3) / 2, blocks)
    found = simulated(Law(blocks, effect=effect))
    # Slightly below nine, because one run in twenty has an excess by chance.
    assert least(0.88) <= found.better + found.negligible <= most(0.905)


@pytest.mark.parametrize("margin", [0.03, 0.05])
@pytest.mark.parametrize("blocks", [10, 20])
def test_a_difference_of_the_margin_is_rarely_called_below_it(blocks, margin):
    found = simulated(Law(blocks, effect=margin, margin=margin))
    assert found.equivalent + found.negligible <= most(0.05)
    assert found.equivalent > 0.01  # it may be: the test must not be empty


def test_deployments_that_differ_by_more_than_the_margin_void_the_run():
    assert simulated(TEN).void <= most(0.0005)
    assert simulated(replace(TEN, bias=0.10)).void > 0.25


@pytest.mark.parametrize("law", [replace(TEN, noise=0.02), TEN, replace(TEN, heavy=True)])
def test_runs_together_cover_the_truth_and_rarely_disagree(law):
    found = combined(law, 3, sessions=800, seed=7)
    assert found["covered"] >= least(0.95, 800)
    assert found["disagree"] <= most(0.07, 800)
    # Runs whose true ratios differ are told apart.
    assert combined(law, 3, between=0.05, sessions=100, seed=7)["disagree"] > 0.5
