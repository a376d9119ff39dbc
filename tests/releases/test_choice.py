"""Which releases are due, and over which: a chain without gaps, whatever is left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from ormlab.releases.choice import choose
from ormlab.releases.index import Release

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def release(version, day, unfit=None):
    return Release(Version(version), FIRST + timedelta(days=day), unfit)


# Uploaded in the order of the numbers, but for 1.9.1, which repairs an old series after 2.0 came.
KNOWN = (
    release("1.8", 0),
    release("1.9", 1),
    release("1.9.1", 7),
    release("1.10", 2),
    release("2.0rc1", 3, "it is a pre-release"),
    release("2.0", 4),
    release("2.1", 5, "it was yanked"),
    release("2.2", 6),
)


def due(*, seen=(), releases=KNOWN, **how):
    choice = choose(releases, {Version(each) for each in seen}, **how)
    return [(str(each.release.version), str(each.over.version)) for each in choice.due]


def left_out(*, seen=(), releases=KNOWN, **how):
    choice = choose(releases, {Version(each) for each in seen}, **how)
    return {str(each.release.version): each.why for each in choice.left_out}


def test_of_a_package_that_was_never_seen_the_highest_version_is_new():
    assert due() == [("2.2", "2.0")]
    assert left_out() == {}


def test_a_release_is_new_if_it_came_after_the_newest_that_was_seen():
    assert due(seen=["1.10"]) == [("2.0", "1.10"), ("2.2", "2.0"), ("1.9.1", "1.9")]
    assert left_out(seen=["1.10"]) == {"2.0rc1": "it is a pre-release", "2.1": "it was yanked"}
    assert due(seen=["2.2"]) == [("1.9.1", "1.9")]
    assert due(seen=["2.2", "1.9.1"]) == []


def test_what_was_seen_and_is_gone_from_the_index_does_not_count():
    assert due(seen=["1.7"]) == due()


def test_since_a_day_everything_is_new_that_was_not_seen():
    since = FIRST + timedelta(days=2)
    assert due(since=since, seen=["2.0"]) == [("1.10", "1.9.1"), ("2.2", "2.0"), ("1.9.1", "1.9")]
    assert due(since=FIRST + timedelta(days=8)) == []


def test_after_a_version_everything_is_new_that_is_higher_and_was_not_seen():
    after = Version("1.9")
    assert due(after=after) == [
        ("1.10", "1.9.1"),
        ("2.0", "1.10"),
        ("2.2", "2.0"),
        ("1.9.1", "1.9"),
    ]
    assert due(after=after, seen=["2.0", "1.9.1"]) == [("1.10", "1.9.1"), ("2.2", "2.0")]
    assert due(after=after, since=FIRST + timedelta(days=6)) == [("2.2", "2.0"), ("1.9.1", "1.9")]


def test_a_limit_spreads_what_it_takes_and_the_chain_goes_over_the_rest():
    many = tuple(release(f"1.{number}", number) for number in range(20))
    assert due(releases=many, since=FIRST + timedelta(days=1), limit=4) == [
        ("1.1", "1.0"),
        ("1.7", "1.1"),
        ("1.13", "1.7"),
        ("1.19", "1.13"),
    ]
    assert due(releases=many, since=FIRST + timedelta(days=1), limit=1) == [("1.19", "1.0")]


def test_the_first_release_of_all_has_none_before_it():
    alone = (release("1.0", 0), release("1.1", 1))
    assert due(releases=alone, since=FIRST) == [("1.1", "1.0")]
    assert left_out(releases=alone, since=FIRST) == {"1.0": "there is none before it"}
    assert due(releases=alone[:1]) == []


@pytest.mark.parametrize("releases", [(), KNOWN[4:5]])
def test_without_a_release_that_fits_nothing_is_due(releases):
    assert due(releases=releases) == []


RELEASES = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 30), st.sampled_from([None, None, "unfit"])),
    unique_by=lambda each: each[0],
    max_size=25,
).map(lambda made: tuple(release(f"1.{at}", day, why) for at, day, why in sorted(made)))


@given(RELEASES, st.sets(st.integers(0, 40)), st.none() | st.integers(1, 8), st.booleans())
def test_whatever_the_index_has_the_comparisons_form_one_chain(releases, seen, limit, whole):
    versions = {Version(f"1.{at}") for at in seen}
    since = FIRST if whole else None
    choice = choose(releases, versions, since=since, limit=limit)
    found = [each.release for each in choice.due]
    assert limit is None or len(found) <= limit
    assert not {each.version for each in found} & versions
    assert all(each.unfit is None for each in (*found, *(due.over for due in choice.due)))
    passed = {each.release for each in choice.left_out if "limit" in each.why}
    chain = [each for each in releases if each.unfit is None and each not in passed]
    assert {(each.over, each.release) for each in choice.due} <= {*pairwise(chain)}
    # Carried out in this order, an interruption loses nothing: what is left is newer than what was.
    assert found == sorted(found, key=lambda each: each.uploaded)
    if found and limit is None and not whole and versions & {each.version for each in releases}:
        later = choose(releases, versions | {found[0].version})
        assert [each.release for each in later.due] == [
            each for each in found[1:] if each.uploaded > found[0].uploaded
        ]
