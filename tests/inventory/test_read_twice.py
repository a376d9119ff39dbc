"""One inventory, read once: what a run uses is what Ansible renders, or is refused by name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ormlab.base.errors import InventoryError
from ormlab.hosts import inventory
from ormlab.hosts.connection import _connector_data
from ormlab.hosts.inventory import ssh
from ormlab.hosts.inventory.variables import Said, read

HOST = {"ansible_host": "192.0.2.1", "lab_root": "/srv/ormlab"}
VAULTED = """\
$ANSIBLE_VAULT;1.1;AES256
62313365396662343061393464336163383764373764613633653634306231386433626436623361
6134333665353966363534333632666535333761666131620a663537646436643839616531643561
63396265333963386166373632626539326166353965363262633030333630313338646335303630
3438626666666137650a353638643435666633633964366338633066623234616432373231333331
6564
"""


def ansible(program, *arguments, **options):
    return subprocess.run(
        [Path(sys.executable).with_name(program), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        **options,
    )


def test_a_template_is_rendered_as_ansible_renders_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    groups = {role: {"hosts": {"one": None}} for role in ("app", "load")}
    groups["db"] = {"children": {"databases": {"hosts": {"one": None}}}}  # Ansible's own way down
    variables = {
        "lab_root": "{{ lookup('env','HOME') }}/lab",
        "lab_python": "/usr/bin/{{ lookup('ansible.builtin.file', inventory_dir ~ '/name') }}",
        "lab_sources": {"from": "{{ sources }}", "debian": "{{ ansible_facts.distribution }}"},
        "sources": "mirror",
    }
    path = tmp_path / "bench.yml"
    path.write_text(yaml.safe_dump({"bench": {"children": groups, "vars": variables}}))
    (tmp_path / "name").write_text("python3.13\n")
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/databases.yml").write_text("lab_address: 192.0.2.{{ 3 + 4 }}\n")
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars/one.yml").write_text("lab_service_port: '{{ 18000 + 80 }}'\n")
    (host,) = inventory.load(path).hosts
    assert host.root == f"{tmp_path}/home/lab"
    assert host.offline

    names = ("lab_root", "lab_python", "lab_address", "lab_service_port")
    asked = "{" + ", ".join(f"'{name}': {name}" for name in names) + "}"
    tasks = [
        {"ansible.builtin.copy": {"dest": f"{tmp_path}/said", "content": f"{{{{ {asked} }}}}"}}
    ]
    play = {"hosts": "one", "gather_facts": False, "tasks": tasks}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    here = ("-e", "ansible_connection=local", "-e", f"ansible_python_interpreter={sys.executable}")
    ansible("ansible-playbook", "-i", path, tmp_path / "play.yml", *here, cwd=tmp_path)
    said = json.loads((tmp_path / "said").read_text())
    assert {name: getattr(host.variables, name) for name in names} == said


def test_both_tools_go_to_the_same_host_as_the_same_user(tmp_path):
    """An ssh that writes down how Ansible calls it, beside what pyinfra is given."""
    seen = tmp_path / "seen"
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {seen}\nexit 255\n')
    ssh.chmod(0o755)
    key = tmp_path / "key"
    variables = {
        "ansible_host": "fe80::1%eth0",
        "ansible_port": 2222,
        "ansible_user": "bench",
        "ansible_ssh_private_key_file": "{{ inventory_dir }}/key",
        "lab_root": "/srv/ormlab",
    }
    group = {"hosts": {"one": None}}
    path = tmp_path / "bench.yml"
    groups = dict.fromkeys(("app", "db", "load"), group)
    path.write_text(yaml.safe_dump({"bench": {"children": groups, "vars": variables}}))
    (host,) = inventory.load(path).hosts
    given = ("-e", f"ansible_ssh_executable={ssh}", "-e", "ansible_ssh_retries=0")
    with pytest.raises(subprocess.CalledProcessError):
        ansible("ansible", "-i", path, "one", "-m", "raw", "-a", "true", *given, cwd=tmp_path)
    words = set(seen.read_text().split("\n"))
    data = _connector_data(host)
    assert data["ssh_hostname"] == "fe80::1%eth0"
    assert f"Port={data['ssh_port']}" in words
    assert f'User="{data["ssh_user"]}"' in words
    assert f'IdentityFile="{data["ssh_key"]}"' in words
    assert data["ssh_key"] == str(key)
    assert data["ssh_hostname"] in words


SSH = "ansible_ssh_common_args"
REFUSED = {
    "password": {"ansible_password": "x"},
    "old-password": {"ansible_ssh_pass": "x"},
    "old-host": {"ansible_ssh_host": "192.0.2.2"},
    "old-port": {"ansible_ssh_port": 22},
    "old-user": {"ansible_ssh_user": "x"},
    "other-key": {"ansible_private_key_file": "/x"},
    "program": {"ansible_ssh_executable": "/opt/ssh"},
    "sftp": {"ansible_sftp_executable": "/opt/sftp"},
    "method": {"ansible_become_method": "su"},
    "paramiko-args": {"ansible_paramiko_host_key_checking": False},
    "paramiko": {"ansible_connection": "paramiko"},
    "docker": {"ansible_connection": "community.docker.docker"},
    "smart": {"ansible_connection": "smart"},
    "jump-odd": {SSH: "-J 'gate;reboot'"},
    "jump-port": {SSH: "-J gate:70000"},
    "two-ways": {SSH: "-J gate -o 'ProxyCommand=nc %h %p'"},
    "token": {SSH: "-o 'ProxyCommand=nc %n %p'"},
    "key-arg": {SSH: "-i /x"},
    "forward": {SSH: "-o ForwardAgent=yes"},
    "no-password": {"ansible_become_password": "{{ nobody_says }}"},
    "become-flags": {"ansible_become_flags": "-i"},
    "config": {"ansible_ssh_args": "-F /etc/other"},
    "port-arg": {SSH: "-p 2222"},
    "user-arg": {SSH: "-oUser=x"},
    "hidden": {SSH: "-o StrictHostKeyChecking=yes -o Hostname=192.0.2.9"},
    "quotes": {SSH: "-o 'x"},
    "relative-key": {"ansible_ssh_private_key_file": "keys/id"},
    "bracket": {"ansible_host": "[::1]:22"},
    "bracket-address": {"lab_address": "[::1]"},
    "space": {"lab_address": "192.0.2.1 "},
    "option": {"ansible_host": "-oProxyCommand=x"},
    "root": {"lab_root": "lab"},
    "control": {"lab_root": "/srv/\x1b[2J"},
    "facts": {"lab_root": "/srv/{{ ansible_facts.hostname }}"},
    "undefined": {"lab_user": "{{ nobody_says }}"},
    "user": {"lab_user": "-u root"},
    "number": {"ansible_port": "0x16"},
    "zero": {"ansible_port": 0},
    "sources": {"lab_sources": {"from": "nowhere"}},
    "no-sources": {"lab_sources": "mirror"},
}
MEANT = {
    "strict": {
        SSH: "-o StrictHostKeyChecking=yes -o UserKnownHostsFile={{ inventory_dir }}/known_hosts",
        "ansible_ssh_extra_args": "-oServerAliveInterval=5 -o 'ConnectTimeout 10'",
    },
    "plays": {"ansible_python_interpreter": "auto", "ansible_become": False},
    "six": {"ansible_host": "::1", "lab_address": "fe80::1%eth0"},
    "named": {"ansible_host": "db-1.example_net"},
    "nothing": {"lab_user": None, "lab_address": ""},
    "tilde": {"ansible_ssh_private_key_file": "~/.ssh/id_bench"},
}


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """One host for each case, listed by Ansible at once."""
    path = tmp_path_factory.mktemp("inventory") / "bench.yml"
    hosts = {name: HOST | variables for name, variables in (REFUSED | MEANT).items()}
    hosts["vaulted"] = HOST | {"lab_user": "VAULTED"}
    text = yaml.safe_dump({"bench": {"hosts": hosts}})
    block = "!vault |\n" + "".join(f"          {line}\n" for line in VAULTED.splitlines())
    path.write_text(text.replace("VAULTED\n", block))
    return path, inventory._list(path)


@pytest.mark.parametrize("case", [*REFUSED, "vaulted"])
def test_what_one_tool_would_ignore_is_refused_by_name(listed, case):
    path, found = listed
    with pytest.raises(InventoryError) as refused:
        read(case, found.hosts[case], str(path))
    (variable,) = REFUSED.get(case, {"lab_user": None})
    assert variable in refused.value.what
    assert refused.value.where.startswith(f"{path}:"), "file and line"
    assert refused.value.where.endswith(f"{variable} of {case}")
    assert refused.value.hint


@pytest.mark.parametrize("case", MEANT)
def test_what_both_tools_mean_alike_is_read(listed, case):
    path, found = listed
    variables = read(case, found.hosts[case], str(path))
    assert variables.lab_root == "/srv/ormlab"
    told = {key: value for key, value in MEANT[case].items() if hasattr(variables, key)}
    for key, value in told.items():
        expected = str(Path(value).expanduser()) if key.endswith("_file") else value or None
        assert getattr(variables, key) == expected


GATE, INNER = ssh.Jump("gate"), ssh.Jump("fe80::1%eth0", "me", 2222)
WAYS = {
    "-o ProxyJump=gate": ssh.Route(jumps=(GATE,)),
    "-J gate": ssh.Route(jumps=(GATE,)),
    "-oProxyJump=gate,me@[fe80::1%eth0]:2222": ssh.Route(jumps=(GATE, INNER)),
    "-o 'ProxyJump ssh://me@[fe80::1%eth0]:2222'": ssh.Route(jumps=(INNER,)),
    "-o ProxyJump=none": ssh.Route(),
    "-o ProxyCommand='nc %h %p'": ssh.Route(command="nc %h %p"),
    '-o ProxyCommand="ssh -W %h:%p -q gate" -o ServerAliveInterval=5': ssh.Route(
        command="ssh -W %h:%p -q gate", options=("ServerAliveInterval=5",)
    ),
}


@pytest.mark.parametrize("arguments", WAYS)
def test_the_way_to_a_host_is_read_from_its_ssh_arguments(arguments):
    assert ssh.read([arguments, ""]) == WAYS[arguments]


def test_ways_in_two_variables_are_refused_by_both_names():
    said = {SSH: Said(value="-J gate"), "ansible_ssh_extra_args": Said(value="-J other")}
    with pytest.raises(InventoryError, match=f"{SSH} and ansible_ssh_extra_args names two ways"):
        read("one", said, "bench.yml")


def test_a_program_that_leads_to_a_host_is_given_its_address_and_port():
    route = ssh.read(["-o 'ProxyCommand=nc %h %p 100%%'"])
    led = ssh.proxied(route, "fe80::1%eth0", port=None, key=None, known="known_hosts")
    assert led == "nc fe80::1%eth0 22 100%"
    assert ssh.words(route, led) == ["-o", "ProxyCommand=nc fe80::1%%eth0 22 100%%"]


def test_two_passwords_that_differ_are_refused():
    said = {"ansible_become_password": Said(value="x"), "ansible_become_pass": Said(value="y")}
    with pytest.raises(InventoryError, match="ansible_become_pass differ") as refused:
        read("one", said, "bench.yml")
    assert refused.value.code == "inventory-variable"


@pytest.mark.parametrize("name", ["ansible_become_password", "ansible_sudo_pass"])
def test_a_password_is_read_and_printed_nowhere(name):
    said = {"ansible_become_pass": Said(value=""), name: Said(value="sesame")}
    variables = read("one", said, "bench.yml")
    assert variables.sudo_password.reveal() == "sesame"
    assert "sesame" not in repr(variables)


@pytest.mark.parametrize(
    "name", ["::1", "../x", "a/b", "@local", "-x", "a b", ".", "a\x1b", "x" * 64]
)
def test_a_name_that_no_folder_can_have_is_refused(name):
    with pytest.raises(InventoryError, match="cannot be named") as refused:
        read(name, {}, "bench.yml")
    assert refused.value.code == "inventory-name"


def test_a_vault_is_opened_with_the_password_that_ansible_is_given(tmp_path, monkeypatch):
    (tmp_path / "password").write_text("sesame\n")
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(tmp_path / "password"))
    locked = ansible("ansible-vault", "encrypt_string", "--name", "lab_user", "keeper").stdout
    path = tmp_path / "bench.yml"
    group = {"hosts": {"one": None}}
    told = {"bench": {"children": dict.fromkeys(("app", "db", "load"), group), "vars": HOST}}
    path.write_text(yaml.safe_dump(told))
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/bench.yml").write_text(locked)
    assert inventory.load(path).app.user == "keeper"


def test_settings_of_ansible_that_are_not_the_labs_do_not_count(tmp_path, monkeypatch):
    """A play has the checkout's ansible.cfg: the reader must not have another."""
    (tmp_path / "ansible.cfg").write_text("[defaults]\nhash_behaviour = merge\n")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bench.yml"
    over = {"one": {"lab_sources": {"debian": "x"}}}
    groups = {role: {"hosts": {"one": None}} for role in ("app", "db", "load")}
    told = {"children": groups, "hosts": over, "vars": HOST | {"lab_sources": {"from": "mirror"}}}
    path.write_text(yaml.safe_dump({"bench": told}))
    assert not inventory.load(path).app.offline
