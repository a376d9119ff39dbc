"""A small plan and an inventory of its own, so that tests and a real run do not meet."""

from __future__ import annotations

import pytest
import yaml

from tests.conftest import CHECKOUT


@pytest.fixture(scope="session")
def lab_root(lab_folder):
    """One lab root for all runs of the session: environments and cluster are made once."""
    return lab_folder / "host"


@pytest.fixture
def inventory(lab_root, tmp_path):
    group = {"hosts": {"localhost": None}}
    variables = {
        "ansible_connection": "local",
        "lab_root": str(lab_root),
    }
    groups = {"app": group, "db": group, "load": group}
    path = tmp_path / "inventory.yml"
    path.write_text(yaml.safe_dump({"bench": {"children": groups, "vars": variables}}))
    return path


@pytest.fixture
def small_plan(tmp_path):
    """Two subjects, two blocks, the asyncio client; ``change`` alters the document."""

    def write(change=None):
        plan = yaml.safe_load((CHECKOUT / "workloads/plans/demo.yaml").read_text())
        plan |= {"name": "small", "blocks": 2}
        plan["dataset"] = {"users": 1000, "orders": 1000, "payload_bytes": 512}
        del plan["subjects"]["sqlalchemy"], plan["loads"]["wrk"]
        plan["comparisons"] = [{"baseline": "asyncpg", "candidate": "tortoise"}]
        plan["loads"]["client"] |= {"connections": 8, "warmup_s": 0.2, "duration_s": 1}
        if change:
            change(plan)
        path = tmp_path / "small.yaml"
        path.write_text(yaml.safe_dump(plan))
        return path

    return write
