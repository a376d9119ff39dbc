"""`ormlab host add` against real sshds: what it checks and writes, and when it writes nothing."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ormlab.hosts import inventory as inventories
from tests import sshd
from tests.provision.conftest import ORMLAB

FEW = ("cat", "cp", "chmod", "env", "id", "mktemp", "rm", "sh")
PROGRAMS = {"host": (*FEW, "python3"), "bare": FEW, "slow": (*FEW, "sleep"), "old": FEW}


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """A jump host, and hosts that say they are a Debian 13 or 12; the file of the key for them."""
    if reason := sshd.why_not():
        pytest.skip(reason)
    if os.geteuid() != 0:
        pytest.skip("needs root: the hosts show another os-release")
    folder = tmp_path_factory.mktemp("servers")
    for name, programs in PROGRAMS.items():
        (folder / name).mkdir()
        for program in programs:
            own = f"{sys.base_prefix}/bin/python3" if program == "python3" else None
            found = Path(own or shutil.which(program))
            (folder / name / program).symlink_to(found.resolve())
    slow = folder / "slow/python3"
    slow.write_text("#!/bin/sh\nexec sleep 611\n")
    slow.chmod(0o755)
    public = sshd.make_key(folder / "key")
    with contextlib.ExitStack() as held:
        named = {"gate": held.enter_context(sshd.serving(folder / "gate", public))}
        for name in PROGRAMS:
            release = f'ID=debian\nVERSION_ID="{12 if name == "old" else 13}"\n'
            server = sshd.serving(
                folder / f"sshd-{name}",
                public,
                # Without the start-up files of the login shell, which may set PATH.
                f"SetEnv PATH={folder}/{name} HOME={folder}/{name}",
                instead={"/usr/lib/os-release": release},
                hidden=["/etc/postgresql"],  # this machine's own cluster would be refused
            )
            named[name] = held.enter_context(server)
        yield named, folder / "key"


@pytest.fixture
def add(servers, tmp_path):
    """Add a host; returns its JSON document, or the problems of one."""
    named, key = servers

    def run(*options, name="ryzen9", server="host", code=0, keys=("gate", *PROGRAMS)):
        given = ["--address", sshd.ADDRESS, "--port", named[server].port, "--key", key]
        given += ["--user", sshd.user(), "--inventory", tmp_path / "bench/hosts.yml", "--json"]
        for each in keys:
            given += ["--fingerprint", fingerprint(named[each])]
        argv = [ORMLAB, "host", "add", name, *map(str, (*given, *options))]
        answer = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert answer.returncode == code, answer.stderr
        told = json.loads(answer.stdout)
        return told if code == 0 else told["problems"]

    return run


def fingerprint(server):
    told = subprocess.run(
        ["ssh-keygen", "-lf", "-"], input=server.public, capture_output=True, text=True, check=True
    )
    return told.stdout.split()[1]


def tree(folder):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_one_command_makes_an_inventory_that_both_tools_read(servers, add, tmp_path):
    named, key = servers
    told = add()
    assert told["schema"] == "ormlab-host/1"
    assert told["roles"] == ["app", "db", "load"]
    assert told["roles_missing"] == []
    assert told["identity"]["machine_id"] == Path("/etc/machine-id").read_text().strip()
    assert {"memory_modules", "firmware"} <= {each["key"] for each in told["findings"]}
    assert all(told["files"].values())
    path = tmp_path / "bench/hosts.yml"
    assert told["next"] == [
        f"ormlab preflight --inventory {path}",
        f"ormlab provision --inventory {path} --enroll",
    ]
    assert (path.parent / "known_hosts").read_text() == named["host"].known
    (host,) = inventories.load(path).hosts
    assert (host.address, host.variables.ansible_port) == (sshd.ADDRESS, named["host"].port)
    assert (host.user, host.root) == ("ormlab", "/srv/ormlab")
    assert host.postgres_cluster == "/etc/postgresql/16/ormlab"
    written = yaml.safe_load((path.parent / "host_vars/ryzen9.yml").read_text())
    assert written["lab_guard"]["machine_id"] == told["identity"]["machine_id"]
    assert written["lab_profile"] == told["profile"]
    assert written["ansible_ssh_private_key_file"] == str(key)


def test_the_same_again_changes_nothing_and_asks_for_no_key(add, tmp_path):
    add()
    own = tmp_path / "bench/host_vars/ryzen9.yml"
    own.write_text(f"{own.read_text()}# a note of its user\nhost_cpu: {{smt: true}}\n")
    before = tree(tmp_path / "bench")
    assert not any(add(keys=())["files"].values())
    assert tree(tmp_path / "bench") == before


def test_three_hosts_have_a_role_each(add, tmp_path):
    first = add("--role", "app", name="app1")
    assert first["roles_missing"] == ["db", "load"]
    assert "--role db" in first["next"][0]
    add("--role", "db", name="db1")
    (problem,) = add("--role", "db", name="load1", code=2)
    assert problem["code"] == "role-taken"
    assert "db is db1" in problem["what"]
    last = add(name="load1")
    assert last["roles"] == ["load"]
    found = inventories.load(tmp_path / "bench/hosts.yml")
    assert {role: host.name for role, host in found.by_role.items()} == {
        "app": "app1",
        "db": "db1",
        "load": "load1",
    }
    assert (found.db.postgres_cluster, found.app.postgres_cluster) == (
        "/etc/postgresql/16/ormlab",
        None,
    )


def test_behind_a_jump_host_both_keys_are_compared(servers, add, tmp_path):
    named, _ = servers
    jump = ("--jump", f"{sshd.user()}@{sshd.ADDRESS}:{named['gate'].port}")
    (problem,) = add(*jump, code=7, keys=("host",))
    assert problem["code"] == "host-key-unconfirmed"
    assert fingerprint(named["gate"]) in problem["what"]
    assert not (tmp_path / "bench").exists()
    before = named["gate"].logins
    told = add(*jump)
    assert [key["fingerprint"] for key in told["keys"]] == [
        fingerprint(named[name]) for name in ("gate", "host")
    ]
    assert named["gate"].logins > before
    known = (tmp_path / "bench/known_hosts").read_text()
    assert known == named["gate"].known + named["host"].known


REFUSED = {
    "a key that nobody has compared": ({"keys": ("gate",)}, 7, "host-key-unconfirmed"),
    "a distribution that the roles do not support": (
        {"server": "old"},
        6,
        "wrong-distribution",
    ),
    "a host without python3": ({"server": "bare"}, 6, "python-missing"),
    "a port without sshd": ({"options": ("--port", "1")}, 7, "host-unreachable"),
    "a user whom the host does not know": (
        {"options": ("--user", "nobody-of-the-tests")},
        7,
        "host-unreachable",
    ),
    "a name that no folder can have": ({"name": "../x"}, 2, "inventory-name"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_leaves_nothing_behind(add, tmp_path, case):
    given, code, expected = REFUSED[case]
    given = dict(given)
    (problem,) = add(*given.pop("options", ()), **given, code=code)
    assert problem["code"] == expected
    assert problem["hint"]
    assert not (tmp_path / "bench").exists()


def test_a_changed_key_is_refused_and_the_file_kept(servers, add, tmp_path):
    named, _ = servers
    add()
    known = tmp_path / "bench/known_hosts"
    other = named["host"].known.replace(named["host"].public, named["gate"].public)
    known.write_text(other)
    (problem,) = add(code=7)
    assert problem["code"] == "host-key-changed"
    assert known.read_text() == other


def test_what_its_user_wrote_is_neither_lost_nor_overruled(add, tmp_path):
    add()
    (problem,) = add("--user", "somebody", code=2)
    assert problem["code"] == "inventory-differs"
    assert "--user" in problem["what"]
    hosts = tmp_path / "bench/hosts.yml"
    hosts.write_text(f"{hosts.read_text()}  # a note\n")
    (problem,) = add(code=2)
    assert problem["code"] == "inventory-by-hand"
    assert hosts.read_text().endswith("  # a note\n")


def test_a_password_that_others_can_read_is_refused(add, tmp_path):
    secret = tmp_path / "password"
    secret.write_text("sesame\n")
    secret.chmod(0o644)
    (problem,) = add("--sudo-password-file", secret, code=2)
    assert problem["code"] == "password-readable"
    secret.chmod(0o600)
    add("--sudo-password-file", secret)
    found = inventories.load(tmp_path / "bench/hosts.yml")
    assert found.app.variables.sudo_password.reveal() == "sesame"
    assert "sesame" not in "".join(tree(tmp_path / "bench").values())


def test_an_interruption_leaves_nothing_half_written(servers, tmp_path):
    named, key = servers
    argv = ["env", "--default-signal=INT", ORMLAB, "host", "add", "ryzen9"]
    argv += ["--address", sshd.ADDRESS, "--port", str(named["slow"].port), "--key", str(key)]
    argv += ["--user", sshd.user(), "--fingerprint", fingerprint(named["slow"])]
    argv += ["--inventory", str(tmp_path / "bench/hosts.yml")]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if "looking at it" in line:
                break
        process.send_signal(signal.SIGINT)
        process.stderr.read()
    assert process.returncode == 130
    assert not (tmp_path / "bench").exists()


def test_on_a_terminal_the_key_is_shown_and_a_no_writes_nothing(servers, tmp_path):
    named, key = servers
    ours, theirs = pty.openpty()
    argv = [ORMLAB, "host", "add", "ryzen9", "--address", sshd.ADDRESS, "--key", str(key)]
    argv += ["--port", str(named["host"].port), "--user", sshd.user()]
    argv += ["--inventory", str(tmp_path / "bench/hosts.yml")]
    with subprocess.Popen(
        argv, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        os.write(ours, b"n\n")
        _, complaint = process.communicate()
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 7
    assert fingerprint(named["host"]) in complaint
    assert "/etc/ssh/ssh_host_ed25519_key.pub" in complaint
    assert not (tmp_path / "bench").exists()
