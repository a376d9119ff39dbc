"""Numbers with their nouns, and names with their reasons."""

from __future__ import annotations

import pytest

from bundle.display import by_reason, quantity


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


def test_names_of_one_reason_stand_together_in_their_order():
    reasons = {"governor": "no cpufreq", "smt": "no such file", "boost": "no cpufreq"}
    assert by_reason(reasons) == "governor, boost (no cpufreq); smt (no such file)"
    assert by_reason({}) == ""
