"""The commands that play playbooks, on real Ansible and this machine."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess

import jsonschema
import msgspec
import psutil
import pytest
import yaml

from bundle import schemas
from bundle.codec import plain
from ormlab.base import checkout
from ormlab.hosts import inventory
from ormlab.provision import record
from tests.provision.conftest import HOST
from tests.services.running import until


def copy(path, text="said\n"):
    return {"name": "Write", "ansible.builtin.copy": {"content": text, "dest": str(path)}}


def assertion(that, otherwise):
    told = {"that": that, "fail_msg": otherwise}
    return {"name": "Look", "ansible.builtin.assert": told}


def test_a_host_that_nobody_enrolled_is_told_about_and_not_changed(ormlab, playbook, tmp_path):
    playbook("site", copy(tmp_path / "made"))
    answer = ormlab("provision", "--json", code=7)
    told = json.loads(answer.stdout)
    assert told["schema"] == "ormlab-play/1"
    assert told["dry_run"] is True
    assert told["hosts"][0]["counts"]["changed"] == 1
    assert [problem["code"] for problem in told["problems"]] == ["not-enrolled"]
    assert "--enroll" in answer.stderr
    assert not (tmp_path / "made").exists()
    asked = ormlab("provision", "--dry-run")
    assert f"site on {HOST}: 1 of 1 task would change something" in asked.stdout
    assert not (tmp_path / "made").exists()
    assert not (record.FOLDER / HOST).exists()


def test_a_refusal_in_the_dry_run_is_all_that_is_said(ormlab, playbook):
    """Enrolling the host would not help, and nothing says what would be changed."""
    playbook("site", assertion("1 == 2", "it is another machine"))
    (problem,) = json.loads(ormlab("provision", "--json", code=7).stdout)["problems"]
    assert problem["code"] == "task-failed"


def hosts(inventory):
    """The only host, by the name that it has in a bundle."""
    (spec,) = load(inventory)
    return {"host-1": spec}


def test_what_a_play_did_is_told_by_task_and_kept_for_the_bundle(
    ormlab, playbook, inventory, tmp_path
):
    playbook("untune", copy(tmp_path / "made"), assertion("true", ""))
    answer = ormlab("untune")
    assert (tmp_path / "made").exists()
    assert f"changed on {HOST}" in answer.stderr
    assert answer.stdout.splitlines()[-2:] == [f"{HOST}:", "  Write"]
    (kept,) = record.of_hosts(hosts(inventory)).values()
    assert kept.host == "host-1"
    assert kept.counts == {"ok": 1, "changed": 1, "skipped": 0, "failed": 0, "unreachable": 0}
    assert [task.outcome for task in kept.tasks] == ["changed", "ok"]
    described = schemas.of_path(f"host/provision/{HOST}-1-untune.json")
    assert described.name == "provision-1"
    assert isinstance(kept, described.kind)
    jsonschema.validate(plain(kept), schemas.of(described.kind))


def load(path):
    return inventory.bench(path).hosts


def test_a_failed_task_is_shown_with_host_place_reason_and_what_to_do(ormlab, playbook):
    folder = playbook("uninstall", assertion("1 == 2", "the cluster is not ours"))
    answer = ormlab("uninstall", "--json", code=7)
    (problem,) = json.loads(answer.stdout)["problems"]
    assert problem["code"] == "task-failed"
    assert problem["what"] == f"Look failed on {HOST}: the cluster is not ours"
    assert problem["where"].startswith(f"{HOST}, {folder}/uninstall.yml:")
    assert f"--limit {HOST}" in problem["hint"]


def test_drift_ends_with_6_and_a_rescued_failure_is_none(ormlab, playbook):
    rescued = {
        "block": [assertion("1 == 2", "the first way does not go")],
        "rescue": [assertion("true", "")],
    }
    playbook("verify", rescued)
    assert json.loads(ormlab("drift", "--json").stdout)["ok"] is True
    playbook("verify", rescued, assertion("1 == 2", "the governor is powersave"))
    (problem,) = json.loads(ormlab("drift", "--json", code=6).stdout)["problems"]
    assert problem["what"].endswith("the governor is powersave")


def test_of_a_loop_the_first_failed_item_is_the_reason_and_a_command_says_its_last_line(
    ormlab, playbook
):
    said = {
        "name": "Say",
        "ansible.builtin.command": "sh -c 'echo {{ item }} >&2; exit {{ item }}'",
    }
    playbook("untune", said | {"loop": [0, 3, 4]})
    answer = ormlab("untune", "--json", code=7)
    (problem,) = json.loads(answer.stdout)["problems"]
    assert (
        problem["what"]
        == f"Say failed on {HOST}: The command exited with a non-zero return code: 3"
    )


def test_what_a_task_hides_is_nowhere(ormlab, playbook, tmp_path, inventory):
    canary = secrets.token_hex(16)
    (tmp_path / "secret").write_text(canary)
    looked_up = "{{ lookup('ansible.builtin.file', '" + str(tmp_path / "secret") + "') }}"
    hidden = {"no_log": True, "ansible.builtin.command": f"cat {tmp_path / 'secret'}"}
    fails = {"no_log": True, "ansible.builtin.fail": {"msg": looked_up}}
    playbook("untune", {"name": "Read", **hidden}, {"name": "Fail", **fails})
    answer = ormlab("untune", "--json", code=7)
    assert "no_log" in answer.stdout
    kept = msgspec.json.encode(record.of_hosts(hosts(inventory))).decode()
    assert "Fail" in kept
    assert canary not in answer.stdout + answer.stderr + kept
    # Files of tests that run beside this one may vanish under grep, which is no finding.
    look = ["grep", "-rls", canary, checkout.STATE]
    found = subprocess.run(look, check=False, capture_output=True, text=True)
    assert found.stdout == ""


def lives(process):
    # In containers one that has ended can stay as a zombie of PID 1.
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_ctrl_c_ends_the_play_and_all_that_it_started(command, playbook, tmp_path):
    waits = f"sh -c 'touch {tmp_path}/asleep; exec sleep 611'"
    playbook("untune", {"name": "Wait", "ansible.builtin.command": waits})
    hearing = ["env", "--default-signal=INT"]
    process = subprocess.Popen(
        [*hearing, *command("untune")], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.strip() == "Wait":
            break
    below = psutil.Process(process.pid).children(recursive=True)
    # Others may provision from this checkout at the same time.
    words = [word for each in below for word in (*each.cmdline(), *each.environ().values())]
    folders = list(checkout.STATE.glob("provision-*"))
    own = [folder for folder in folders if any(folder.name in word for word in words)]
    assert own
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert "was interrupted after 0 tasks" in said
    assert below
    until(lambda: not any(map(lives, below)))
    assert not [folder for folder in own if folder.exists()]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("bench: [unclosed", "inventory-unreadable"),
        ("just words", "inventory-unreadable"),
        (yaml.safe_dump({"all": {"hosts": {"localhost": {}}}}), "inventory-bench"),
        (None, "inventory-missing"),
    ],
)
def test_a_broken_inventory_never_falls_through_to_this_machine(
    text, code, ormlab, playbook, inventory
):
    made = inventory.with_name("made")
    play = [{"hosts": "all", "connection": "local", "tasks": [copy(made)]}]
    (playbook("untune") / "untune.yml").write_text(yaml.safe_dump(play))
    inventory.unlink()
    if text is not None:
        inventory.write_text(text)
    answer = ormlab("untune", "--json", code=2)
    assert json.loads(answer.stdout)["problems"][0]["code"] == code
    assert not made.exists()


def test_only_hosts_of_the_bench_can_be_named(ormlab, playbook):
    playbook("untune", assertion("true", ""))
    answer = ormlab("untune", "--limit", "localhost", code=2)
    assert f"the group bench holds {HOST}, not localhost" in answer.stderr


def test_what_ansible_refuses_is_said_in_its_words(ormlab, playbook):
    playbook("untune", {"name": "Odd", "no.such.module": {}})
    answer = ormlab("untune", "--json", code=7)
    (problem,) = json.loads(answer.stdout)["problems"]
    assert problem["code"] == "playbook-refused"
    assert "no.such.module" in problem["what"]
    (playbook("site") / "site.yml").unlink()
    assert "no playbook site" in ormlab("provision", "--dry-run", code=7).stderr
