"""A host from nothing to a run and back to nothing, over ssh, as its users do it.

It is minimal: it has no sudo, no network, and no way to it but through a jump host.
"""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from bundle.verify import verify
from tests.conftest import CHECKOUT
from tests.host import filetree
from tests.host.booted.conftest import ORMLAB, fresh_hosts, step
from tests.host.holding import LOCK, await_while, holding

pytestmark = pytest.mark.tier("T4a")

# What a running system writes by itself, and the account that Ansible came by.
_LIVING = ("var/log/", "var/lib/systemd/", "etc/.pwd.lock")


@pytest.fixture
def fresh(bundle, pgdg, tmp_path):
    with fresh_hosts(tmp_path, bundle, pgdg, "bench1", gate="gate1") as made:
        machine = made.lab.machines["bench1"]
        machine.run("rm", "/etc/sudoers.d/bench")
        machine.run("env", "SUDO_FORCE_REMOVE=yes", "dpkg", "--purge", "sudo")
        yield made


def added(fresh, folder):
    """The inventory of the host that `ormlab host add` makes, completed by its user."""
    lab, machine = fresh.lab, fresh.lab.machines["bench1"]
    look = lab.control.inside("ssh-keyscan", "-T", "1", machine.address)
    assert subprocess.run(look, capture_output=True, text=True, check=False).stdout == ""
    path = folder / "bench/hosts.yml"
    add = ["bench1", "--address", machine.address, "--user", "root", "--key", lab.folder / "key"]
    add += ["--jump", f"bench@{lab.gate.address}", "--inventory", path, "--json"]
    for each in (lab.gate, machine):
        add += ["--fingerprint", each.fingerprint]
    told = json.loads(lab.ormlab("host", "add", *add).stdout)
    assert (told["login"], told["roles"]) == ("root", ["app", "db", "load"])
    own = path.parent / "host_vars/bench1.yml"
    own.write_text(yaml.safe_dump(yaml.safe_load(own.read_text()) | fresh.variables))
    return path


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
    before = state(machine)
    inventory = ["--inventory", added(fresh, tmp_path), "--json"]

    refused = json.loads(lab.ormlab("provision", *inventory, code=7).stdout)["problems"]
    assert [each["code"] for each in refused] == ["not-enrolled"], refused
    assert filetree.difference(before, state(machine)) == []

    with step("provision from a fresh root, cut twice"):
        what_is_cut_goes_on(lab, machine, inventory)
    with step("provision the rest: PostgreSQL, wrk, tuning"):
        first = lab.ormlab("provision", *inventory)
    assert counts(first)["changed"] > 10
    with step("the same again"):
        assert counts(lab.ormlab("provision", *inventory))["changed"] == 0
    assert counts(lab.ormlab("provision", *inventory, "--dry-run"))["changed"] == 0
    lab.ormlab("drift", *inventory)

    a_run(lab, machine, plan, inventory, tmp_path)

    machine.run("systemctl", "unmask", "apt-daily.timer")
    (drifted,) = json.loads(lab.ormlab("drift", *inventory, code=6).stdout)["problems"]
    assert "apt-daily.timer" in drifted["what"]

    with step("untune"):
        lab.ormlab("untune", *inventory)
    with step("uninstall"):
        lab.ormlab("uninstall", *inventory)
    assert filetree.difference(before, state(machine)) == []


def what_is_cut_goes_on(lab, machine, inventory):
    """Another apt is at work when it begins, and the connection is lost twice."""
    with apt_at_work(machine), begun(lab, "provision", *inventory, "--enroll") as provision:
        await_while(provision, lambda: sleepers(machine))
        lose_connection(machine)
        assert codes(provision) == ["host-unreachable"]
    await_while(None, lambda: not sleepers(machine))  # what the lost connection has left
    assert "ormlab" not in machine.run("getent", "passwd")
    with holding(machine.tree) as hold:
        hold.at("usr/lib/postgresql/16/bin/postgres")
        # Of an enrolled host nobody says that it is not, although the account lab_user is missing.
        with begun(lab, "provision", *inventory) as provision:
            with apt_at_work(machine):
                await_while(provision, lambda: sleepers(machine))
            hold.wait(provision)
            lose_connection(machine)
            assert codes(provision) == ["host-unreachable"]
        hold.release()


@contextmanager
def begun(lab, *arguments):
    """A command of the control host in the background, ended at the end."""
    argv = lab.control.inside(ORMLAB, *map(str, arguments))
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=CHECKOUT
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def codes(process):
    answer, errors = process.communicate()
    assert process.returncode == 7, errors
    return [each["code"] for each in json.loads(answer)["problems"]]


@contextmanager
def apt_at_work(machine):
    """Another program holds the lock of the package lists meanwhile."""
    inside = ["nsenter", f"--target={machine.init}", "--all", "--", "/usr/bin/python3", "-c", LOCK]
    with subprocess.Popen(
        inside, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "locked\n"
        yield  # it ends with its standard input, which is closed below


def sleepers(machine):
    """The Pythons of a host that sleep (system call 230), as a module does between two looks."""
    show = "for each in /proc/[0-9]*; do echo $(cat $each/comm $each/syscall); done 2>&-"
    lines = machine.run("sh", "-c", show).splitlines()
    return [line for line in lines if re.match(r"python3(\.\d+)? 230 ", line)]


def lose_connection(machine):
    """Kill the servers of all ssh sessions; what they have begun goes on."""
    lines = machine.run("ps", "-e", "-o", "pid=,comm=").splitlines()
    sessions = [line.split()[0] for line in lines if line.split()[1].startswith("sshd-session")]
    machine.run("kill", "-KILL", *sessions)


def a_run(lab, machine, plan, inventory, tmp_path):
    """By the same inventory: at work as the service user, with what was installed."""
    with step("run on the provisioned host"):
        told = json.loads(
            lab.ormlab("run", plan, *inventory, "--bundles", tmp_path / "bundles").stdout
        )
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
