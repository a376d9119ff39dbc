"""A clone that would change the ends of lines does not: digests are of the bytes committed."""

from __future__ import annotations

import subprocess

import pytest

from tests.conftest import CHECKOUT

# What a digest is taken of, of every kind; the bundles of the evidence are binary and large.
PATHS = (".gitattributes", "evidence/seals", "evidence/index", "evidence/ormlab-store.json")
PATHS += ("workloads/stacks", "workloads/plans", "workloads/ledgers", "requirements", "agent")


def git(*arguments, at):
    return subprocess.run(
        ["git", "-C", str(at), *arguments], capture_output=True, check=True
    ).stdout


@pytest.fixture
def clone(tmp_path):
    if not (CHECKOUT / ".git").exists():
        pytest.skip("not a git checkout")
    target = tmp_path / "clone"
    options = ["-c", "core.autocrlf=true", "-c", "core.eol=crlf", "--no-checkout", "--shared"]
    git("clone", "--quiet", *options, str(CHECKOUT), str(target), at=tmp_path)
    git("checkout", "HEAD", "--", *PATHS, at=target)
    return target


def test_files_have_the_bytes_that_were_committed(clone):
    names = git("ls-files", "-z", "--", *PATHS, at=clone).decode().split("\0")[:-1]
    assert len(names) > 100
    hashed = git("hash-object", "--no-filters", "--", *names, at=clone).decode().split()
    listed = git("ls-files", "-s", "-z", "--", *PATHS, at=clone).decode().split("\0")[:-1]
    assert hashed == [line.split()[1] for line in listed]
