"""A small plan and an inventory of its own, so that tests and a real run do not meet."""

from __future__ import annotations

import pytest

from tests.run.small import write_inventory, write_plan


@pytest.fixture(scope="session")
def lab_root(lab_folder):
    """One lab root for all runs of the session: environments and cluster are made once."""
    return lab_folder / "host"


@pytest.fixture
def inventory(lab_root, tmp_path):
    return write_inventory(tmp_path / "inventory.yml", lab_root)


@pytest.fixture
def small_plan(tmp_path):
    """Writes the small plan; ``change`` alters the document."""
    return lambda change=None: write_plan(tmp_path / "small.yaml", change)
