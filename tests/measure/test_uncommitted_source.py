"""What is shipped stands in a commit or in the record: nothing else is measured as clean."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from analysis import results
from ormlab.base import checkout, source
from ormlab.base.errors import ProvisioningError
from ormlab.hosts import connected
from ormlab.hosts.inventory import HostSpec
from ormlab.hosts.inventory.variables import Variables
from ormlab.run.measure import deployment, record
from ormlab.run.measure.deployment import source_archive
from tests.conftest import CHECKOUT

FILES = {
    "agent/a.py": b"print(1)\n",
    "agent/other.py": b"print(2)\n",
    "workloads/stacks/current.txt": b"aiohttp==3.9.0\n",
    "workloads/plans/demo.yaml": b"blocks: 6\n",
    "ormlab/o.py": b"print(3)\n",
    "docs/d.md": b"text\n",
    "inventory/local.yml": b"bench:\n",
    ".gitignore": b"*.log\n/agent/mine.py\n",
}


def git(folder, *arguments, **how):
    as_somebody = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    command = ["git", "-C", str(folder), *as_somebody, *arguments]
    return subprocess.run(command, check=True, capture_output=True, **how).stdout


def write(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "checkout"
    write(folder, FILES)
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


def shipped(tree) -> dict[str, bytes]:
    archive = source_archive(tree, tree / "workloads/stacks")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {each.name: tar.extractfile(each).read() for each in tar}


def made_again(tree, found, tmp_path):
    """The archive of the commit with the recorded patch."""
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(tree), str(clone))
    assert git(clone, "rev-parse", "HEAD").decode().strip() == found.commit
    git(clone, "apply", "-", input=found.patch)
    return source_archive(clone, clone / "workloads/stacks")


def test_a_committed_source_is_clean_and_is_what_is_shipped(tree):
    found = source.read(tree)
    assert (found.dirty, found.reason, found.added, found.patch) == (False, None, {}, b"")
    code = ["agent/a.py", "agent/other.py", "workloads/stacks/current.txt"]
    assert shipped(tree) == {name: FILES[name] for name in code}


def test_what_git_does_not_know_is_shipped_and_recorded(tree, tmp_path):
    write(tree, {"agent/new.py": b"print('new')\n", "ormlab/new.py": b"", "agent/b.json": b"\0"})
    (tree / "agent/other.py").unlink()
    found = source.read(tree)
    assert found.dirty is True
    assert found.added == {
        name: hashlib.sha256((tree / name).read_bytes()).hexdigest()
        for name in ("agent/b.json", "agent/new.py", "ormlab/new.py")
    }
    assert set(shipped(tree)) == {"agent/a.py", "agent/new.py", "workloads/stacks/current.txt"}
    assert made_again(tree, found, tmp_path) == source_archive(tree, tree / "workloads/stacks")


def test_a_file_that_is_staged_and_not_committed_is_recorded(tree):
    write(tree, {"agent/new.py": b"print('new')\n"})
    git(tree, "add", "agent/new.py")
    assert list(source.read(tree).added) == ["agent/new.py"]


def test_what_git_ignores_is_neither_shipped_nor_recorded(tree):
    before = shipped(tree)
    write(tree, {"agent/mine.py": b"x", "agent/__pycache__/a.py": b"x", "agent/a.pyc": b"x"})
    write(tree, {"workloads/stacks/private.txt": b"x"})
    (tree / ".git/info/exclude").write_text("__pycache__\n*.pyc\nprivate.txt\n")
    assert source.read(tree).dirty is False
    assert shipped(tree) == before


@pytest.mark.parametrize("name", ["notes.md", "docs/new.md", "workloads/plans/mine.yaml"])
def test_what_runs_nowhere_is_neither_shipped_nor_recorded_before_git_knows_it(tree, name):
    before = shipped(tree)
    write(tree, {name: b"x"})
    assert source.read(tree).dirty is False
    assert shipped(tree) == before


@pytest.mark.parametrize("name", ["docs/d.md", "workloads/plans/demo.yaml", "agent/a.py"])
def test_what_git_knows_makes_the_source_dirty_wherever_it_differs(tree, name, tmp_path):
    (tree / name).write_bytes(b"another\n")
    found = source.read(tree)
    assert found.dirty is True
    assert found.added == {}
    assert f"+++ b/{name}\n".encode() in found.patch
    assert made_again(tree, found, tmp_path) == source_archive(tree, tree / "workloads/stacks")


def test_the_inventory_stands_in_no_patch(tree):
    (tree / "inventory/local.yml").write_bytes(b"hosts: {secret.example.org: null}\n")
    found = source.read(tree)
    assert found.dirty is True
    assert found.patch == b""


@pytest.mark.parametrize("bit", ["--assume-unchanged", "--skip-worktree"])
def test_a_bit_of_the_index_hides_no_change(tree, bit):
    git(tree, "update-index", bit, "agent/a.py")
    (tree / "agent/a.py").write_bytes(b"print('hidden')\n")
    found = source.read(tree)
    assert found.dirty is True
    assert b"+print('hidden')" in found.patch


def test_converted_line_endings_are_a_change_for_they_are_what_is_shipped(tree, tmp_path):
    git(tree, "config", "core.autocrlf", "true")
    (tree / "agent/a.py").write_bytes(b"print(1)\r\n")
    assert git(tree, "diff", "HEAD") == b""
    found = source.read(tree)
    assert found.dirty is True
    assert made_again(tree, found, tmp_path) == source_archive(tree, tree / "workloads/stacks")


def test_a_mode_is_a_change_where_the_file_system_keeps_modes(tree):
    (tree / "ormlab/o.py").chmod(0o755)
    assert b"new mode 100755" in source.read(tree).patch
    git(tree, "config", "core.fileMode", "false")
    assert source.read(tree).dirty is False


def test_a_symbolic_link_is_not_shipped_as_if_a_commit_had_what_it_leads_to(tree, tmp_path):
    outside = tmp_path / "outside.py"
    outside.write_bytes(b"print('outside')\n")
    (tree / "agent/link.py").symlink_to(outside)
    assert source.read(tree).dirty is True
    git(tree, "add", ".")
    git(tree, "commit", "--quiet", "--message", "link")
    assert source.read(tree).dirty is False
    with pytest.raises(ProvisioningError, match=r"agent/link\.py") as refused:
        shipped(tree)
    assert refused.value.code == "source-link"


def test_a_checkout_within_the_code_is_not_shipped(tree):
    before = shipped(tree)
    write(tree / "agent/nested", {"n.py": b"x"})
    git(tree / "agent/nested", "init", "--quiet")
    git(tree / "agent/nested", "add", ".")
    git(tree / "agent/nested", "commit", "--quiet", "--message", "nested")
    assert shipped(tree) == before
    git(tree, "add", "agent/nested")
    git(tree, "commit", "--quiet", "--message", "as a submodule")
    assert source.read(tree).dirty is False
    assert shipped(tree) == before


def test_nothing_in_the_checkout_is_written(tree):
    write(tree, {"agent/new.py": b"print('new')\n"})
    (tree / "agent/a.py").write_bytes(b"print('changed')\n")
    before = {path: path.lstat().st_mtime_ns for path in tree.rglob("*")}
    source.read(tree)
    assert {path: path.lstat().st_mtime_ns for path in tree.rglob("*")} == before


def of_a_worktree(tree, tmp_path):
    git(tree, "worktree", "add", "--quiet", str(tmp_path / "beside"))
    return tmp_path / "beside"


def of_a_shallow_clone(tree, tmp_path):
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{tree}", str(tmp_path / "beside"))
    return tmp_path / "beside"


@pytest.mark.parametrize("make", [of_a_worktree, of_a_shallow_clone])
def test_other_kinds_of_checkouts_have_their_commit_too(tree, tmp_path, make):
    beside = make(tree, tmp_path)
    write(beside, {"agent/new.py": b"x"})
    found = source.read(beside)
    assert (found.commit, found.dirty) == (source.read(tree).commit, True)
    assert b"agent/new.py" in found.patch


def test_the_variables_of_git_do_not_lead_to_another_checkout(tree, tmp_path, monkeypatch):
    commit = source.read(tree).commit
    monkeypatch.setenv("GIT_DIR", str(CHECKOUT / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "none"))
    assert source.read(tree).commit == commit


def without_git(tree, _monkeypatch):
    shutil.rmtree(tree / ".git")


def within_another(tree, _monkeypatch):
    shutil.rmtree(tree / ".git")
    git(tree.parent, "init", "--quiet")
    git(tree.parent, "add", ".")
    git(tree.parent, "commit", "--quiet", "--message", "another")


def of_somebody_else(tree, monkeypatch):
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder to another user")
    for path in [tree, *tree.rglob("*")]:
        os.chown(path, 65_534, 65_534, follow_symlinks=False)
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setenv("HOME", str(tree.parent))  # no safe.directory of the one who tests


def not_installed(tree, monkeypatch):
    monkeypatch.setenv("PATH", str(tree))


def without_commit(tree, _monkeypatch):
    shutil.rmtree(tree / ".git")
    git(tree, "init", "--quiet")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (without_git, "no git checkout"),
        (within_another, "inside another git checkout"),
        (of_somebody_else, "belongs to another user"),
        (not_installed, "git is not installed"),
        (without_commit, "nothing is committed"),
    ],
)
def test_a_source_without_a_commit_says_why(tree, monkeypatch, make, reason):
    code = shipped(tree)
    make(tree, monkeypatch)
    found = source.read(tree)
    assert (found.commit, found.dirty) == (None, None)
    assert reason in found.reason
    assert str(tree) not in found.reason
    assert shipped(tree) == code


def test_a_package_of_another_checkout_is_vouched_for_by_no_commit(tmp_path):
    write(tmp_path, {"workloads/__init__.py": b""})
    ask = "from ormlab.base import source; print(source.here().reason)"
    answer = subprocess.run(
        [sys.executable, "-P", "-c", ask],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "package workloads is imported from another folder" in answer.stdout


def test_a_commit_made_while_a_run_goes_on_does_not_make_its_source_clean(tmp_path):
    begun = {"commit": "c" * 40, "dirty": True, "version": checkout.VERSION}
    write(tmp_path, {"inputs/source.json": json.dumps(begun).encode()})
    assert record.tool(tmp_path).dirty is True


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"reason": "git is not installed"}, "no commit has its source: git is not installed"),
        ({}, "measured by an uncommitted source"),
    ],
)
def test_a_source_without_a_commit_is_a_weakness_with_its_reason(tmp_path, told, said):
    written = {"commit": None, "dirty": None, "version": checkout.VERSION} | told
    write(tmp_path, {"inputs/source.json": json.dumps(written).encode()})
    assert results._of_the_source(SimpleNamespace(path=tmp_path)) == said


def test_code_that_was_changed_on_the_host_since_is_shipped_again(tmp_path):
    spec = HostSpec(
        name="here",
        local=True,
        address="127.0.0.1",
        root=str(tmp_path),
        known_hosts="",
        variables=Variables(),
    )
    (tmp_path / "code").mkdir()
    with connected([spec]) as hosts:
        code = Path(deployment._code(hosts["here"], checkout.STACKS))
        kept = (code / "agent/service.py").stat().st_ino
        (code / "agent/__pycache__").mkdir()
        (code / "agent/__pycache__/service.cpython-313.pyc").write_bytes(b"x")
        assert deployment._code(hosts["here"], checkout.STACKS) == str(code)
        assert (code / "agent/service.py").stat().st_ino == kept
        (code / "agent/service.py").write_text("raise SystemExit\n")
        (code / "agent/more.py").write_text("")
        deployment._code(hosts["here"], checkout.STACKS)
    assert (code / "agent/service.py").read_bytes() == (CHECKOUT / "agent/service.py").read_bytes()
    assert not (code / "agent/more.py").exists()
