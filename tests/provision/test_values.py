"""What provisioning would change is told value by value: setting, now, then, where, and why."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from host.items import ITEMS
from tests.provision.conftest import ORMLAB
from tests.roles.played_host import MACHINE
from tests.roles.playing import Bench


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What a dry run says of a played 7950X as it comes, and what preflight says."""
    if os.geteuid() != 0:
        pytest.skip("the roles give their files to root")
    bench = Bench(tmp_path_factory.mktemp("bench"))
    guard = {"machine_id": MACHINE, "cpu_model": "Ryzen 9 7950X"}
    bench.add("metal", "ryzen-smt-on", lab_profile="bare-metal", lab_guard=guard)
    common = ["--inventory", bench.inventory]
    dry = run("provision", *common, "--dry-run", "--json")
    return json.loads(dry.stdout), run("preflight", *common)


def run(*arguments):
    argv = [ORMLAB, *map(str, arguments)]
    answer = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer


def test_a_dry_run_tells_each_setting_with_its_values_and_the_reason(told):
    dry, _ = told
    by_name = {each["setting"]: each for each in dry["settings"]}
    assert {"smt", "governor", "boost"} <= by_name.keys()
    governor = by_name["governor"]
    assert (governor["now"], governor["then"]) == ("powersave", "performance")
    assert len(governor["places"]) > 1, "one line for all CPUs"
    assert all(each["why"] for each in dry["settings"])
    assert all(each["now"] != each["then"] for each in dry["settings"])


def test_preflight_prints_them_and_no_names_of_tasks(told):
    dry, preflight = told
    for each in dry["settings"]:
        assert each["setting"] in preflight.stdout
    assert "powersave" in preflight.stdout
    names = [task["task"] for host in dry["hosts"] for task in host["tasks"]]
    assert len(names) > 50
    assert [name for name in names if f"  {name}\n" in preflight.stdout + preflight.stderr] == []


def test_every_setting_has_a_reason():
    assert [item.key for item in ITEMS if item.knob and not item.why] == []
