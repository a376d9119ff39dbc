"""Ansible and pyinfra over ssh: whom they believe, as whom they come, and what they give away."""

from __future__ import annotations

import json
import secrets
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import yaml

from tests.host.booted import nspawn

pytestmark = pytest.mark.tier("T4a")


def play(*tasks, become=False):
    told = {"name": "Test", "hosts": "bench", "gather_facts": False, "become": become}
    return yaml.safe_dump([told | {"tasks": list(tasks)}], sort_keys=False)


@pytest.fixture
def playbooks(tmp_path):
    """Playbooks that write one file each; enroll writes the marker."""
    folder = tmp_path / "playbooks"
    folder.mkdir()
    made = {"ansible.builtin.file": {"path": "/etc/ormlab", "state": "directory", "mode": "0755"}}
    marker = {"content": "{}\n", "dest": "/etc/ormlab/enrolled.json", "mode": "0644"}
    enroll = play(made | {"name": "Make"}, {"name": "Mark", "ansible.builtin.copy": marker})
    (folder / "enroll.yml").write_text(enroll.replace("become: false", "become: true"))
    copied = {"content": "tuned\n", "dest": "/etc/tuned-by-a-test", "mode": "0644"}
    site = play({"name": "Tune", "ansible.builtin.copy": copied}, become=True)
    (folder / "site.yml").write_text(site)
    gone = {"path": "/etc/tuned-by-a-test", "state": "absent"}
    untune = play({"name": "Untune", "ansible.builtin.file": gone}, become=True)
    (folder / "untune.yml").write_text(untune)
    return folder


def test_a_fresh_host_is_enrolled_set_up_and_given_back_by_an_unprivileged_user(lab, playbooks):
    inventory = lab.inventory(user="bench")
    common = ["--inventory", inventory, "--playbooks", playbooks, "--json"]
    tree = lab.machines["bench1"].tree
    refused = json.loads(lab.ormlab("provision", *common, code=7).stdout)
    assert [problem["code"] for problem in refused["problems"]] == ["not-enrolled"]
    assert refused["hosts"][0]["counts"]["changed"] == 1
    assert not (tree / "etc/tuned-by-a-test").exists()
    done = json.loads(lab.ormlab("provision", *common, "--enroll").stdout)
    assert (tree / "etc/tuned-by-a-test").read_text() == "tuned\n"
    assert done["hosts"][0]["counts"]["changed"] == 1
    again = json.loads(lab.ormlab("provision", *common).stdout)
    assert again["hosts"][0]["counts"] == {
        **dict.fromkeys(("changed", "skipped", "failed", "unreachable"), 0),
        "ok": 1,
    }
    json.loads(lab.ormlab("untune", *common).stdout)
    assert not (tree / "etc/tuned-by-a-test").exists()
    (tree / "etc/ormlab/enrolled.json").unlink()  # the marker of a play of this test


@pytest.fixture
def elsewhere(lab, tmp_path):
    """An inventory away from the one with the right keys; ``change`` sets variables."""

    def write(**change):
        inventory = lab.inventory(**change)
        moved = tmp_path / "bench.yml"
        moved.write_text(inventory.read_text())
        return moved

    return write


# Ansible alone plays untune; provision asks first through pyinfra.
@pytest.mark.parametrize("command", ["untune", "provision"])
def test_a_host_key_that_nobody_wrote_down_is_refused(command, lab, playbooks, elsewhere, tmp_path):
    weakened = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    inventory = elsewhere(ansible_ssh_common_args=weakened, ansible_ssh_args=weakened)
    arguments = [command, "--inventory", inventory, "--playbooks", playbooks, "--json"]

    def problem():
        (told,) = json.loads(lab.ormlab(*arguments, code=7).stdout)["problems"]
        assert told["code"] == "host-unreachable"
        return told

    assert "known_hosts" in problem()["hint"]
    other = nspawn.make_key(tmp_path / "other").split()
    (tmp_path / "known_hosts").write_text(
        f"{lab.machines['bench1'].address} {other[0]} {other[1]}\n"
    )
    assert "known_hosts" in problem()["hint"]
    # Nothing has been learned on the way.
    assert (tmp_path / "known_hosts").read_text().count("\n") == 1


@pytest.mark.parametrize("command", ["untune", "provision"])
def test_a_key_that_the_host_does_not_know_is_refused(command, lab, playbooks, elsewhere, tmp_path):
    nspawn.make_key(tmp_path / "strange")
    lab.write_known_hosts(tmp_path / "known_hosts")
    inventory = elsewhere(ansible_ssh_private_key_file=str(tmp_path / "strange"))
    arguments = [command, "--inventory", inventory, "--playbooks", playbooks, "--json"]
    (problem,) = json.loads(lab.ormlab(*arguments, code=7).stdout)["problems"]
    assert problem["code"] == "host-unreachable"
    assert "authorized_keys" in problem["hint"]


@pytest.fixture
def asked(lab, tmp_path):
    """The host's sudo asks its user for a password, which stands in a file."""
    machine = lab.machines["bench1"]
    rule = machine.tree / "etc/sudoers.d/bench"
    before = rule.read_text()
    password = secrets.token_hex(8)
    (tmp_path / "password").write_text(f"{password}\n")
    (tmp_path / "password").chmod(0o600)
    machine.run("sh", "-c", f"echo bench:{password} | chpasswd")
    rule.write_text("bench ALL=(ALL) ALL\n")
    yield tmp_path / "password"
    rule.write_text(before)


def test_a_host_is_added_by_a_user_whom_sudo_asks_for_a_password(lab, playbooks, asked, tmp_path):
    machine = lab.machines["bench1"]
    path = tmp_path / "bench/hosts.yml"
    add = ["host", "add", "bench1", "--address", machine.address, "--user", "bench", "--json"]
    add += ["--key", lab.folder / "key", "--inventory", path]
    add += ["--fingerprint", machine.fingerprint]
    (problem,) = json.loads(lab.ormlab(*add, code=7).stdout)["problems"]
    assert problem["code"] == "sudo-refused"
    assert not path.exists()
    with watched_command_lines() as seen:
        added = json.loads(lab.ormlab(*add, "--sudo-password-file", asked).stdout)
        assert added["identity"]["distribution"] == ["debian", "13"]
        assert added["identity"]["machine_id"] == machine.run("cat", "/etc/machine-id").strip()
        assert added["login"] == "bench"
        common = ["--inventory", path, "--playbooks", playbooks]
        lab.ormlab("provision", *common, "--enroll")
    assert (machine.tree / "etc/tuned-by-a-test").read_text() == "tuned\n"
    assert not [line for line in seen if asked.read_text().strip().encode() in line]
    lab.ormlab("untune", *common)
    machine.run("rm", "-r", "/etc/ormlab")


@contextmanager
def watched_command_lines():
    """Every command line that is seen on this machine meanwhile, test hosts included."""
    seen: set[bytes] = set()
    over = threading.Event()

    def look():
        while not over.wait(0.002):
            for process in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    seen.add(process.read_bytes())

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def test_a_secret_of_a_playbook_is_on_no_command_line_and_in_no_log(lab, playbooks, tmp_path):
    canary = secrets.token_hex(16)
    (tmp_path / "vars.yml").write_text(yaml.safe_dump({"password": canary}))
    hidden = {"content": "{{ password }}", "dest": "/root/.secret", "mode": "0600"}
    # The host's own user reads it again: a command that names the file, not what is in it.
    tasks = [
        {"name": "Hand it over", "no_log": True, "ansible.builtin.copy": hidden},
        {"name": "Use it", "no_log": True, "ansible.builtin.command": "cat /root/.secret"},
        {"name": "Wait for a moment", "ansible.builtin.command": "sleep 0.2"},
    ]
    (told,) = yaml.safe_load(play(*tasks))
    told["vars_files"] = [str(tmp_path / "vars.yml")]
    (playbooks / "untune.yml").write_text(yaml.safe_dump([told]))
    with watched_command_lines() as seen:
        answer = lab.ormlab(
            "untune", "--inventory", lab.inventory(), "--playbooks", playbooks, "--json"
        )
    machine = lab.machines["bench1"]
    assert (machine.tree / "root/.secret").read_text() == canary
    assert any(b"sleep\x000.2" in line for line in seen)  # the watcher sees what runs on the host
    assert not [line for line in seen if canary.encode() in line]
    assert canary not in answer.stdout + answer.stderr
    assert canary not in machine.run("journalctl", "--quiet", "--no-pager")
    kept = Path(".lab/provision/bench1")
    assert kept.exists()
    assert not [path for path in kept.iterdir() if canary in path.read_text()]
