from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.inference import LogRatios, blocks_needed, null_control, positive_control, scatter

WOBBLE = [0.01 * sign for sign in (1, -1) * 10]  # mean 0; half-width of 90 %: .0040


def found(shift):
    return [shift + value for value in WOBBLE]


def test_two_equal_deployments_pass():
    control = null_control(WOBBLE, 0.03)
    assert control.passed
    assert control.name == "null"
    assert control.what == (
        "A' over A: 1.000, 90 % interval 0.996 to 1.004, to lie inside 0.971 to 1.030"
    )


def test_a_difference_too_small_to_matter_passes_however_significant():
    control = null_control(found(0.01), 0.03)
    assert control.estimate.p < 0.05
    assert control.passed


@pytest.mark.parametrize("shift", [0.03, -0.03])
def test_a_difference_of_the_size_of_the_margin_fails(shift):
    assert not null_control(found(shift), 0.03).passed


def test_noise_that_hides_a_difference_fails():
    control = null_control([10 * value for value in WOBBLE], 0.03)
    assert control.estimate.p > 0.05
    assert not control.passed


def test_the_null_control_passes_as_often_as_the_protocol_says():
    # Pair sd 4 %, margin 3 %: why a verdict needs ten blocks, and why twenty are the default.
    rng = np.random.default_rng(17)
    passed = {
        blocks: sum(
            null_control(values, 0.03).passed
            for values in (0.04 * rng.standard_normal((1000, blocks))).tolist()
        )
        / 1000
        for blocks in (6, 10, 20)
    }
    assert passed == {
        6: pytest.approx(0.145, abs=0.03),
        10: pytest.approx(0.41, abs=0.04),
        20: pytest.approx(0.875, abs=0.03),
    }


@pytest.mark.parametrize(("better", "sign"), [("higher", -1), ("lower", 1)])
def test_an_injected_slowdown_is_recognised_whichever_way_the_metric_improves(better, sign):
    control = positive_control(
        found(sign * math.log(1.06)), injected=0.06, margin=0.03, better=better
    )
    assert control.passed
    assert control.estimate.ratio == pytest.approx(1.06)


@pytest.mark.parametrize(
    ("log_ratio", "why"),
    [
        (math.log(1.06), "the wrong sign"),
        (0.0, "nothing found"),
        (-math.log(1.03), "half of it"),
        (-math.log(1.10), "too much"),
    ],
)
def test_another_slowdown_than_the_injected_one_fails(log_ratio, why):
    control = positive_control(found(log_ratio), injected=0.06, margin=0.03, better="higher")
    assert not control.passed, why


def test_the_sign_must_be_certain_even_where_the_band_would_allow_one():
    # Injected 2 %, margin 3 %: the band reaches below 1.
    wide = [3 * value - math.log(1.01) for value in WOBBLE]
    control = positive_control(wide, injected=0.02, margin=0.03, better="higher")
    assert control.estimate.ci90.inside(control.band)
    assert not control.passed


@pytest.mark.parametrize("values", [[], [0.0]])
def test_a_control_without_blocks_fails(values):
    for control in (
        null_control(values, 0.03),
        positive_control(values, injected=0.06, margin=0.03, better="lower"),
    ):
        assert not control.passed
        assert "fewer than 2 blocks" in control.what


@pytest.mark.parametrize(("injected", "margin"), [(0.0, 0.03), (0.06, 0.0), (-0.06, 0.03)])
def test_nothing_injected_is_no_control(injected, margin):
    with pytest.raises(ValueError, match="positive"):
        positive_control(WOBBLE, injected=injected, margin=margin, better="lower")


def ratios(*values, first=1):
    return LogRatios(tuple(range(first, first + len(values))), values, ())


def test_a_processor_that_wanders_shows_in_what_a_request_costs():
    found = scatter(ratios(0.1, -0.1, 0.2), ratios(-0.1, 0.1, -0.19), 0.05)
    assert found.sd == pytest.approx(0.153, abs=1e-3)
    assert found.busy_sd == pytest.approx(0.0058, abs=1e-4)
    assert "15.3 % in throughput and by 0.6 % in how busy" in found.what
    assert "whose speed wanders" in found.what
    assert f"about {blocks_needed(found.sd, 0.05)} blocks" in found.what


def test_a_service_that_waits_differs_in_how_busy_it_is():
    found = scatter(ratios(0.1, -0.1, 0.2), ratios(0.0, 0.0, 0.0), 0.05)
    assert found.busy_sd == pytest.approx(found.sd)
    assert "waited for something" in found.what


def test_blocks_without_a_cost_do_not_count_and_one_is_no_scatter():
    both = scatter(ratios(0.9, 0.1, -0.1), ratios(0.0, 0.0, 0.0, first=2), 0.05)
    assert both.sd == pytest.approx(math.sqrt(2) * 0.1)
    assert scatter(ratios(0.1, 0.2), ratios(0.1), 0.05) is None
