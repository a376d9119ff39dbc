"""A host from nothing to a run and back to nothing, over ssh, as its users do it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bundle.verify import verify
from tests.host import filetree
from tests.host.booted.conftest import fresh_hosts, step

pytestmark = pytest.mark.tier("T4a")

# What a running system writes by itself, and the account that Ansible came by.
_LIVING = ("var/log/", "var/lib/systemd/", "home/bench/.ansible", "etc/.pwd.lock")


@pytest.fixture
def fresh(bundle, pgdg, tmp_path):
    with fresh_hosts(tmp_path, bundle, pgdg, "bench1") as made:
        yield made


def state(machine):
    """All of a host that provisioning could leave behind, as text by name."""
    tree = filetree.snapshot(machine.tree)
    files = {path: what for path, what in tree.items() if not path.startswith(_LIVING)}
    units = machine.run("systemctl", "list-unit-files", "--no-legend", "--no-pager").splitlines()
    running = machine.run("systemctl", "list-units", "--no-legend", "--plain", "--state=active")
    accounts = [machine.run("getent", book).splitlines() for book in ("passwd", "group")]
    return files | {
        **{f"unit {line.split()[0]}": line for line in units},
        **{
            f"running {name}": "active"
            for name in (line.split()[0] for line in running.splitlines())
            # Sessions come and go with each connection, slices stay until the next boot.
            if name.endswith((".service", ".timer", ".socket")) and "user" not in name
        },
        **{f"account {line}": "there" for book in accounts for line in book},
    }


def counts(answer):
    (host,) = json.loads(answer.stdout)["hosts"]
    return host["counts"]


def test_from_nothing_to_a_run_and_back(fresh, plan, carried, tmp_path):
    lab, machine = fresh.lab, fresh.lab.machines["bench1"]
    assert len(carried) == 3
    inventory = ["--inventory", lab.inventory(user="bench", **fresh.variables), "--json"]
    before = state(machine)

    refused = json.loads(lab.ormlab("provision", *inventory, code=7).stdout)["problems"]
    assert [each["code"] for each in refused] == ["not-enrolled"], refused
    assert filetree.difference(before, state(machine)) == []

    with step("provision from a fresh root: packages, users, PostgreSQL, wrk, tuning"):
        first = lab.ormlab("provision", *inventory, "--enroll")
    assert counts(first)["changed"] > 20
    with step("the same again"):
        assert counts(lab.ormlab("provision", *inventory))["changed"] == 0
    assert counts(lab.ormlab("provision", *inventory, "--dry-run"))["changed"] == 0
    lab.ormlab("drift", *inventory)

    a_run_as_the_users_of_the_lab(fresh, plan, tmp_path)

    machine.run("systemctl", "unmask", "apt-daily.timer")
    (drifted,) = json.loads(lab.ormlab("drift", *inventory, code=6).stdout)["problems"]
    assert "apt-daily.timer" in drifted["what"]

    with step("untune"):
        lab.ormlab("untune", *inventory)
    with step("uninstall"):
        lab.ormlab("uninstall", *inventory)
    assert filetree.difference(before, state(machine)) == []


def a_run_as_the_users_of_the_lab(fresh, plan, tmp_path):
    """Logged in as the control user, at work as the service user, with what was installed."""
    lab, machine = fresh.lab, fresh.lab.machines["bench1"]
    asked = ["--inventory", fresh.as_its_users("bench1"), "--bundles", tmp_path / "bundles"]
    with step("run on the provisioned host"):
        told = json.loads(lab.ormlab("run", plan, *asked, "--json").stdout)
    folder = Path(told["folder"])
    assert verify(folder).ok
    played = [json.loads(path.read_text()) for path in folder.glob("host/provision/*-site.json")]
    assert "postgresql_bench" in {task["role"] for each in played for task in each["tasks"]}
    # Of the cluster that was provisioned, which is not the one that a run would make.
    settings = json.loads((folder / "host/postgres.json").read_bytes())["settings"]
    assert (settings["shared_buffers"], settings["huge_pages"]) == ("128MB", "try")
    assert not (machine.tree / "srv/ormlab/postgres/data").exists()
    assert "postgres" not in machine.run("ps", "-e", "-o", "comm=")
    owners = machine.run("find", "/srv/ormlab", "-printf", "%u\n")
    assert set(owners.split()) == {"ormlab"}
