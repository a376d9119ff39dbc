import pytest

from tests.releases import planted
from tests.run.conftest import inventory, lab_root

__all__ = ["inventory", "lab_root"]


@pytest.fixture
def index():
    with planted.served() as served:
        yield served
