"""A store in a git repository whose history keeps what the store has not."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bundle.unpack import unpack
from docs import evidence
from ormlab.archive.check import check
from ormlab.archive.errors import EntryError, MismatchError
from ormlab.archive.exchange import pull, push
from ormlab.archive.layout import ELSEWHERE, packed
from ormlab.archive.store import Store
from ormlab.base.errors import Exit
from tests.archive import making as archives
from tests.bundle import making

ORMLAB = str(Path(sys.executable).with_name("ormlab"))
WHO = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")


def git(repository, *arguments):
    answer = subprocess.run(
        ["git", "-C", str(repository), *WHO, *arguments], check=True, capture_output=True
    )
    return answer.stdout


@pytest.fixture
def kept(archive, tmp_path):
    """A store of four bundles in a repository, of which two are left to the history.

    Returns:
        The store's folder, and what was pushed.
    """
    repository = tmp_path / "repository"
    folder = repository / "evidence"
    pushed = push(archive, Store.open(str(folder), make=True))
    git(tmp_path, "init", "--quiet", str(repository))
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "all")
    commit = git(repository, "rev-parse", "HEAD").decode().strip()
    moved = []
    for each in pushed[:2]:
        (folder / packed(each.stored.archive)).unlink()
        moved.append({"id": each.stored.id, "archive": each.stored.archive, "commit": commit})
    document = {"schema": "elsewhere/1", "folder": "evidence", "bundles": moved}
    (folder / ELSEWHERE).write_text(json.dumps(document))
    return folder, [each.stored for each in pushed]


def change(store, **keys):
    path = store / ELSEWHERE
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


def test_what_is_in_the_store_comes_as_from_any_other(kept, tmp_path):
    folder, stored = kept
    pulled = pull(Store.open(str(folder)), tmp_path / "there", [each.id for each in stored[2:]])
    assert [each.outcome for each in pulled] == ["added", "added"]


def test_the_error_names_the_commit_and_a_command_that_brings_the_bundle(kept, tmp_path):
    folder, (first, *_) = kept
    there = tmp_path / "there"
    with pytest.raises(EntryError) as caught:
        pull(Store.open(str(folder)), there, [first.id])
    assert (caught.value.code, caught.value.exit_code) == ("entry-elsewhere", Exit.USAGE)
    assert first.id in caught.value.what
    assert list(there.iterdir()) == []
    blob, file = re.search(r"`git show (\S+) > (\S+)`", caught.value.hint).groups()
    (tmp_path / file).write_bytes(git(folder.parent, "show", blob))
    unpack(tmp_path / file, there)
    (again,) = pull(Store.open(str(folder)), there, [first.id])
    assert again.outcome == "completed"
    assert check(there, [first.id]).findings == ()


def test_all_that_is_elsewhere_is_told_at_once_and_nothing_is_fetched(kept, tmp_path):
    folder, _ = kept
    with pytest.raises(EntryError, match="and 1 more are not in this store"):
        pull(Store.open(str(folder)), tmp_path / "there", [])
    assert not list((tmp_path / "there").glob("2*"))


def test_the_command_line_shows_no_traceback(kept, tmp_path):
    folder, (first, *_) = kept
    arguments = ["archive", "pull", first.id, "--from", str(folder)]
    answer = subprocess.run(
        [ORMLAB, *arguments, "--archive", tmp_path / "there"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stdout) == (Exit.USAGE, "")
    assert "git show" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_bundle_that_was_brought_back_into_the_store_is_taken_from_there(kept, archive, tmp_path):
    folder, (first, *_) = kept
    whole = Store.open(str(tmp_path / "whole"), make=True)
    push(archive, whole)
    shutil.copy(tmp_path / "whole" / packed(first.archive), folder / packed(first.archive))
    (pulled,) = pull(Store.open(str(folder)), tmp_path / "there", [first.id])
    assert pulled.outcome == "added"


def test_a_later_push_counts_it_as_present_and_stores_what_is_new(kept, archive, tmp_path):
    folder, stored = kept
    archives.archive(archive, tmp_path / "bundles", count=1)
    pushed = push(archive, Store.open(str(folder)))
    assert [each.outcome for each in pushed] == ["present"] * 4 + ["stored"]
    assert not (folder / packed(stored[0].archive)).exists()


def test_what_is_neither_in_the_store_nor_elsewhere_is_lost(kept, archive):
    folder, _ = kept
    change(folder, bundles=[])
    with pytest.raises(MismatchError) as caught:
        push(archive, Store.open(str(folder)))
    assert caught.value.code == "store-lost"


def test_a_damaged_bundle_in_the_store_is_not_excused_by_the_history(kept, archive):
    folder, (first, *_) = kept
    (folder / packed(first.archive)).write_bytes(b"something else")
    with pytest.raises(MismatchError) as caught:
        push(archive, Store.open(str(folder)))
    assert caught.value.code == "store-lost"


@pytest.mark.parametrize(
    "keys",
    [
        {"folder": "evidence; rm -rf ."},
        {"folder": "../evidence"},
        {"folder": "/evidence"},
        {"folder": "evidence\n"},
        {"schema": "elsewhere/2"},
        {"more": 1},
        {"bundles": [{"id": "x", "archive": "0" * 64, "commit": "0" * 40}]},
        {"bundles": [{"id": "20261126T054631Z-ccc972e8", "archive": "0" * 64, "commit": "main"}]},
    ],
    ids=str,
)
def test_what_would_not_be_safe_to_paste_into_a_shell_is_refused(kept, tmp_path, keys):
    folder, (first, *_) = kept
    change(folder, **keys)
    with pytest.raises(MismatchError) as caught:
        pull(Store.open(str(folder)), tmp_path / "there", [first.id])
    assert caught.value.code == "store-foreign"


def test_the_whole_of_a_store_is_put_together_from_its_history(
    kept, archive, tmp_path, monkeypatch
):
    folder, stored = kept
    monkeypatch.setattr(evidence, "EVIDENCE", folder)
    monkeypatch.setattr(evidence, "ROOT", folder.parent)
    pulled = pull(evidence.whole(tmp_path / "whole"), tmp_path / "there", [])
    assert [each.outcome for each in pulled] == ["added"] * len(stored)
    assert making.snapshot(tmp_path / "there") == making.snapshot(archive)


def test_a_history_that_was_cut_off_is_said(kept, tmp_path, monkeypatch):
    folder, (first, *_) = kept
    shallow = tmp_path / "shallow"
    git(folder.parent, "commit", "--quiet", "--all", "--message", "the packed bundles go")
    git(tmp_path, "clone", "--quiet", "--depth=1", folder.parent.as_uri(), str(shallow))
    monkeypatch.setattr(evidence, "EVIDENCE", folder)
    monkeypatch.setattr(evidence, "ROOT", shallow)
    with pytest.raises(evidence.HistoryError, match=f"lacks 2 bundles .* {first.id}.*unshallow"):
        evidence.whole(tmp_path / "whole")
    assert not (tmp_path / "whole").exists()
