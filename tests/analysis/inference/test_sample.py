from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.inference import PairedSample

FIGURE = st.floats(1e-3, 1e6)
BLOCKS = st.dictionaries(
    st.integers(1, 30), st.tuples(FIGURE, FIGURE, FIGURE), min_size=1, max_size=20
)


def arms(blocks):
    return [{block: figures[arm] for block, figures in blocks.items()} for arm in range(3)]


def test_the_two_log_ratios_of_a_block():
    sample = PairedSample.of({1: 100.0}, {1: 120.0}, {1: 81.0})
    assert sample.d.values == pytest.approx([math.log(120 / 90)])  # sqrt(100 x 81) = 90
    assert sample.a is not None
    assert sample.a.values == pytest.approx([math.log(81 / 100)])


def test_without_a_null_arm_the_baseline_stands_alone():
    sample = PairedSample.of({1: 100.0}, {1: 120.0})
    assert sample.d.values == pytest.approx([math.log(1.2)])
    assert sample.a is None


def test_a_block_without_a_figure_is_dropped_and_named():
    baseline = {1: 10.0, 2: 10.0, 3: None, 4: 10.0}
    candidate = {1: 11.0, 2: None, 3: 11.0, 4: 11.0}
    null = {1: 10.0, 2: 10.0, 3: 10.0, 5: 10.0}
    sample = PairedSample.of(baseline, candidate, null)
    assert (sample.d.blocks, sample.d.dropped) == ((1,), (2, 3, 4, 5))
    assert sample.a is not None
    # The null arm needs no candidate.
    assert (sample.a.blocks, sample.a.dropped) == ((1, 2), (3, 4, 5))


def test_a_null_arm_that_never_ran_leaves_nothing_to_compare():
    sample = PairedSample.of({1: 10.0}, {1: 11.0}, {})
    assert len(sample.d) == 0
    assert sample.d.dropped == (1,)


@pytest.mark.parametrize("figure", [0.0, -1.0, math.inf, math.nan])
def test_a_figure_without_a_logarithm_is_refused(figure):
    with pytest.raises(ValueError, match="block 7"):
        PairedSample.of({7: 1.0}, {7: figure})


@given(BLOCKS, FIGURE)
def test_what_slows_a_whole_block_cancels(blocks, factor):
    a, b, n = arms(blocks)
    first, *_ = blocks
    slowed = [{**arm, first: arm[first] * factor} for arm in (a, b, n)]
    plain, slow = PairedSample.of(a, b, n), PairedSample.of(slowed[0], slowed[1], slowed[2])
    assert slow.d.values == pytest.approx(plain.d.values, abs=1e-9)


@given(BLOCKS)
def test_swapping_the_subjects_turns_the_sign(blocks):
    a, b, _ = arms(blocks)
    forth, back = PairedSample.of(a, b).d.values, PairedSample.of(b, a).d.values
    assert forth == pytest.approx([-value for value in back])
