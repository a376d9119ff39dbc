from __future__ import annotations

import pytest

from tests.roles import played_host
from tests.roles.tuned import Host


@pytest.fixture
def host(tmp_path):
    return Host(played_host.build(tmp_path))
