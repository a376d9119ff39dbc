from __future__ import annotations

import math
import random

import numpy as np
import pytest
from scipy import stats

from analysis.inference import LogRatios, linear_trend, order_effects
from analysis.inference.order import FIRST
from bundle.documents.results import CarryOver, Ends
from tests.analysis.inference.sessions import BASELINE, NULL, interleaved, paired, session

NAMES = {0: "A", 1: "A'", 2: "B"}


def orders(blocks, seed):
    """By block, the subjects' names in randomised order, and the same as places in the session."""
    places = interleaved(blocks, random.Random(seed))
    by_block = {
        block: [NAMES[arm] for arm in np.argsort(row)] for block, row in enumerate(places, start=1)
    }
    return by_block, places


def effects(d, by_block):
    return order_effects(
        d,
        candidate="B",
        baseline=["A", "A'"],
        orders=by_block,
        started_s={block: 60.0 * block for block in d.blocks},
    )


def test_a_line_is_found_with_its_interval():
    at = [0.0, 10.0, 20.0, 30.0, 40.0]
    logs = [0.00, 0.09, 0.22, 0.28, 0.41]
    trend = linear_trend(logs, at)
    line = stats.linregress(at, logs)
    assert trend.span == 40
    assert trend.ratio == pytest.approx(math.exp(40 * line.slope))
    # t(.975, 3) = 3.1824
    assert trend.ci95.high == pytest.approx(
        math.exp(40 * (line.slope + 3.1824 * line.stderr)), 1e-4
    )
    assert trend.p == pytest.approx(line.pvalue)


def test_the_drift_of_a_session_lies_in_its_interval():
    covered = 0
    for seed in range(200):
        _, places = orders(20, seed)
        figures = session(seed, drift=0.05, places=places).mean(axis=2)
        trend = linear_trend(figures[:, BASELINE].tolist(), places[:, BASELINE].tolist())
        # A's trials span a little less than the session does.
        truth = 1 - 0.05 * trend.span / 59
        covered += trend.ci95.low <= truth <= trend.ci95.high
    assert 180 <= covered <= 199


def test_a_drift_of_the_session_is_no_drift_of_the_ratio():
    found = 0
    for seed in range(200):
        by_block, places = orders(20, seed)
        drift = effects(paired(session(seed, drift=0.05, places=places)).d, by_block).drift
        found += drift.p < 0.05
    assert found <= 15


def test_a_ratio_that_drifts_is_found():
    by_block, places = orders(20, 1)
    sample = paired(session(1, places=places)).d
    fading = [
        value - 0.01 * block for block, value in zip(sample.blocks, sample.values, strict=True)
    ]
    drift = effects(LogRatios(sample.blocks, tuple(fading), ()), by_block).drift
    assert drift.p < 0.001
    assert drift.span == 19 * 60
    assert drift.ci95.low < math.exp(-0.19) < drift.ci95.high


def test_an_effect_of_the_position_is_found():
    by_block, places = orders(20, 2)
    logs = session(2, places=places)
    position = places % 3
    found = effects(paired(logs + 0.05 * position[:, :, np.newaxis]).d, by_block).position
    assert found.p < 0.001
    # B runs up to 1.5 places before or after the middle of A and A'.
    assert found.span == 3
    assert found.ci95.low < math.exp(3 * 0.05) < found.ci95.high


def test_what_a_predecessor_leaves_behind_is_found():
    by_block, places = orders(24, 3)
    logs = session(3, blocks=24, places=places)
    after_null = places[:, 2] == places[:, NULL] + 1
    logs[after_null, 2] -= 0.08
    found = effects(paired(logs).d, by_block).carry_over
    assert set(found.ratios) == {FIRST, "A", "A'"}
    assert min(found.ratios, key=found.ratios.get) == "A'"
    assert found.p < 0.01


def test_without_any_effect_each_test_cries_wolf_one_time_in_twenty():
    found = {"position": 0, "drift": 0, "carry_over": 0}
    for seed in range(200):
        by_block, places = orders(20, seed)
        seen = effects(paired(session(seed, places=places)).d, by_block)
        for name in found:
            found[name] += getattr(seen, name).p < 0.05
    assert max(found.values()) <= 20
    assert min(found.values()) >= 1


def test_always_the_same_order_says_nothing_of_order():
    by_block = {block: ["A", "A'", "B"] for block in range(1, 7)}
    d = LogRatios(tuple(by_block), (0.1, 0.2, 0.1, 0.3, 0.2, 0.1), ())
    found = effects(d, by_block)
    assert found.position is None
    assert found.drift is not None
    assert found.carry_over.p is None
    assert found.carry_over.ratios == {"A'": pytest.approx(math.exp(1 / 6))}


def test_blocks_that_were_measured_side_by_side_show_a_drift_alone():
    d = LogRatios((1, 2, 3, 4), (0.1, 0.2, 0.1, 0.3), ())
    found = effects(d, {})
    assert (found.position, found.carry_over) == (None, CarryOver({}, None))
    assert found.drift == effects(d, dict.fromkeys(d.blocks, ("A", "A'", "B"))).drift


def test_two_points_make_no_trend():
    assert linear_trend([0.1, 0.2], [1.0, 2.0]) is None


def test_values_need_their_places():
    with pytest.raises(ValueError, match="places"):
        linear_trend([0.1, 0.2, 0.3], [1.0])


def test_figures_without_spread_have_no_effects():
    by_block, _ = orders(12, 4)
    found = effects(LogRatios(tuple(by_block), (0.1,) * 12, ()), by_block)
    assert found.drift.ratio == pytest.approx(1)
    assert found.carry_over.p is None


def test_a_line_through_equal_values_has_no_interval():
    trend = linear_trend([0.0, 0.0, 0.0], [1, 2, 3])
    assert trend.ratio == pytest.approx(1.0)
    assert (trend.ci95, trend.p) == (Ends(None, None), None)
