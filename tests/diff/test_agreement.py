"""How often two runs that are equal are said to differ, and two that differ are said to."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.agreement import HOST_SD, Side, on_one_host, on_two_hosts

BLOCKS, BLOCK_SD = 20, 0.04
PAIRS = 2000


def sides(seed, *, centre=0.5, shift=0.0, apart=0.0):
    """Pairs of runs: block noise, and an effect of its own on each run's mean."""
    draw = np.random.default_rng(seed)
    for _ in range(PAIRS):
        means = centre + draw.normal(0, apart, 2) + np.array([0.0, shift])
        logs = draw.normal(means[:, None], BLOCK_SD, (2, BLOCKS))
        yield tuple(Side(float(each.mean()), float(each.std(ddof=1)), BLOCKS) for each in logs)


def rate(judgements, verdict):
    found = [each.verdict for each in judgements]
    return found.count(verdict) / len(found)


def test_sessions_of_one_host_are_seldom_said_to_differ():
    # A session moves the mean by 1 % (1 sd) although nothing has changed.
    judged = [on_one_host(*pair, margin=0.03) for pair in sides(1, apart=0.01)]
    assert rate(judged, "differ") <= 0.01
    steady = [on_one_host(*pair, margin=0.05) for pair in sides(2)]
    assert rate(steady, "agree") >= 0.95


@pytest.mark.parametrize("margin", [0.03, 0.05])
def test_a_difference_of_just_the_margin_is_called_agreement_in_five_percent_at_most(margin):
    shift = math.log(1 + margin)
    judged = [on_one_host(*pair, margin=margin) for pair in sides(3, shift=shift)]
    assert rate(judged, "agree") <= 0.06


def test_a_large_difference_on_one_host_is_found():
    judged = [on_one_host(*pair, margin=0.03) for pair in sides(4, shift=math.log(1.12))]
    assert rate(judged, "differ") >= 0.95


def test_hosts_that_differ_as_stated_are_said_to_in_five_percent():
    judged = [on_two_hosts(*pair, host_sd=0.1) for pair in sides(5, apart=0.1)]
    assert 0.035 <= rate(judged, "differ") <= 0.065
    # Welch's test on the same pairs, with the margin of a plan, refutes falsely.
    welch = [on_one_host(*pair, margin=0.03) for pair in sides(5, apart=0.1)]
    assert rate(welch, "differ") > 0.5


def test_alike_hosts_are_said_to_differ_less_often_still():
    judged = [on_two_hosts(*pair, host_sd=0.1) for pair in sides(6, apart=0.03)]
    assert rate(judged, "differ") <= 0.001
    assert rate(judged, "agree") >= 0.999


def test_few_blocks_widen_the_interval_of_a_known_spread_but_little():
    few = on_two_hosts(Side(0.5, BLOCK_SD, 3), Side(0.6, BLOCK_SD, 3))
    many = on_two_hosts(Side(0.5, BLOCK_SD, 99), Side(0.6, BLOCK_SD, 99))
    assert few.high > many.high > math.exp(1.96 * math.sqrt(2) * HOST_SD)


def test_opposite_directions_differ_even_inside_the_interval():
    judged = on_two_hosts(Side(-0.05, 0.01, 20), Side(0.05, 0.01, 20))
    assert judged.low < judged.ratio < judged.high
    assert judged.verdict == "differ"
    assert "opposite" in judged.why


def test_a_run_without_direction_leaves_two_hosts_open():
    assert on_two_hosts(Side(0.001, 0.04, 20), Side(0.05, 0.01, 20)).verdict == "open"


@pytest.mark.parametrize(("second", "verdict"), [(0.5, "agree"), (0.52, "agree"), (0.54, "differ")])
def test_a_spread_of_zero_needs_no_interval(second, verdict):
    judged = on_one_host(Side(0.5, 0.0, 3), Side(second, 0.0, 3), margin=0.03)
    assert judged.verdict == verdict
    assert judged.low == judged.high == pytest.approx(math.exp(second - 0.5))


def test_one_block_has_nothing_to_say():
    for judge in (lambda *pair: on_one_host(*pair, margin=0.03), on_two_hosts):
        judged = judge(Side(0.5, None, 1), Side(0.5, 0.04, 20))
        assert (judged.verdict, judged.low) == ("open", None)
        assert judged.ratio == 1.0


def test_a_negative_spread_is_refused():
    with pytest.raises(ValueError, match="not negative"):
        on_two_hosts(Side(0.5, 0.04, 20), Side(0.5, 0.04, 20), host_sd=-0.1)
