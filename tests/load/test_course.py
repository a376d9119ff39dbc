"""The course of a block in which load switches between services."""

from __future__ import annotations

from itertools import count, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundle.generators.open_switchback import OpenSwitchbackLoad
from bundle.generators.slices import MOST_ROUNDS
from bundle.generators.switchback import SwitchbackLoad
from bundle.generators.wrk_switchback import WrkSwitchbackLoad
from workloads.load.switchback.course import fitting_s, in_time, turns

NS = 1_000_000_000


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self):
        self.at = 5 * NS

    def __call__(self):
        return self.at


def carried_out(lengths_s, until_s):
    """How many rounds of these lengths begin, and when the last one ends."""
    clock, done = Clock(), 0
    begun = clock()
    for length_s in in_time(
        iter(lengths_s), None if until_s is None else begun + until_s * NS, now=clock
    ):
        clock.at += round(length_s * NS)
        done += 1
    return done, (clock() - begun) / NS


def test_rounds_of_one_length_end_within_the_time():
    assert carried_out([2] * 20, 11) == (5, 10.0)
    assert carried_out([2] * 20, 10) == (5, 10.0)
    assert carried_out([2] * 3, 100) == (3, 6.0)


def test_there_is_one_round_whatever_the_time():
    assert carried_out([2] * 20, -1) == (1, 2.0)


def test_without_a_limit_all_rounds_are_carried_out():
    assert carried_out([2] * 20, None)[0] == 20


def test_the_time_of_a_round_is_known_from_those_before_it():
    # After 1 + 3 s a round takes 2 s on average, and 6 s of 6.5 are over then.
    assert carried_out([1, 3, 2, 2], 6.5) == (3, 6.0)


def test_only_the_rounds_that_are_asked_for_are_drawn():
    drawn = count()
    assert list(islice(in_time(drawn, None), 3)) == [0, 1, 2]
    assert next(drawn) == 3


@given(st.floats(0.25, 4), st.lists(st.floats(0, 2), min_size=1, max_size=5), st.floats(-10, 100))
def test_slices_fit_into_the_time_as_far_as_they_can(enough, around, left):
    found = fitting_s(enough, around, left_s=left, least_s=0.25, step_s=0.05)
    assert 0.25 <= found <= enough
    takes = len(around) * found + sum(around)
    assert found == 0.25 or takes <= left + 1e-9
    # One step more would be too much.
    assert found == enough or len(around) * (found + 0.051) + sum(around) > left


def test_a_turn_follows_the_one_before_it_in_whichever_round():
    told = [tuple(each) for each in turns([["a", "b"], ["b", "a"]])]
    assert told == [(1, 1, None, "a"), (1, 2, "a", "b"), (2, 1, "b", "b"), (2, 2, "b", "a")]


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (SwitchbackLoad, {"connections": 1, "slice_s": 0.05}),
        (OpenSwitchbackLoad, {"rate": 1.0, "slice_s": 0.05}),
    ],
)
def test_more_rounds_than_samples_can_name_are_no_load(kind, given):
    assert kind(**given, duration_s=0.05 * MOST_ROUNDS)
    with pytest.raises(ValueError, match="at most 65535 times slice_s"):
        kind(**given, duration_s=0.05 * (MOST_ROUNDS + 2))


def test_wrk_would_not_open_all_connections_in_slices_either():
    with pytest.raises(ValueError, match="threads must divide connections"):
        WrkSwitchbackLoad(threads=3, connections=64, duration_s=4)


def test_the_time_of_a_turn_contains_what_surrounds_the_slice():
    load = OpenSwitchbackLoad(rate=100.0, duration_s=4.0, slice_s=0.5, ramp_s=0.5, warmup_s=1.0)
    assert load.takes_s(3) >= 3 * (1.0 + 8 * (0.5 + 0.5))
