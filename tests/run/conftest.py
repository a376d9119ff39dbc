"""A small plan and an inventory of its own, so that tests and a real run do not meet."""

from __future__ import annotations

import sys

import pytest

from tests.run import shared
from tests.run.small import alone, write_inventory, write_plan

HOSTILE = {
    "GIT_DIR": "/nowhere",
    "LC_ALL": "tr_TR.UTF-8",
    "LD_PRELOAD": "nonexistent",
    "PGPASSWORD": "x",
    "PGSSLMODE": "require",
    "PIP_USER": "1",
    "PYTHONASYNCIODEBUG": "1",
    "PYTHONDEVMODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONMALLOC": "malloc",
    "UV_EXCLUDE_NEWER": "2000-01-01",
    "http_proxy": "http://127.0.0.1:9",
}


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


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory, lab_root):
    """The small plan, run to its end; for all workers, so no test may change it."""
    return shared.finished(tmp_path_factory.getbasetemp(), lab_root, "small")


@pytest.fixture(scope="session")
def run_with_controls(tmp_path_factory, lab_root):
    """A finished run with a null arm and a positive control; no test may change it."""

    def change(plan):
        plan["loads"]["client"].update(duration_s=1, warmup_s=0)
        plan |= {"null_arm": "asyncpg", "positive_control": {"subject": "asyncpg"}}

    return shared.finished(tmp_path_factory.getbasetemp(), lab_root, "controls", change)


@pytest.fixture(scope="session")
def troubled_run(tmp_path_factory, lab_root):
    """A finished run that writes, under `HOSTILE`, sealed by a clock an hour behind.

    No test may change it.
    """

    def change(plan):
        plan["dataset"]["users"] = 20_000  # enough to delete from
        operations = [
            {"operation": f"{verb}-user"} for verb in ("read", "create", "update", "delete")
        ]
        plan["workloads"] = {"crud": {"operations": operations}}
        alone(plan, blocks=2)

    program = (sys.executable, "-m", "tests.run.clock_back")
    base = tmp_path_factory.getbasetemp()
    return shared.finished(base, lab_root, "troubled", change, program=program, variables=HOSTILE)
