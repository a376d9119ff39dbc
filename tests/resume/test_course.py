"""A run that is interrupted anywhere carries out the trials it would have carried out."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundle.generators.client import ClosedLoad
from bundle.generators.switchback import SwitchbackLoad
from ormlab.plan import Planned
from ormlab.run.measure.session import BESIDE_FAILURE
from ormlab.run.measurement import due, left, together

SUBJECTS = ("asyncpg", "sqlalchemy", "tortoise")


def planned(blocks):
    places = [(block, subject) for block in range(1, blocks + 1) for subject in SUBJECTS]
    return tuple(
        Planned(index, block, subject, "read-one", "wrk")
        for index, (block, subject) in enumerate(places, start=1)
    )


def alone(trials):
    """As `together` groups trials of a load that drives one subject."""
    return [(trial,) for trial in trials]


def carried_out(trials, fails, *, ended=None, most=None, planned=None):
    """Carry out trials as `measure` does; every trial whose id is in ``fails`` fails."""
    ended, done = {} if ended is None else ended, []
    for (trial,) in islice(due(alone(trials), planned or len(trials), ended), most):
        ended[trial.id] = "service-died" if trial.id in fails else None
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
    assert list(due(alone(trials), len(trials), ended)) == []


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


SWITCHING = {"wrk": SwitchbackLoad(connections=1, duration_s=1.0)}


def groups_carried_out(groups, fails, *, ended=None, most=None, planned=100):
    """Carry out groups as `measure` does: one subject that fails takes the others with it.

    ``fails`` has ids of trials that fail; those of a whole group fail for no subject's fault.
    """
    ended, done = {} if ended is None else ended, []
    for group in islice(due(groups, planned, ended), most):
        ids = [trial.id for trial in group]
        failed = [each for each in ids if each in fails]
        for each in ids:
            ended[each] = "service-died" if each in failed else (failed and BESIDE_FAILURE) or None
        done.append(ids)
    return done


def test_subjects_side_by_side_are_carried_out_together_and_others_alone():
    trials = planned(2)
    assert [len(group) for group in together(trials, SWITCHING)] == [3, 3]
    load = ClosedLoad(connections=1, duration_s=1.0)
    assert [len(group) for group in together(trials, {"wrk": load})] == [1] * 6


def test_a_group_is_repeated_without_the_subject_that_made_it_fail():
    groups = together(planned(2), SWITCHING)
    culprit = groups[0][1]
    first, again, last = groups_carried_out(groups, {culprit.id})
    assert first == [trial.id for trial in groups[0]]
    assert again == [trial.again().id for trial in groups[0] if trial is not culprit]
    assert last == [trial.id for trial in groups[1]]


def test_a_group_that_failed_for_no_subject_s_fault_is_repeated_whole_and_once():
    groups = together(planned(1), SWITCHING)
    fails = {each.id for trial in groups[0] for each in (trial, trial.again())}
    assert groups_carried_out(groups, fails) == [
        [trial.id for trial in groups[0]],
        [trial.again().id for trial in groups[0]],
    ]


def test_one_trial_of_a_group_that_a_gate_refuses_is_not_repeated_alone():
    groups = together(planned(1), SWITCHING)
    ended = {trial.id: None for trial in groups[0]} | {groups[0][0].id: "stall"}
    assert list(due(groups, 100, ended)) == []


@given(st.data())
def test_interruptions_change_nothing_in_groups_either(data):
    groups = together(planned(data.draw(st.integers(1, 4), "blocks")), SWITCHING)
    ids = [each.id for group in groups for trial in group for each in (trial, trial.again())]
    fails = data.draw(st.sets(st.sampled_from(ids)), "fails")
    whole = groups_carried_out(groups, fails)
    ended, done = {}, []
    while len(done) < len(whole):
        most = data.draw(st.integers(1, 3), "until the next kill")
        done += groups_carried_out(groups, fails, ended=ended, most=most)
        ended = dict(sorted(ended.items(), reverse=True))
    assert done == whole
