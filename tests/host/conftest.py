"""Test hosts: each a copy of one Debian root. None of this is part of `make test`.

Each module names its tier (docs/provisioning.md), ``pytestmark = pytest.mark.tier("T3")``; the time
of each tier stands at the end of the run.
"""

from __future__ import annotations

import shutil
from collections import Counter

import pytest

from tests.host import chroot, filetree, packages, root

_seconds: Counter[str] = Counter()
_tests: Counter[str] = Counter()


def pytest_configure(config):
    config.addinivalue_line("markers", "tier(name): the tier of a test host")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if marker := item.get_closest_marker("tier"):
        (tier,) = marker.args
        _seconds[tier] += call.duration
        _tests[tier] += call.when == "call"
    return report


def pytest_terminal_summary(terminalreporter):
    for tier in sorted(_seconds):
        terminalreporter.write_line(f"{tier}: {_tests[tier]} tests in {_seconds[tier]:.0f} s")


@pytest.fixture
def tree(tmp_path):
    """A fresh Debian 13, as a folder."""
    if reason := root.why_not():
        pytest.skip(reason)
    with root.copy(tmp_path) as copied:
        yield copied


@pytest.fixture
def host(tmp_path):
    """A fresh Debian 13 without a network, with the stand-in for PostgreSQL's repository."""
    if reason := root.why_not():
        pytest.skip(reason)
    with chroot.started(tmp_path, network=False) as running:
        shutil.copytree(packages.repository().folder, running.tree / "srv/pgdg")
        yield running


def stand_in():
    """The stand-in for PostgreSQL's repository, as an inventory names it; to be changed at will."""
    if reason := root.why_not():
        pytest.skip(reason)
    made = packages.repository()
    return {"uri": "file:/srv/pgdg", "key": str(made.key), "fingerprint": made.fingerprint}


@pytest.fixture
def pgdg():
    return stand_in()


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    """What a host without a network installs from: made by the playbook, on one that has it."""
    pgdg = stand_in()
    folder = tmp_path_factory.mktemp("bundle")
    with chroot.started(folder) as connected:
        connected.run("apt-get", "update", "-q")
        shutil.copytree(packages.repository().folder, connected.tree / "srv/pgdg")
        before = filetree.snapshot(connected.tree)
        made = connected.play(
            root.CHECKOUT / "playbooks/offline-bundle.yml",
            variables={"lab_sources": {"bundle": str(folder), "pgdg": pgdg}},
        )
        assert made.rc == 0, made.output
        assert filetree.difference(before, filetree.snapshot(connected.tree)) == []
    return folder
