from __future__ import annotations

import pytest

from tests.verify import recorded


@pytest.fixture(scope="session")
def judged(tmp_path_factory):
    """A bundle with its results; no test may change it."""
    return recorded.make(tmp_path_factory.mktemp("report"))


@pytest.fixture
def bundle(judged, tmp_path):
    """A copy to break."""
    return recorded.copy(judged, tmp_path / "bundles")
