"""Whether the slices of one deployment fit together."""

from __future__ import annotations

import tracemalloc

import pytest
from msgspec import structs

from analysis import generators
from bundle.read import Trial
from tests.analysis.test_switchback import RATES, edit
from tests.bundle import making
from tests.switchback import Block


@pytest.fixture
def folders(tmp_path):
    return Block(RATES).write(tmp_path)


def found(folders, *, blocks=()):
    trials = [
        Trial(folder, structs.replace(making.trial_record(0), subject=name, block=block))
        for block, group in enumerate((folders, *blocks))
        for name, folder in group.items()
    ]
    return [
        (trial.record.subject, wrong.code, wrong.what)
        for trial, wrong in generators.disagreements(trials)
    ]


def test_whole_deployments_contradict_nothing(folders, tmp_path):
    again = Block(RATES, seed=2, begin_s=2000.0).write(tmp_path / "again")
    assert found(folders, blocks=[again]) == []


def test_reports_of_one_block_are_in_memory_at_a_time(tmp_path):
    blocks = [
        Block(RATES, count=400, slice_s=0.01, begin_s=1000.0 * number).write(tmp_path / str(number))
        for number in range(8)
    ]

    def peak(first, *others):
        tracemalloc.start()
        assert found(first, blocks=others) == []
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(*blocks) < 2 * peak(blocks[0])


def test_the_trials_that_are_left_fit_together_too(folders):
    del folders["a"]
    assert found(folders) == []


def test_a_report_that_cannot_be_read_is_left_to_the_check_of_its_file(folders):
    (folders["a"] / "switchback.json").write_text("{}")
    assert found(folders) == []


def others(field, subject):
    """Another predecessor of a slice that has one, still of the block."""

    def change(told):
        each = told["slices"][3]
        each[field] = next(name for name in RATES if name not in {each[field], subject})

    return change


def later(told):
    for each in told["slices"]:
        for field in ("start_ns", "stop_ns", "drained_ns"):
            each[field] += 60_000_000


def exchanged(told):
    """Each slice in the round after its own."""
    for each in told["slices"]:
        each["round"] += 1


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("in a trial of b", lambda told: told["spec"].update(subject="a")),
        ("another load", lambda told: told["spec"].update(seed=77)),
        ("another load", lambda told: told["spec"].update(connections=3)),
        ("another load", lambda told: told.update(set_s=9.0)),
        ("it follows a slice of", others("after", "b")),
        ("was drained", later),
        ("after round", exchanged),
    ],
)
def test_one_trial_that_does_not_fit_is_found(folders, words, change):
    edit(folders["b"], change)
    told = found(folders)
    assert any(code == "generator-mismatch" and words in what for _, code, what in told), told


def test_the_first_slice_of_all_follows_none(folders):
    def first(told):
        if told["slices"][0]["after"] is None:
            told["slices"][0]["after"] = "b"

    for folder in folders.values():
        edit(folder, first)
    assert any("the first slice of all" in what for *_, what in found(folders))
