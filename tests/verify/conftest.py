from __future__ import annotations

import pytest

from tests.verify import recorded


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The recorded bundle, judged and anchored; no test may change it."""
    return recorded.make(tmp_path_factory.mktemp("recorded"))


@pytest.fixture
def bundle(made, tmp_path):
    """A copy to break."""
    return recorded.copy(made, tmp_path / "bundles")
