"""Adding: verified, whole or not at all, and once."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys

import pytest

from bundle import index
from bundle.errors import (
    BundleBusyError,
    DiskFullError,
    IndexBrokenError,
    NotSealedError,
    VerificationError,
)
from bundle.storage import Lock
from ormlab.archive.check import check
from ormlab.archive.entries import Archive, find
from ormlab.archive.errors import EntryError, MismatchError
from ormlab.archive.keep import add
from tests.bundle import making
from tests.bundle.test_index import file_size_limit
from tests.conftest import CHECKOUT

MOMENTS = 6


@pytest.fixture
def bundle(tmp_path):
    return making.sealed(tmp_path / "bundles")


def test_what_is_added_is_the_bundle_and_its_line(bundle, tmp_path):
    making.judged(bundle)
    kept = add(bundle, tmp_path / "archive")
    assert kept.outcome == "added"
    assert making.snapshot(kept.path) == making.snapshot(bundle)
    assert [line.seal for line in index.read(tmp_path / "archive")] == [kept.line.seal]
    assert sorted(path.name for path in (tmp_path / "archive").iterdir()) == [
        making.NAME,
        "index.jsonl",
    ]


def test_adding_twice_changes_nothing_and_says_so(bundle, tmp_path):
    add(bundle, tmp_path / "archive")
    before = making.snapshot(tmp_path / "archive")
    assert add(bundle, tmp_path / "archive").outcome == "present"
    assert add(tmp_path / "archive" / making.NAME, tmp_path / "archive").outcome == "present"
    assert making.snapshot(tmp_path / "archive") == before


def test_only_what_verifies_is_added(bundle, tmp_path):
    (bundle / "inputs/plan.yaml").write_text("changed")
    with pytest.raises(VerificationError):
        add(bundle, tmp_path / "archive")
    (bundle / "SEAL.json").unlink()
    with pytest.raises(NotSealedError):
        add(bundle, tmp_path / "archive")
    assert not (tmp_path / "archive").exists()


def test_another_bundle_of_the_same_id_is_refused(bundle, tmp_path):
    add(bundle, tmp_path / "archive")
    before = making.snapshot(tmp_path / "archive")
    other = making.sealed(tmp_path / "elsewhere", trials=1)
    assert other.name == bundle.name
    with pytest.raises(MismatchError, match="has the seal"):
        add(other, tmp_path / "archive")
    assert making.snapshot(tmp_path / "archive") == before


def test_a_bundle_that_lacks_its_line_gets_it(bundle, tmp_path):
    shutil.copytree(bundle, tmp_path / "archive" / bundle.name)
    assert add(bundle, tmp_path / "archive").outcome == "completed"
    assert check(tmp_path / "archive").findings == ()


@pytest.fixture
def added(archive):
    """The bundle that the first one of the archive was added from."""
    return archive.parent / "bundles" / making.NAME


def test_nothing_is_added_to_an_index_that_was_changed(archive, added):
    (archive / "index.jsonl").write_bytes(b"{}\n" + (archive / "index.jsonl").read_bytes())
    shutil.rmtree(archive / added.name)
    before = making.snapshot(archive)
    with pytest.raises(IndexBrokenError):
        add(added, archive)
    assert making.snapshot(archive) == before


def test_two_do_not_write_at_once(archive, added):
    lock = Lock(archive)
    with pytest.raises(BundleBusyError):
        add(added, archive)
    lock.release()
    assert add(added, archive).outcome == "present"


def test_no_room_leaves_the_archive_as_it_was(archive, added):
    shutil.rmtree(archive / added.name)
    before = making.snapshot(archive)
    with file_size_limit(2000), pytest.raises(DiskFullError, match="add it again"):
        add(added, archive)
    assert making.snapshot(archive) == before


def run(bundle, archive, *, kill_at=None):
    """Add in a process that asks before each step; return how many it took."""
    command = [sys.executable, "-m", "tests.archive.crashing_add", bundle, archive]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    steps = 0
    with subprocess.Popen(command, cwd=CHECKOUT, bufsize=0, **pipes) as child:
        for _ in iter(child.stdout.readline, b""):
            if steps == kill_at:
                child.kill()
                break
            steps += 1
            child.stdin.write(b".")
    assert child.returncode == (0 if kill_at is None else -9)
    return steps


def test_an_add_that_is_killed_at_any_step_can_be_done_again(bundle, tmp_path):
    whole = tmp_path / "whole"
    steps = run(bundle, whole)
    moments = {*random.sample(range(steps), MOMENTS), *range(steps - 4, steps)}
    for moment in moments:
        archive = tmp_path / f"killed-{moment}"
        run(bundle, archive, kill_at=moment)
        add(bundle, archive)
        assert check(archive).findings == ()
        assert making.snapshot(archive) == making.snapshot(whole)


def test_a_bundle_is_found_by_the_beginning_of_its_id(archive):
    lines = Archive.open(archive).lines()
    assert find(lines, making.NAME, where="here") == lines[0]
    assert find(lines, f"{making.NAME}-3", where="here") == lines[2]
    with pytest.raises(EntryError, match="4 bundles"):
        find(lines, making.NAME[:10], where="here")
    with pytest.raises(EntryError, match="no bundle"):
        find(lines, "2027", where="here")


def test_an_archive_that_is_not_there_is_named(tmp_path):
    with pytest.raises(EntryError, match="no archive"):
        Archive.open(tmp_path / "nowhere")
