from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.inference import variance_shares
from analysis.inference.variance import variances

# Windows of two trials in each of two blocks, by hand:
#   window  each trial has variance 2, so T^2 = 2
#   trial   means 1, 5 | 2, 4: variances 8 and 2, mean 5; less 2 / 2 leaves 4
#   block   means 3, 3: variance 0; less 5 / 2 is negative, so 0
BY_HAND = [[[0, 2], [4, 6]], [[1, 3], [3, 5]]]


def test_a_table_by_hand():
    assert variances(BY_HAND) == pytest.approx({"block": 0, "trial": 4, "window": 2})
    assert variance_shares(BY_HAND) == pytest.approx({"block": 0, "trial": 2 / 3, "window": 1 / 3})
    assert list(variance_shares(BY_HAND)) == ["block", "trial", "window"]


def test_each_level_gets_its_own_noise_back():
    rng = np.random.default_rng(11)
    logs = (
        0.10 * rng.standard_normal((400, 1, 1))
        + 0.02 * rng.standard_normal((400, 4, 1))
        + 0.05 * rng.standard_normal((400, 4, 6))
    )
    found = {name: math.sqrt(variance) for name, variance in variances(logs).items()}
    assert found["block"] == pytest.approx(0.10, rel=0.1)
    assert found["trial"] == pytest.approx(0.02, rel=0.1)
    assert found["window"] == pytest.approx(0.05, rel=0.05)


def test_without_any_noise_the_shares_are_nothing():
    assert variance_shares(np.ones((2, 2, 2))) == {"block": 0, "trial": 0, "window": 0}


@pytest.mark.parametrize("shape", [(4, 2), (1, 2, 2), (2, 1, 2), (2, 2, 1)])
def test_a_level_that_is_not_repeated_has_no_variance(shape):
    with pytest.raises(ValueError, match="at least two"):
        variances(np.ones(shape))


def test_a_missing_figure_is_refused():
    with pytest.raises(ValueError, match="missing"):
        variances([[[0, 1], [2, math.nan]], [[0, 1], [2, 3]]])
