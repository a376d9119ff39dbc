"""Where the subjects of a block stand among ports and databases."""

from __future__ import annotations

from collections import Counter

from ormlab.run.measure.orders import seats

SUBJECTS = ["a", "b", "c"]


def test_every_subject_of_a_block_has_a_seat_of_its_own():
    for block in range(1, 20):
        assert sorted(seats(7, block, SUBJECTS).values()) == [0, 1, 2]
        assert seats(7, block, SUBJECTS) == seats(7, block, SUBJECTS)


def test_no_subject_keeps_a_seat():
    drawn = Counter(
        (name, seat) for block in range(300) for name, seat in seats(7, block, SUBJECTS).items()
    )
    # Each of the nine pairs is expected 100 times, with a standard deviation of 8.
    assert len(drawn) == 9
    assert all(60 < count < 140 for count in drawn.values())
