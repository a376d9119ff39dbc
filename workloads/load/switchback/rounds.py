"""In which order the rounds of a block visit its subjects, where load switches between services."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_DRAWN = 64  # orders of a round, of which one that keeps the pairs even is taken
_SLACK = 1  # without it, three subjects have no more than 24 sequences


def rounds(seed: int, subjects: Sequence[str]) -> Iterator[list[str]]:
    """Draw the subjects' order, round after round, so that every subject has the same predecessors.

    A round begins with the subject that ended the round before. Of a subject's slices one in n then
    follows the subject itself, and as many follow each of the other n - 1. What a slice leaves
    behind for the next one therefore falls on all subjects alike and cancels out of their ratio. A
    serially balanced sequence of type 1: D. J. Finney and A. D. Outhwaite, Proc. R. Soc. B 145
    (1956) 493. A Williams square balances the other predecessors only: with three subjects, a third
    of what one leaves behind stays in the ratio.

    Args:
        seed: of the block.
        subjects: all different; with two, only the first round's order is random.

    Raises:
        ValueError: a subject occurs twice, or there is none.
    """
    if not subjects or len(set(subjects)) < len(subjects):
        raise ValueError(f"a round visits different subjects, not {list(subjects)}")
    draw = random.Random(seed)  # noqa: S311 - a reproducible order, not a secret
    followed: Counter[tuple[str, str]] = Counter()
    last: list[str] = []

    def occurred(names: list[str]) -> int:
        """How often the pairs of a round have occurred, with the one that its end begins."""
        return sum(followed[pair] for pair in [*pairwise(names), (names[-1], names[-1])])

    while True:
        first = last[-1:]
        rest = sorted(set(subjects).difference(first))
        drawn = [first + draw.sample(rest, len(rest)) for _ in range(_DRAWN)]
        fewest = min(map(occurred, drawn))
        last = next(each for each in drawn if occurred(each) <= fewest + _SLACK)
        followed.update([*pairwise(last), (last[-1], last[-1])])
        yield last
