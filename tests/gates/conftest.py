from __future__ import annotations

import pytest

from tests.gates.recorded import Recorded


@pytest.fixture
def recorded(tmp_path):
    """A recorded trial to be broken, as if on a host that keeps its cores apart."""

    def make(name, *, profile="bare-metal", tier="exclusive-core"):
        return Recorded(name, tmp_path, profile, tier)

    return make
