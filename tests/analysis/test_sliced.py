"""What the rounds of load that switches say of comparisons, and which verdicts they take back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analysis import generators
from analysis.gates import Cell, TrialEvidence
from analysis.gates.summary import Assessment
from analysis.inference.slices import Arms
from analysis.sliced import Sliced
from bundle.documents.readings import TrialReadings
from bundle.documents.results import Verdict
from tests.analysis.test_comparisons import BY_NAME, comparisons
from tests.claims.making import figures
from tests.gates.recorded import DATA, of_tier
from tests.plan.small import sealed
from tests.switchback import Block

BLOCKS = range(1, 13)
EQUAL = {"a": 1000.0, "b": 1000.0, "b-null": 1000.0}
ARMS = Arms("b", "a", "b-null")
QUIET = {"steal_ns": 0, "foreign_ns": 0}


@pytest.fixture
def cell(tmp_path):
    """The usable trials of a cell, made block by block; each may have a way of its own."""

    def make(rates=EQUAL, blocks=BLOCKS, **given):
        context = of_tier("degraded", sealed())
        usable = {name: {} for name in rates}
        for number in blocks:
            block = Block(rates, count=6, slice_s=0.1, seed=number, begin_s=100.0 * number, **given)
            for name, folder in block.write(tmp_path / str(number)).items():
                evidence = TrialEvidence(folder, TrialReadings(), name, "one", "load", context)
                usable[name][number] = Assessment(f"{number}-{name}", evidence, ())
        return Cell([], usable)

    return make


def measured(cell):
    """The throughput of all rounds, with other figures that nobody asks for."""
    return {
        subject: {
            block: replace(figures(1.0), throughput=each.evidence.output.figures.throughput)
            for block, each in by_block.items()
        }
        for subject, by_block in cell.usable.items()
    }


def judged(cell):
    """The comparison of a with b, whose null arm is measured as well."""
    whole = replace(comparisons(measured(cell)), sliced=Sliced.read(cell))
    (told,) = whole.by(BY_NAME["throughput"])
    return told


def in_rounds(*numbers, **readings):
    """Readings of one subject's slices in some rounds."""
    return lambda subject, number: readings if subject == "a" and number in numbers else {}


def at_speed(factor, *numbers):
    """Let a answer at another rate in some rounds."""
    return lambda subject, number, **_: factor if subject == "a" and number in numbers else 1.0


def test_trials_of_different_deployments_have_no_share_of_the_time(cell):
    first, second = cell(blocks=[1]), cell(blocks=[2])
    usable = {**first.usable, "a": {1: second.usable["a"][2]}}
    checks = Sliced.read(Cell([], usable)).checks(ARMS, margin=0.05)
    assert (checks.blocks, checks.rounds, checks.measured) == (0, 0, None)


def test_rounds_agree_with_the_totals_of_a_ratio_that_is_there(cell):
    made = cell({**EQUAL, "a": 2000.0}, readings=lambda *_: {"rest_ns": 10_000})
    told = judged(made)
    assert told.verdict is Verdict.FASTER
    checks = told.sliced
    assert checks.totals == pytest.approx(told.ratio)
    assert checks.hodges_lehmann == pytest.approx(2, rel=0.03)
    assert checks.beyond_margin is False
    assert (checks.blocks, checks.rounds, checks.without_answers) == (12, 72, 0)
    assert (checks.slice_s, checks.set_s) == (0.1, pytest.approx(0.004))
    assert 0.8 < checks.measured < 1
    assert checks.resting.keys() == EQUAL.keys()
    assert 0 < checks.resting["a"] < 0.1
    assert (checks.disturbed, checks.undisturbed.ratio) == (0, pytest.approx(told.ratio))
    assert checks.carry_over.low < 1 < checks.carry_over.high


def test_only_the_primary_metric_is_checked_by_rounds(cell):
    made = cell(blocks=range(1, 3))
    whole = replace(comparisons(measured(made)), sliced=Sliced.read(made))
    assert [each.sliced for each in whole.by(BY_NAME["p99"])] == [None]


def test_few_rounds_that_decide_the_totals_are_shown(cell):
    checks = judged(cell(speed=at_speed(0.1, 3))).sliced
    assert checks.hodges_lehmann > 0.9 > checks.totals
    assert checks.beyond_margin is True


def test_a_difference_in_few_rounds_that_nothing_disturbed_is_one(cell):
    quiet = judged(cell(speed=at_speed(2.0, 2, 5)))
    assert quiet.verdict is Verdict.FASTER
    assert quiet.sliced.disturbed == 0


@pytest.mark.parametrize("reading", ["steal_ns", "foreign_ns"])
def test_a_verdict_that_needs_disturbed_rounds_is_taken_back(cell, reading):
    told = judged(
        cell(speed=at_speed(2.0, 2, 5), readings=in_rounds(2, 5, **{reading: 60_000_000}))
    )
    assert told.verdict is Verdict.INCONCLUSIVE
    assert [each.code for each in told.reasons] == ["disturbed-rounds"]
    assert told.size_resolved is None
    assert told.ratio > 1.2, "the ratio stays that of all rounds"
    assert told.sliced.disturbed == 24
    assert told.sliced.undisturbed.ratio == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    "readings",
    [
        in_rounds(2, 5, foreign_ns=25_000_000),  # a quarter of a slice, and within the ticks
        lambda *_: {"foreign_ns": 90_000_000},  # all the time
        in_rounds(2, 5, delay_ns=90_000_000),  # what the service itself waited
    ],
)
def test_what_disturbs_no_round_more_than_another_leaves_none_out(cell, readings):
    made = cell(blocks=range(1, 4), readings=readings)
    assert Sliced.read(made).checks(ARMS, margin=0.05).disturbed == 0


def test_where_every_round_was_disturbed_there_is_no_verdict(cell):
    made = cell({**EQUAL, "a": 2000.0})
    assert judged(made).verdict is Verdict.FASTER
    sliced = Sliced.read(made)
    sliced.__dict__["undisturbed"] = {}
    (told,) = replace(comparisons(measured(made)), sliced=sliced).by(BY_NAME["throughput"])
    assert told.verdict is Verdict.INCONCLUSIVE
    assert told.sliced.undisturbed_lacks == "no block has an undisturbed round"


def test_a_disturbance_that_was_not_read_is_no_quiet(cell):
    made = cell({**EQUAL, "a": 2000.0}, readings=in_rounds(3, steal_ns=None))
    told = judged(made)
    assert told.verdict is Verdict.FASTER
    assert (told.sliced.disturbed, told.sliced.undisturbed) == (None, None)
    assert "block 1: steal_ns was not read" in told.sliced.undisturbed_lacks


def test_an_estimate_stays_one(cell):
    made = cell(blocks=range(1, 4), readings=in_rounds(2, foreign_ns=60_000_000))
    told = judged(made)
    assert told.verdict is Verdict.ESTIMATE
    assert told.sliced.disturbed == 3


def test_what_a_slice_leaves_behind_shows(cell):
    checks = judged(cell(speed=lambda *_, after: 1.2 if after == "a" else 1.0)).sliced
    assert checks.carry_over.low < 1.2 < checks.carry_over.high
    assert checks.carry_over.low > 1.1


def test_a_block_without_one_of_the_subjects_is_left_out(cell):
    made = cell(blocks=range(1, 4))
    del made.usable["a"][2]
    checks = Sliced.read(made).checks(ARMS, margin=0.05)
    assert (checks.blocks, checks.rounds) == (2, 12)
    # Another pair keeps the block, but not what its slices left behind.
    others = Sliced.read(made).checks(Arms("b", "b-null"), margin=0.05)
    assert (others.blocks, others.rounds) == (3, 18)


def test_trials_of_two_deployments_were_not_side_by_side(cell, tmp_path):
    made = cell(blocks=range(1, 4))
    again = Block(EQUAL, count=6, begin_s=5000.0).write(tmp_path / "again")["a"]
    first = made.usable["a"][2]
    made.usable["a"][2] = replace(first, evidence=replace(first.evidence, folder=again))
    assert Sliced.read(made).checks(ARMS, margin=0.05).blocks == 2


def test_other_loads_have_no_rounds():
    context = of_tier("degraded", sealed())
    folder = DATA / "trials/asyncpg-read-one-open"
    evidence = TrialEvidence(folder, TrialReadings(), "a", "one", "load", context)
    assert Sliced.read(Cell([], {"a": {1: Assessment("1", evidence, ())}})) is None
    assert generators.of(folder).resting is None
