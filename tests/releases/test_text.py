"""What people read of releases: one sentence for each, then its figures."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from msgspec.structs import replace
from packaging.version import Version

from bundle import typed
from bundle.codec import serialise
from bundle.documents.results import Results
from bundle.format import Omission
from ormlab.base.errors import UsageError
from ormlab.cli.releases import _sql, printed
from ormlab.compare import spec
from ormlab.judging import judge
from ormlab.releases import changes
from ormlab.releases.changes import SqlChange
from ormlab.releases.choice import DueRelease, ReleaseChoice, SkippedRelease
from ormlab.releases.course import Found, MeasuredRelease, Outcome, Request, read
from ormlab.releases.index import Release
from ormlab.releases.plan import Watched
from tests.archive.releases import RELEASES, SLOWER, compared

DAY = datetime(2026, 11, 20, 12, tzinfo=UTC)
WATCHED = Watched(spec.parse("sqlalchemy"), None, 180.0)
REQUEST = Request((WATCHED,), Path("archive"), Path("bundles"))


def due(new, old):
    return DueRelease(*(Release(Version(each), DAY, None) for each in (new, old)))


def said(outcome, *wanted, left_out=(), newest=None):
    found = Found(WATCHED, ReleaseChoice(tuple(wanted), tuple(left_out)), newest)
    return printed(REQUEST, [found], outcome).text().splitlines()


def test_a_dry_run_says_what_is_due_and_what_is_left_out():
    early = SkippedRelease(
        Release(Version("2.2b1"), DAY, "it is a pre-release"), "it is a pre-release"
    )
    assert said(Outcome(), due("2.1.9", "2.1.8"), left_out=[early], newest="2.1.8") == [
        "sqlalchemy: the archive has 2.1.8; 1 release to measure",
        "  due       2.1.9 of 2026-11-20, over 2.1.8",
        "  left out  2.2b1 of 2026-11-20: it is a pre-release",
    ]


def test_a_release_that_failed_says_so():
    failed = {("sqlalchemy", "2.1.9"): UsageError("stack-unlockable", "no set of packages fits")}
    lines = said(Outcome(failed=failed), due("2.1.9", "2.1.8"))
    assert lines[1] == "  failed    2.1.9 of 2026-11-20, over 2.1.8"


def test_a_slower_release_is_told_in_one_sentence_with_what_is_not_decided(tmp_path):
    before, slower = next(pair for pair in pairwise(RELEASES) if pair[1] == SLOWER)
    bundle = compared(tmp_path, before, slower, day=0, noise=random.Random(1))
    judge.judge(bundle)
    wanted = due(slower, before)
    outcome = Outcome(measured=[read(bundle, "sqlalchemy", wanted)])
    lines = said(outcome, wanted)
    assert lines[1].startswith(f"  measured  {slower}")
    (sentence,) = [line for line in lines if "read-one under article" in line and "over" in line]
    assert sentence.startswith(f"sqlalchemy {slower} over {before}, read-one under article: ")
    assert "throughput x 0.88" in sentence
    assert "SLOWER" in sentence
    assert sentence.endswith("; SQL not recorded")
    (row,) = [line.split() for line in lines if " throughput " in line and " to " in line]
    assert row[-1] == "SLOWER"


def test_other_sql_is_told_by_its_statements_and_round_trips():
    cells = (
        changes.CellChanges("w", "l", (), ()),
        changes.CellChanges("w", "l", (), (SqlChange("read-user", (3.0, 2.0), (3.0, 2.5)),)),
    )
    assert [_sql(each.sql) for each in cells] == [
        "SQL as before",
        "SQL of read-user differs (statements in round trips: 3 in 3 before, 2 in 2.5)",
    ]


def test_what_could_not_be_measured_is_told_with_its_reason():
    wanted = due("2.1.9", "2.1.8")
    measured = MeasuredRelease("sqlalchemy", wanted, Path("archive/b"), (), ("stack x failed: no",))
    lines = said(Outcome(measured=[measured]), wanted)
    assert "sqlalchemy 2.1.9 over 2.1.8: not measured: stack x failed: no" in lines


def test_what_an_interruption_lost_is_nothing_that_could_not_be_measured(tmp_path):
    bundle = compared(tmp_path, *RELEASES[:2], day=0, noise=random.Random(1))
    judge.judge(bundle)
    omitted = [
        Omission(path="trials/*-sqlalchemy-2.0.5-read-one-*", reason="stack x failed: no"),
        Omission(path="host/resumed-1/postgres.log.zst", reason="it was lost with the process"),
    ]
    results = replace(typed.read(bundle, Results), omitted=omitted)
    (bundle / Results.PATH).write_bytes(serialise(results))
    assert read(bundle, "sqlalchemy", due("2.0.5", "2.0.4")).unusable == ("stack x failed: no",)
