"""Test hosts: each a copy of one Debian root. None of this is part of `make test`.

Each module names its tier (docs/installing.md), ``pytestmark = pytest.mark.tier("T3")``; the time
of each tier stands at the end of the run.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.host import root

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
