"""A host behind jump hosts, over real sshds: both tools go the same way, with strict host keys."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
import yaml

from ormlab.base.errors import ProvisioningError
from ormlab.hosts import connected, connection
from ormlab.hosts.inventory import bench
from ormlab.provision import record
from tests import sshd
from tests.provision.conftest import HOST

SSH = "ansible_ssh_common_args"


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Two jump hosts, one that passes nothing on, and a host; the file of the key for them."""
    if reason := sshd.why_not():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("servers")
    public = sshd.make_key(folder / "key")
    with (
        sshd.serving(folder / "gate", public) as gate,
        sshd.serving(folder / "inner", public) as inner,
        sshd.serving(folder / "shut", public, "PermitOpen none") as shut,
        sshd.serving(folder / "host", public) as host,
    ):
        yield {"gate": gate, "inner": inner, "shut": shut, "host": host}, folder / "key"


@pytest.fixture
def reached(servers, tmp_path):
    """An inventory of the host, by the ssh arguments of the test and the keys that it knows."""
    named, key = servers

    def write(arguments, *known):
        places = {name: f"{sshd.ADDRESS}:{server.port}" for name, server in named.items()}
        variables = {
            "ansible_host": sshd.ADDRESS,
            "ansible_port": named["host"].port,
            "ansible_user": sshd.user(),
            "ansible_ssh_private_key_file": str(key),
            "ansible_python_interpreter": sys.executable,
            SSH: arguments.format(**places, key=key, port=named["gate"].port),
        }
        path = tmp_path / "inventory.yml"
        path.write_text(yaml.safe_dump({"bench": {"hosts": {HOST: variables}}}))
        lines = [named[name].known for name in known]
        (tmp_path / "known_hosts").write_text("".join(lines))
        return path

    yield write
    shutil.rmtree(record.FOLDER / HOST, ignore_errors=True)


def said(path):
    """What the host answers a run."""
    with connected(bench(path).hosts) as hosts:
        return hosts[HOST].run("echo", "here")


ALL = ("gate", "inner", "host")
OWN = "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -i {key} -p {port}"
WAYS = {
    "-J {gate}": ("gate",),
    "-o ProxyJump={gate},{inner}": ("gate", "inner"),
    f"-o ProxyCommand='{OWN} -W %h:%p {sshd.ADDRESS}'": ("gate",),
}


@pytest.mark.parametrize("arguments", WAYS)
def test_a_run_goes_through_every_jump_host(servers, reached, arguments):
    named, _ = servers
    before = {name: server.logins for name, server in named.items()}
    assert said(reached(arguments, *ALL)) == "here"
    more = {name for name, server in named.items() if server.logins > before[name]}
    assert more == {*WAYS[arguments], "host"}


def test_a_play_goes_the_same_way(servers, reached, playbook, ormlab, tmp_path):
    named, _ = servers
    path = reached("-o ProxyJump={gate},{inner} -o ServerAliveInterval=5", *ALL)
    playbook("verify", {"name": "Say", "ansible.builtin.command": f"touch {tmp_path}/played"})
    before = {name: server.logins for name, server in named.items()}
    ormlab("drift", "--inventory", path)
    assert (tmp_path / "played").exists()
    more = {name: server.logins - before[name] for name, server in named.items()}
    assert more == {"gate": 1, "inner": 1, "host": 1, "shut": 0}


REFUSED = {
    "a jump host with an unknown key": ("-J {gate}", ("host",), "known_hosts"),
    "a host with an unknown key": ("-J {gate}", ("gate",), "known_hosts"),
    "a jump host that passes nothing on": ("-J {shut}", ("shut", "host"), "sshd runs there"),
    "a jump host with another's key": ("-J {inner}", ("host", "other"), "known_hosts"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_run_is_refused_with_what_the_way_complains_of(servers, reached, case):
    named, _ = servers
    arguments, known, hint = REFUSED[case]
    path = reached(arguments, *(name for name in known if name in named))
    if "other" in known:
        other = f"[{sshd.ADDRESS}]:{named['inner'].port} {named['gate'].public}\n"
        with path.with_name("known_hosts").open("a") as file:
            file.write(other)
    before = named["host"].logins
    with pytest.raises(ProvisioningError) as refused:
        said(path)
    assert refused.value.code == "host-unreachable"
    assert hint in refused.value.hint
    assert named["host"].logins == before


def test_a_play_is_refused_likewise(servers, reached, playbook, ormlab):
    named, _ = servers
    path = reached("-J {gate}", "host")
    playbook("verify", {"name": "Say", "ansible.builtin.command": "true"})
    answer = ormlab("drift", "--inventory", path, "--json", code=6)
    (problem,) = json.loads(answer.stdout)["problems"]
    assert problem["code"] == "host-unreachable"
    assert "known_hosts" in problem["hint"], problem["what"]
    assert path.with_name("known_hosts").read_text() == named["host"].known


def test_a_host_that_falls_silent_behind_a_jump_host_is_lost(servers, reached, monkeypatch):
    named, key = servers
    monkeypatch.setattr(connection, "_SILENCE_S", 0.5)
    folder = key.parent / "mute"
    public = " ".join(key.with_suffix(".pub").read_text().split()[:2])
    with sshd.serving(folder, public) as mute:
        path = reached("-J {gate}", *ALL)
        path.write_text(path.read_text().replace(str(named["host"].port), str(mute.port)))
        with path.with_name("known_hosts").open("a") as file:
            file.write(mute.known)
        with connected(bench(path).hosts) as hosts:
            assert hosts[HOST].run("echo", "here") == "here"
            sessions = children(mute.pid)
            assert sessions
            for pid in sessions:
                os.kill(pid, signal.SIGSTOP)
            try:
                with pytest.raises(ProvisioningError) as lost:
                    hosts[HOST].run("echo", "there")
            finally:
                for pid in sessions:
                    os.kill(pid, signal.SIGCONT)
    assert lost.value.code == "host-lost"


def children(pid):
    """Processes below one, all of them."""
    told = subprocess.run(["ps", "-eo", "pid=,ppid="], check=True, capture_output=True, text=True)
    pairs = [tuple(map(int, line.split())) for line in told.stdout.splitlines()]
    found, ages = [], [pid]
    while ages:
        parent = ages.pop()
        below = [child for child, its in pairs if its == parent]
        found += below
        ages += below
    return found
