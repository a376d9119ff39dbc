"""The cached root is what a fresh server has, and a copy does not reach back into it."""

from __future__ import annotations

import subprocess

import pytest

from tests.host import root

pytestmark = pytest.mark.tier("T3")


def test_the_root_is_debian_13_with_what_every_host_needs(tree):
    release = (tree / "etc/os-release").read_text()
    assert "VERSION_CODENAME=trixie" in release
    installed = subprocess.run(
        ["dpkg-query", "--admindir", tree / "var/lib/dpkg", "-W", "-f", "${Package}\n"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert set(root.PACKAGES) <= set(installed)


def test_writing_to_a_copy_leaves_the_root_as_it_was(tree):
    (tree / "etc/os-release").unlink()
    (tree / "etc/made-by-a-test").touch()
    assert (root.base() / "etc/os-release").exists()
    assert not (root.base() / "etc/made-by-a-test").exists()
