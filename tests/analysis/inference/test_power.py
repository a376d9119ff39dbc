from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower

from analysis.inference import FEWEST_BLOCKS, blocks_needed, detectable_effect

SPREADS = st.floats(0.005, 0.2)
EFFECTS = st.floats(0.01, 0.5)


def formula(count, sd, effect):
    t = stats.t.ppf(0.975, count - 1) + stats.t.ppf(0.90, count - 1)
    return (t * sd / math.log(1 + effect)) ** 2


def test_twenty_blocks_of_the_bare_metal_profile():
    # t(.975, 19) + t(.90, 19) = 2.0930 + 1.3277: 3 % is found up to a spread of 3.864 %.
    assert detectable_effect(0.03864, 20) == pytest.approx(0.03, abs=1e-5)
    assert blocks_needed(0.0386, 0.03) == 20
    assert blocks_needed(0.0387, 0.03) == 21


@given(SPREADS, EFFECTS)
def test_it_is_the_smallest_number_that_satisfies_the_formula(sd, effect):
    count = blocks_needed(sd, effect)
    assert count >= formula(count, sd, effect)
    assert count == FEWEST_BLOCKS or count - 1 < formula(count - 1, sd, effect)


@given(SPREADS, EFFECTS)
def test_what_so_many_blocks_detect_is_no_more_than_was_asked_for(sd, effect):
    assert detectable_effect(sd, blocks_needed(sd, effect)) <= effect * (1 + 1e-9)


@pytest.mark.parametrize("blocks", [10, 20, 40])
def test_the_formula_gives_the_power_that_it_states(blocks):
    effect = math.log1p(detectable_effect(0.04, blocks)) / 0.04
    assert TTestPower().power(effect, blocks, 0.05) == pytest.approx(0.90, abs=0.002)


def test_never_fewer_than_ten():
    assert blocks_needed(0.0, 0.03) == FEWEST_BLOCKS
    assert blocks_needed(0.001, 0.5) == FEWEST_BLOCKS


def test_a_slowdown_needs_as_many_as_the_inverse_speedup():
    assert blocks_needed(0.1, 1 / 1.03 - 1) == blocks_needed(0.1, 0.03)


def test_a_tiny_effect_needs_many_blocks_and_no_long_search():
    assert blocks_needed(0.2, 0.0005) == pytest.approx(1_682_600, rel=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"effect": 0.0},
        {"effect": -1.0},
        {"sd": -0.1},
        {"sd": math.nan},
    ],
)
def test_what_has_no_answer_is_refused(wrong):
    with pytest.raises(ValueError, match=r"effect|deviation"):
        blocks_needed(**{"sd": 0.04, "effect": 0.03, **wrong})


def test_one_block_detects_nothing():
    with pytest.raises(ValueError, match="two blocks"):
        detectable_effect(0.04, 1)
