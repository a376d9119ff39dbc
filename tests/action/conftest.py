"""The hub of a test, and a recorded comparison."""

from __future__ import annotations

import pytest

from tests.action import hub as hubs
from tests.verify import recorded


@pytest.fixture
def hub():
    with hubs.served() as served:
        yield served


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    """The recorded bundle; tests may only judge it again, which changes nothing."""
    return recorded.make(tmp_path_factory.mktemp("recorded"))
