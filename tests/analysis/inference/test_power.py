from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.power import TTestPower

from analysis.inference import FEWEST_BLOCKS, blocks_needed, findable_effect

SPREADS = st.floats(0.005, 0.2)
EFFECTS = st.floats(0.021, 0.5)


def test_twenty_blocks_of_the_bare_metal_profile():
    # t(.975, 19) + t(.90, 19) = 2.0930 + 1.3277: 3 % is found up to a spread of 3.864 %.
    assert findable_effect(0.03864, 20, beta=0.0) == pytest.approx(0.03, abs=1e-5)
    assert blocks_needed(0.0386, 0.03, beta=0.0) == 20
    assert blocks_needed(0.0387, 0.03, beta=0.0) == 21
    # What deployments keep takes more: z in place of t, times sqrt(1.5) beta, in quadrature.
    assert blocks_needed(0.0386, 0.03) == 35


@given(SPREADS, EFFECTS)
def test_it_is_the_smallest_number_that_finds_the_effect(sd, effect):
    count = blocks_needed(sd, effect)
    assert findable_effect(sd, count) <= effect
    assert count == FEWEST_BLOCKS or findable_effect(sd, count - 1) > effect


@pytest.mark.parametrize("blocks", [10, 20, 40])
def test_the_formula_gives_the_power_that_it_states(blocks):
    effect = math.log1p(findable_effect(0.04, blocks, beta=0.0)) / 0.04
    assert TTestPower().power(effect, blocks, 0.05) == pytest.approx(0.90, abs=0.002)


def test_never_fewer_than_ten():
    assert blocks_needed(0.0, 0.03) == FEWEST_BLOCKS
    assert blocks_needed(0.001, 0.5) == FEWEST_BLOCKS


def test_no_number_of_blocks_finds_what_deployments_differ_by():
    # (1.960 + 1.282) sqrt(1.5) x .005 = .01985
    assert blocks_needed(0.001, 0.020) is None
    assert blocks_needed(0.001, 0.021) == FEWEST_BLOCKS
    assert blocks_needed(0.001, 0.021, beta=0.006) is None


def test_a_tiny_effect_needs_many_blocks_and_no_long_search():
    assert blocks_needed(0.2, 0.0005, beta=0.0) == pytest.approx(1_682_600, rel=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"effect": 0.0},
        {"effect": -0.03},
        {"effect": math.nan},
        {"sd": -0.1},
        {"sd": math.nan},
    ],
)
def test_what_has_no_answer_is_refused(wrong):
    with pytest.raises(ValueError, match=r"effect|deviation"):
        blocks_needed(**{"sd": 0.04, "effect": 0.03, **wrong})
