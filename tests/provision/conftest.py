"""Small playbooks on this machine, under a host name that no other inventory has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ormlab.provision import record

# Tests that run beside these have a host of their own.
HOST = f"host-of-the-tests-{os.getpid()}"
ORMLAB = str(Path(sys.executable).with_name("ormlab"))


@pytest.fixture
def inventory(tmp_path):
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    }
    path = tmp_path / "inventory.yml"
    path.write_text(yaml.safe_dump({"bench": {"hosts": {HOST: variables}}}))
    yield path
    shutil.rmtree(record.FOLDER / HOST, ignore_errors=True)


@pytest.fixture
def playbook(tmp_path):
    """Write a playbook of some tasks; returns the folder of playbooks."""

    def write(name, *tasks):
        folder = tmp_path / "playbooks"
        folder.mkdir(exist_ok=True)
        play = {"name": "Test", "hosts": "bench", "gather_facts": False, "tasks": list(tasks)}
        (folder / f"{name}.yml").write_text(yaml.safe_dump([play], sort_keys=False))
        return folder

    return write


@pytest.fixture
def command(inventory, tmp_path):
    """The arguments of a command on that inventory and those playbooks."""

    def arguments(name, *options):
        folder = tmp_path / "playbooks"
        return [ORMLAB, name, "--inventory", inventory, "--playbooks", folder, *options]

    return arguments


@pytest.fixture
def ormlab(command):
    def run(*words, code=0):
        answer = subprocess.run(
            command(*words), capture_output=True, text=True, check=False, env=os.environ
        )
        assert answer.returncode == code, answer.stderr
        return answer

    return run
