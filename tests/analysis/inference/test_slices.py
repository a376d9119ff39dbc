from __future__ import annotations

import math
import random
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.inference import signed_rank
from analysis.inference.estimators import hodges_lehmann
from analysis.inference.nullarm import Lack, Undefined
from analysis.inference.slices import Arms, Slice, SlicedBlock
from workloads.load.switchback.rounds import rounds

ARMS = Arms("a", "b", "n")
PAIR = Arms("a", "b")


def block(*visits):
    return SlicedBlock(tuple(tuple(visit) for visit in visits))


def one_round(disturbed=(), **answers):
    return [Slice(name, count, 0.25, name in disturbed) for name, count in answers.items()]


def log_rates(order, effects, carried, *, speeds):
    """A block whose slices follow the model exactly: speed of the round, subject, predecessor."""
    made, before = [], None
    for names, speed in zip(order, speeds, strict=True):
        visited = []
        for name in names:
            log = speed + effects[name] + (carried[before] if before else 0.0)
            # Seconds carry the figure, so that answers stay whole.
            visited.append(Slice(name, 1000, 1000 / math.exp(log)))
            before = name
        made.append(visited)
    return block(*made)


def test_the_figure_of_a_block_is_all_answers_over_all_seconds():
    found = block(
        [Slice("a", 100, 0.2), Slice("b", 300, 0.3)], [Slice("b", 10, 0.2), Slice("a", 5, 0.1)]
    )
    assert found.rates() == {"a": pytest.approx(350), "b": pytest.approx(620)}
    assert found.log_ratio(PAIR) == pytest.approx(math.log(620 / 350))


def test_the_baseline_is_the_geometric_mean_of_both_deployments():
    found = block(one_round(a=100, b=300, n=400))
    assert found.log_ratio(ARMS) == pytest.approx(math.log(300 / 200))
    assert found.log_ratio(PAIR) == pytest.approx(math.log(3))


def test_hodges_and_lehmann_are_those_of_the_signed_rank():
    values = [0.3, -0.1, 0.25, 0.7, 0.2, 0.22, 0.1]
    assert hodges_lehmann(values) == pytest.approx(math.log(signed_rank(values).ratio))
    assert hodges_lehmann([0.4]) == 0.4


def test_one_round_that_decides_the_totals_shows():
    quiet = [one_round(a=100, b=100) for _ in range(9)]
    check = block(*quiet, one_round(a=100, b=110)).check(PAIR)
    assert check.totals == pytest.approx(math.log(1.01))
    check = block(*quiet, one_round(a=100, b=400)).check(PAIR)
    assert check.totals == pytest.approx(math.log(1.3))
    assert check.hodges_lehmann == pytest.approx(0, abs=1e-12)


def test_a_slice_without_an_answer_counts_in_the_totals_alone():
    check = block(one_round(a=100, b=100), one_round(a=100, b=0), one_round(a=100, b=100)).check(
        PAIR
    )
    assert check.totals == pytest.approx(math.log(2 / 3))
    assert (check.hodges_lehmann, check.without_answers) == (0.0, (2,))


def test_what_has_no_logarithm_says_why():
    dead = block(one_round(a=100, b=0), one_round(a=100, b=0))
    assert dead.log_ratio(PAIR) == Undefined(Lack.NOT_POSITIVE, "b gave no answer in any round", 1)
    assert dead.check(PAIR) == dead.log_ratio(PAIR)
    never_both = block(one_round(a=100, b=0), one_round(a=0, b=100)).check(PAIR)
    assert never_both.what == "in every round a slice had no answer"


def test_a_disturbed_slice_takes_its_whole_round_along():
    kept, disturbed = one_round(a=100, b=200), one_round(disturbed="a", a=50, b=200)
    assert block(kept, disturbed).undisturbed() == block(kept)
    assert block(kept).undisturbed() == block(kept)
    found = block(disturbed, disturbed).undisturbed()
    assert found == Undefined(Lack.NO_BLOCK, "2 rounds, all disturbed")


@pytest.mark.parametrize(("answers", "seconds"), [(-1, 1.0), (1, 0.0), (1, -1.0), (1, math.nan)])
def test_a_slice_has_answers_and_a_time(answers, seconds):
    with pytest.raises(ValueError, match="measured time above 0"):
        Slice("a", answers, seconds)


@pytest.mark.parametrize(
    "visits",
    [
        [],
        [one_round(a=1, b=1), one_round(a=1)],
        [one_round(a=1, b=1), one_round(a=1, c=1)],
        [[*one_round(a=1, b=1), *one_round(a=1)]],
    ],
)
def test_every_round_visits_every_subject_once(visits):
    with pytest.raises(ValueError, match="round"):
        block(*visits)


SPEEDS = st.floats(-0.3, 0.3)


@given(
    st.integers(0, 10_000),
    st.sampled_from([("a", "b", "n"), ("a", "b", "n", "c")]),
    st.lists(SPEEDS, min_size=16, max_size=16),
    st.lists(st.floats(-0.2, 0.2), min_size=8, max_size=8),
)
def test_carry_over_is_found_exactly_whatever_the_speed_of_the_machine(seed, names, speeds, sizes):
    effects = dict(zip(names, sizes, strict=False))
    carried = dict(zip(names, sizes[4:], strict=False))
    found = log_rates(list(islice(rounds(seed, names), 16)), effects, carried, speeds=speeds)
    assert found.carry_over(ARMS) == pytest.approx(ARMS.contrast(carried), abs=1e-9)


@given(st.integers(0, 10_000))
def test_balanced_predecessors_keep_carry_over_out_of_the_ratio(seed):
    # What b leaves behind slows the next slice by 10 %, whichever subject that slice is of.
    names, still = ("a", "b", "n"), [0.0] * 24
    effects, carried = dict.fromkeys(names, 0.0), {"a": 0.0, "b": -0.10, "n": 0.0}
    balanced = log_rates(list(islice(rounds(seed, names), 24)), effects, carried, speeds=still)
    assert abs(balanced.log_ratio(ARMS)) < 0.01
    assert balanced.carry_over(ARMS) == pytest.approx(-0.10)
    fixed = log_rates([names] * 24, effects, carried, speeds=still)
    assert fixed.log_ratio(ARMS) > 0.045


def test_some_orders_cannot_tell_carry_over():
    found = log_rates([("a", "b")] * 20, {"a": 0, "b": 0.1}, {"a": 0, "b": 0.1}, speeds=[0.0] * 20)
    assert found.carry_over(PAIR).lack is Lack.NOT_ESTIMABLE
    # Two subjects in balanced rounds: both slices of a round follow the same subject.
    found = log_rates(
        list(islice(rounds(1, "ab"), 20)), {"a": 0, "b": 0.1}, {"a": 0, "b": 0.1}, speeds=[0.0] * 20
    )
    assert found.carry_over(PAIR).lack is Lack.NOT_ESTIMABLE
    # A slice without an answer has no logarithm, and leaves too few of these.
    few = block(one_round(a=100, b=100), one_round(b=100, a=0), one_round(a=100, b=100))
    assert "too few" in few.carry_over(PAIR).what


def test_in_noise_the_contrast_is_centred_on_the_truth():
    rng, found = np.random.default_rng(5), []
    for seed in range(100):
        noise = random.Random(seed)
        visits = []
        before = None
        for names in list(islice(rounds(seed, ("a", "b", "n")), 18)):
            speed = rng.normal(0, 0.2)
            visits.append([])
            for name in names:
                log = 6 + speed + rng.normal(0, 0.05) + (0.04 if before == "b" else 0.0)
                visits[-1].append(Slice(name, 100 + noise.randrange(9), 100 / math.exp(log)))
                before = name
        found.append(block(*visits).carry_over(ARMS))
    error = np.std(found, ddof=1) / math.sqrt(len(found))
    assert np.mean(found) == pytest.approx(0.04, abs=4 * error)
    assert error < 0.004
