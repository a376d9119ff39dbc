from __future__ import annotations

import math

import pytest

from analysis.inference import LogRatios, null_control, positive_control

WOBBLE = [0.01 * sign for sign in (1, -1) * 10]  # mean 0; half-width of 90 %: .0040


def ratios(*values):
    return LogRatios(tuple(range(1, len(values) + 1)), values, ())


def found(shift):
    return [shift + value for value in WOBBLE]


def test_deployments_that_chance_tells_apart_add_nothing():
    control = null_control(ratios(*WOBBLE), 0.03)
    assert control.passed
    assert control.name == "null"
    said = "A' over A: 1.0000, 95 % interval 0.9952 to 1.0048, which chance explains"
    assert control.what == said
    # Noise alone widens through the spread of the blocks, not here.
    assert null_control(ratios(*(10 * value for value in WOBBLE)), 0.03).passed


@pytest.mark.parametrize("sign", [1, -1])
def test_a_difference_that_chance_does_not_explain_is_told_and_passes_below_the_margin(sign):
    # mean .02, half-width of 95 % .0048: .0152 are left.
    control = null_control(ratios(*found(sign * 0.02)), 0.03)
    assert control.passed
    assert control.what.endswith("every interval is wider by 1.5 %, which chance does not explain")


@pytest.mark.parametrize("shift", [0.035, -0.035])
def test_a_difference_beyond_the_margin_fails(shift):
    assert not null_control(ratios(*found(shift)), 0.03).passed
    assert null_control(ratios(*found(shift)), 0.05).passed


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
        null_control(ratios(*values), 0.03),
        positive_control(values, injected=0.06, margin=0.03, better="lower"),
    ):
        assert not control.passed
        assert "block" in control.what


@pytest.mark.parametrize(("injected", "margin"), [(0.0, 0.03), (0.06, 0.0), (-0.06, 0.03)])
def test_nothing_injected_is_no_control(injected, margin):
    with pytest.raises(ValueError, match="positive"):
        positive_control(WOBBLE, injected=injected, margin=margin, better="lower")
