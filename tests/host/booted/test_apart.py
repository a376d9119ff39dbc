"""Three hosts in three network namespaces, provisioned and measured: database, services, load."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from bundle.read import Bundle
from bundle.verify import verify
from tests.host.booted.conftest import fresh_hosts, step
from tests.host.booted.test_ssh import watched_command_lines

pytestmark = pytest.mark.tier("T4a")


@pytest.fixture
def three(bundle, pgdg, tmp_path):
    with fresh_hosts(tmp_path, bundle, pgdg, "app1", "db1", "load1") as made:
        yield made


def test_three_hosts_are_provisioned_and_a_run_ends_in_one_bundle(three, plan, carried, tmp_path):
    assert len(carried) == 3
    lab = three.lab
    inventory = lab.inventory(user="bench", **three.variables)
    with step("provision three fresh hosts"):
        lab.ormlab("provision", "--inventory", inventory, "--enroll", "--json")
    asked = ["--inventory", three.as_its_users("db1"), "--bundles", tmp_path / "bundles", "--json"]
    with watched_command_lines() as seen, step("run on three hosts"):
        told = json.loads(lab.ormlab("run", plan, *asked).stdout)
    folder = Path(told["folder"])
    assert verify(folder).ok
    groups = yaml.safe_load((folder / "inputs/inventory.redacted.yml").read_text())["groups"]
    assert groups == {"app": ["host-1"], "db": ["host-2"], "load": ["host-3"]}
    trials = Bundle.open(folder).trials
    assert {trial.record.status for trial in trials} == {"completed"}
    for trial in trials:
        assert set(trial.record.readings.hosts) == {"app", "db", "load"}
    passwords = (lab.machines["db1"].tree / "srv/ormlab/postgres/pgpass").read_text()
    password = passwords.strip().rsplit(":", 1)[1].encode()
    assert any(b"workloads.services" in line for line in seen)
    assert not [line for line in seen if password in line]
    for machine in lab.machines.values():
        assert machine.run("ls", "/srv/ormlab/runs") == ""
        assert "postgres" not in machine.run("ps", "-e", "-o", "comm=")
