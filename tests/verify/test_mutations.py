"""Every change of a real bundle is caught at the level that is promised, and not before."""

from __future__ import annotations

import pytest

from bundle.codes import CODES, FILE_LEVELS, LEVELS
from ormlab.verify import verify
from tests.bundle.breaking import CASES
from tests.verify.mutations import MUTATIONS


def test_the_recorded_bundle_reaches_every_level(made):
    outcome = verify(made)
    assert outcome.problems == ()
    assert outcome.level_reached == outcome.asked == "L4"
    assert "the same bytes" in outcome.notes[0]
    assert "line 2 of 3" in outcome.notes[1]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.name)
def test_each_change_is_caught_at_its_level_and_not_before(bundle, mutation):
    mutation.apply(bundle)
    outcome = verify(bundle, level=mutation.level, index=bundle.parent / "index.jsonl")
    before = LEVELS[LEVELS.index(mutation.level) - 1]
    assert outcome.level_reached == before, outcome.problems
    assert {
        each.code for each in outcome.problems if each.level == mutation.level
    } == mutation.codes


def test_the_table_has_thirty_changes_and_more_of_each_kind():
    assert len(MUTATIONS) >= 30
    assert {each.level for each in MUTATIONS} == {"L2", "L3", "L4"}
    assert len({each.name for each in MUTATIONS}) == len(MUTATIONS)


def test_every_code_is_caused_by_a_change_or_tested_beside_the_table():
    beside = {
        "document-undescribed",  # tests/verify/test_levels.py, as the doubts
        "file-undescribed",
        "littles-law-low",
        "results-rounded",
        "index-unreadable",
        "signature-refused",
        "signature-unchecked",
    }
    caused = set().union(*(each.codes for each in MUTATIONS))
    above = {name for name, code in CODES.items() if code.level not in FILE_LEVELS}
    assert above == caused | beside
    assert not caused & beside
    assert len(CASES) >= 30
