"""One profile of a real service, which several tests read."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import CHECKOUT
from tests.run.conftest import inventory, lab_root
from tests.run.shared import ORMLAB, processes_below
from tests.run.small import write_inventory

__all__ = ["inventory", "lab_root"]


class Profile(NamedTuple):
    """What one command left."""

    told: dict  #: its JSON
    bundle: Path
    left: list[str]  #: command lines of the processes that it left


@pytest.fixture(scope="session")
def profiled(tmp_path_factory, lab_root):
    """asyncpg's service under py-spy, memray and strace; no test may change it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "profiled"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        outcome = folder / "outcome.json"
        if not outcome.exists():
            hosts = write_inventory(folder / "inventory.yml", lab_root)
            command = [ORMLAB, "profile", "asyncpg", "--cpu", "--heap", "--syscalls", "--json"]
            command += ["--for", "2s", "--connections", "4", "--seed", "1"]
            command += ["--inventory", str(hosts), "--bundles", str(folder / "bundles")]
            ended = subprocess.run(
                command, capture_output=True, text=True, check=False, cwd=CHECKOUT
            )
            assert ended.returncode == 0, ended.stderr
            left = [" ".join(each.info["cmdline"]) for each in processes_below(lab_root)]
            outcome.write_text(json.dumps([json.loads(ended.stdout), left]))
    told, left = json.loads(outcome.read_bytes())
    return Profile(told, Path(told["folder"]), left)
