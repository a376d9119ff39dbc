"""Numbers with their nouns."""

from __future__ import annotations

import pytest

from bundle.display import quantity


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (0, ["block"], "0 blocks"),
        (1, ["block"], "1 block"),
        (6, ["block"], "6 blocks"),
        (6000, ["block"], "6,000 blocks"),
        (1, ["block gives", "blocks give"], "1 block gives"),
        (2, ["block gives", "blocks give"], "2 blocks give"),
    ],
)
def test_number_and_noun_agree(number, words, said):
    assert quantity(number, *words) == said
