"""The rule of the null arm on runs whose truth is known; `python -m bench.nullarm` is the whole."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis.inference import LogRatios, PairedSample, Verdict, rule
from analysis.inference.nullarm import LOOKS, at_look, findable_effect, widen_sample
from bench.nullarm import Law, combined, draw, early, simulate, verdicts

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
    ],
)
def test_the_simulated_rule_is_the_rule(law):
    d, a = draw(law, 60, np.random.default_rng(11))
    masks = verdicts(d, a, law.margin)
    for at in range(len(d)):
        measured = widen_sample(PairedSample(series(d[at]), series(a[at])))
        verdict = rule(measured, margin=law.margin, better="higher").verdict
        given = [name for name in NAMES.values() if masks[name][at]]
        assert given == ([NAMES[verdict]] if verdict in NAMES else [])
        assert measured.half_width.at(0.05) == pytest.approx(masks["half_width"][at])


def test_the_simulated_looks_are_the_looks():
    for blocks, boundary in LOOKS.items():
        d, a = draw(Law(blocks), 20, np.random.default_rng(12))
        widths = verdicts(d, a, 0.05, boundary=boundary)["half_width"]
        for at in range(len(d)):
            looked = at_look(widen_sample(PairedSample(series(d[at]), series(a[at]))))
            ci95 = looked.estimate.ci95
            assert math.log(ci95.high / ci95.low) / 2 == pytest.approx(widths[at])


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


def test_stopping_early_keeps_the_error_and_saves_blocks():
    null = early(TWENTY, sessions=SESSIONS, seed=7)
    assert null["found"] <= most(0.05)
    effect = early(replace(TWENTY, effect=0.05), sessions=SESSIONS, seed=7)
    assert effect["found"] >= least(0.98)
    assert effect["mean_blocks"] < 14


@pytest.mark.parametrize("law", [replace(TEN, noise=0.02), TEN, replace(TEN, heavy=True)])
def test_runs_together_cover_the_truth_and_rarely_disagree(law):
    found = combined(law, 3, sessions=800, seed=7)
    assert found["covered"] >= least(0.95, 800)
    assert found["disagree"] <= most(0.07, 800)
    # Runs whose true ratios differ are told apart.
    assert combined(law, 3, between=0.05, sessions=100, seed=7)["disagree"] > 0.5
