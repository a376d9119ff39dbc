"""This machine as a host of an inventory."""

from __future__ import annotations

import pytest

from ormlab.hosts.inventory import HostSpec
from ormlab.hosts.inventory.variables import Variables


@pytest.fixture
def reach(tmp_path):
    """This machine as a host with such variables; a folder of its own if asked."""

    def spec(*, folder="lab", **variables):
        return HostSpec(
            name="here",
            local=True,
            address="127.0.0.1",
            root=str(tmp_path / folder),
            known_hosts="",
            variables=Variables(**variables),
        )

    return spec
