"""The tracked tree stays small enough to clone; older evidence lies in the history."""

from __future__ import annotations

import subprocess

import pytest

from tests.conftest import CHECKOUT, LONG

MB = 1_000_000
LARGEST_TREE = 30 * MB
LARGEST_EVIDENCE = 15 * MB


@pytest.fixture(scope="module")
def sizes():
    """Bytes on the disk of each file that git tracks."""
    listed = subprocess.run(
        ["git", "-C", str(CHECKOUT), "ls-files", "-z"], capture_output=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    names = listed.stdout.decode().split("\0")[:-1]
    return {name: path.stat().st_size for name in names if (path := CHECKOUT / name).is_file()}


def test_the_whole_tree_is_small(sizes):
    assert len(sizes) > 1000
    assert sum(sizes.values()) <= LARGEST_TREE


def test_the_evidence_is_small(sizes):
    evidence = [size for name, size in sizes.items() if name.startswith("evidence/")]
    assert len(evidence) > 40
    assert sum(evidence) <= LARGEST_EVIDENCE


@pytest.mark.parametrize("name", LONG)
def test_a_file_that_comes_first_is_there(name):
    assert (CHECKOUT / "tests" / name).is_file()
