from __future__ import annotations

from collections import Counter
from itertools import chain, islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.load.switchback import rounds as module

NAMES = "abcdefgh"


def rounds(seed, subjects, count):
    return list(islice(module.rounds(seed, subjects), count))


def predecessors(order, subjects):
    """How often each subject follows each, itself among them."""
    seen = Counter(pairwise(chain.from_iterable(order)))
    return {(before, after): seen[before, after] for before in subjects for after in subjects}


@given(st.integers(), st.integers(1, 8), st.integers(0, 40))
def test_every_round_visits_every_subject_once(seed, size, count):
    order = rounds(seed, NAMES[:size], count)
    assert len(order) == count
    assert all(sorted(names) == list(NAMES[:size]) for names in order)
    assert all(before[-1] == after[0] for before, after in pairwise(order))


@given(st.integers(), st.integers(2, 7), st.integers(8, 60))
def test_every_subject_follows_every_other_and_itself_equally_often(seed, size, count):
    seen = predecessors(rounds(seed, NAMES[:size], count), NAMES[:size]).values()
    assert sum(seen) == size * count - 1
    assert max(seen) - min(seen) <= 4


@given(st.integers(), st.integers(1, 20))
def test_with_two_subjects_no_predecessor_is_more_than_one_ahead(seed, count):
    seen = predecessors(rounds(seed, "ab", count), "ab").values()
    assert max(seen) - min(seen) <= 1


def test_the_order_depends_on_the_seed_alone():
    assert rounds(1, "abc", 12) == rounds(1, "abc", 12) == rounds(1, "cba", 12)
    assert len({str(rounds(seed, "abc", 12)) for seed in range(100)}) > 60
    # No subject is favoured: each comes first about as often, over the seeds.
    first = Counter(rounds(seed, "abc", 1)[0][0] for seed in range(600))
    assert all(150 < first[name] < 250 for name in "abc")


@pytest.mark.parametrize("subjects", ["", "aa"])
def test_what_has_no_rounds_is_refused(subjects):
    with pytest.raises(ValueError, match="different subjects"):
        rounds(1, subjects, 3)
