"""A run that is interrupted anywhere carries out the trials it would have carried out."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ormlab.plan import Planned
from ormlab.run.measurement import due, left

SUBJECTS = ("asyncpg", "sqlalchemy", "tortoise")


def planned(blocks):
    places = [(block, subject) for block in range(1, blocks + 1) for subject in SUBJECTS]
    return tuple(
        Planned(index, block, subject, "read-one", "wrk")
        for index, (block, subject) in enumerate(places, start=1)
    )


def carried_out(trials, fails, *, ended=None, most=None, planned=None):
    """Carry out trials as `measure` does; every trial whose id is in ``fails`` fails."""
    ended, done = {} if ended is None else ended, []
    for trial in islice(due(trials, planned or len(trials), ended), most):
        ended[trial.id] = trial.id not in fails
        done.append(trial.id)
    return done


@given(st.data())
def test_interruptions_change_nothing(data):
    trials = planned(data.draw(st.integers(1, 6), "blocks"))
    ids = [each.id for trial in trials for each in (trial, trial.again())]
    fails = data.draw(st.sets(st.sampled_from(ids)), "fails")
    whole = carried_out(trials, fails)
    ended, done = {}, []
    while len(done) < len(whole):
        most = data.draw(st.integers(1, 5), "until the next kill")
        done += carried_out(trials, fails, ended=ended, most=most)
        # What a resumed run knows is what was closed, in no order.
        ended = dict(sorted(ended.items(), reverse=True))
    assert done == whole
    assert list(due(trials, len(trials), ended)) == []


@given(st.sets(st.integers(0, 8)))
def test_every_trial_is_carried_out_once_and_a_failed_one_once_more_after_its_block(failing):
    trials = planned(3)
    fails = {trials[number].id for number in failing}
    done = carried_out(trials, fails, planned=90)
    again = [f"{trials[number].id}-r1" for number in sorted(failing)]
    assert sorted(done) == sorted([*(trial.id for trial in trials), *again])
    blocks = [done_id.partition("-b")[2].partition("-")[0] for done_id in done]
    assert blocks == sorted(blocks)


def test_no_more_than_a_tenth_of_the_plan_is_repeated():
    trials = planned(10)
    done = carried_out(trials, fails={trial.id for trial in trials})
    assert sum(done_id.endswith("-r1") for done_id in done) == 3


@pytest.mark.parametrize("ended", [0, 2, 3])
def test_what_is_left_counts_the_trials_that_have_not_ended(ended):
    closed = {}
    carried_out(planned(1), fails=set(), ended=closed, most=ended)
    assert left(planned(1), closed) == 3 - ended
