from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from analysis.inference import holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_holm_on_a_worked_example():
    # 3 x .010, then max(.030, 2 x .030), then max(.060, 1 x .040)
    assert holm([0.030, 0.010, 0.040]) == pytest.approx((0.060, 0.030, 0.060))


def test_holm_leaves_a_single_comparison_alone():
    assert holm([0.04]) == (0.04,)
    assert holm([]) == ()


# statsmodels collects garbage in every call: few of them, however long they take.
@settings(max_examples=10)
@given(P_VALUES)
def test_holm_agrees_with_statsmodels(p_values):
    _, known, _, _ = multipletests(p_values, method="holm")
    assert holm(p_values) == tuple(known)


@given(P_VALUES)
def test_holm_only_ever_raises_p_and_keeps_the_order(p_values):
    adjusted = holm(p_values)
    assert all(after >= before for before, after in zip(p_values, adjusted, strict=True))
    assert max(adjusted) <= 1
    pairs = sorted(zip(p_values, adjusted, strict=True))
    assert [after for _, after in pairs] == sorted(adjusted)


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_holm_refuses_what_is_no_probability(p):
    with pytest.raises(ValueError, match="p values"):
        holm([0.01, p])
