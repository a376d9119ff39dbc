"""The module lab_apt_idle against real locks, on a folder that has the lock files of a host."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

LOCK = "var/lib/apt/lists/lock"


@pytest.fixture
def lock(tmp_path):
    """One lock file of apt; a host that has never installed anything lacks the others."""
    path = tmp_path / LOCK
    path.parent.mkdir(parents=True)
    with path.open("w") as file:
        yield file


def wait(root):
    """Have Ansible run the module with no patience."""
    program = Path(sys.executable).with_name("ansible")
    asked = ["--inventory", "localhost,", "--connection", "local", "localhost"]
    module = ["--module-name", "lab_apt_idle", "--args", f"root={root} patience_s=0"]
    interpreter = f"ansible_python_interpreter={sys.executable}"
    return subprocess.run(
        [program, *asked, *module, "--extra-vars", interpreter],
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
        env=os.environ | {"ANSIBLE_HOME": str(CHECKOUT / ".lab/ansible")},
    )


def test_it_waits_for_a_lock_and_names_who_holds_it(lock, tmp_path):
    fcntl.lockf(lock, fcntl.LOCK_EX)
    held = wait(tmp_path)
    assert held.returncode != 0
    assert f"process {os.getpid()} (" in held.stdout
    assert f"still holds /{LOCK} after 0 s" in held.stdout
    fcntl.lockf(lock, fcntl.LOCK_UN)
    free = wait(tmp_path)
    assert free.returncode == 0, free.stdout
