"""A whole run on three hosts in three network namespaces: database, services, load."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from ormlab.bundle import verify
from ormlab.bundle.read import Bundle
from tests.host.booted.conftest import laboratory, step
from tests.host.booted.test_ssh import watched_command_lines

pytestmark = pytest.mark.tier("T4a")


@pytest.fixture
def three(tmp_path):
    with laboratory(tmp_path, "app1", "db1", "load1") as made:
        for machine in made.machines.values():
            machine.run("install", "--directory", "--owner=bench", "/srv/ormlab")
        yield made


def test_a_run_on_three_hosts_ends_in_one_bundle_that_verifies(three, plan, carried, tmp_path):
    assert len(carried) == 3
    variables = {"lab_root": "/srv/ormlab", "lab_sources": {"from": "bundle"}}
    inventory = three.inventory("run.yml", user="bench", **variables)
    asked = ["--inventory", inventory, "--bundles", tmp_path / "bundles", "--json"]
    with watched_command_lines() as seen, step("run of 4 trials on three fresh hosts"):
        told = json.loads(three.ormlab("run", plan, *asked).stdout)
    folder = Path(told["folder"])
    assert verify(folder).ok
    groups = yaml.safe_load((folder / "inputs/inventory.redacted.yml").read_text())["groups"]
    assert groups == {"app": ["host-1"], "db": ["host-2"], "load": ["host-3"]}
    trials = Bundle.open(folder).trials
    assert [trial.record.status for trial in trials] == ["completed"] * 4
    for trial in trials:
        assert set(trial.record.readings["hosts"]) == {"app", "db", "load"}
    passwords = (three.machines["db1"].tree / "srv/ormlab/postgres/pgpass").read_text()
    password = passwords.strip().rsplit(":", 1)[1].encode()
    assert any(b"workloads.services" in line for line in seen)
    assert not [line for line in seen if password in line]
    for machine in three.machines.values():
        assert machine.run("ls", "/srv/ormlab/runs") == ""
        assert "postgres" not in machine.run("ps", "-e", "-o", "comm=")
