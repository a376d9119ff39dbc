"""Load that switches between services, over three booted hosts: application, database, load."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml

from bundle import typed
from bundle.generators.switchback import Switchback
from bundle.read import Bundle, read_trials
from ormlab.verify import verify
from tests.conftest import CHECKOUT
from tests.host.booted.conftest import ORMLAB, laboratory, step
from tests.run import small

pytestmark = pytest.mark.tier("T4a")

NAMES = ["asyncpg", "asyncpg-null", "tortoise"]


@pytest.fixture(scope="module")
def three(carried, tmp_path_factory):
    """Three hosts on which a user without root has a folder for the lab, and their inventory."""
    assert len(carried) == 3
    with laboratory(tmp_path_factory.mktemp("three"), "app1", "db1", "load1") as lab:
        for machine in lab.machines.values():
            machine.run("install", "--directory", "--owner=bench", "/srv/ormlab")
        variables = {"lab_root": "/srv/ormlab", "lab_sources": {"from": "bundle"}}
        yield lab, lab.inventory(user="bench", **variables)


@pytest.fixture
def write_plan(tmp_path):
    def write(blocks=2, **load):
        keys = {"connections": 8, "warmup_s": 0.2, "duration_s": 0.8, "slice_s": 0.2}
        told = small.plan("three", null_arm="asyncpg", blocks=blocks)
        told["loads"] = {"switched": {"generator": "client-switchback", **keys, **load}}
        path = tmp_path / "three.yaml"
        path.write_text(yaml.safe_dump(told))
        return path

    return write


def test_a_run_over_three_hosts_ends_in_a_bundle_whose_slices_have_every_reading(
    three, write_plan, tmp_path
):
    lab, inventory = three
    asked = ["--inventory", inventory, "--bundles", tmp_path / "bundles", "--json"]
    with step("run side by side on three hosts"):
        told = json.loads(lab.ormlab("run", write_plan(), *asked).stdout)
    bundle = Path(told["folder"])
    verified = verify(bundle)
    assert (verified.ok, verified.level_reached) == (True, "L4"), verified.problems
    trials = Bundle.open(bundle, level="L1").trials
    assert Counter(trial.record.subject for trial in trials) == dict.fromkeys(NAMES, 2)
    for trial in trials:
        assert trial.record.failure is None
        assert set(trial.record.readings.hosts) == {"app", "db", "load"}
        report = typed.read(trial.path, Switchback)
        assert report.unread == {}
        assert [each.round for each in report.slices] == [1, 2, 3, 4]
        for each in report.slices:
            assert min(each.service_ns, each.database_ns, each.load_ns) > 0
            assert set(each.hosts) == {"app", "db", "load"}
    results = json.loads((bundle / "derived/results.json").read_bytes())
    (cell,) = results["cells"]
    assert sorted(cell["subjects"]) == NAMES
    for machine in lab.machines.values():
        assert machine.run("ls", "/srv/ormlab/runs") == ""
        assert "postgres" not in machine.run("ps", "-e", "-o", "comm=")


class Course:
    """A run in the background, block by block."""

    def __init__(self, lab, process):
        self.lab, self.process = lab, process

    def await_block(self, number):
        """Wait until the load of a block has begun."""
        runs = self.lab.machines["load1"].tree / "srv/ormlab/runs"
        while not list(runs.glob(f"*/*-b{number:02}/switchback.spec.json")):
            assert self.process.poll() is None, self.process.stderr.read()
            time.sleep(0.05)

    def kill(self, host, *words):
        """Kill the process of a host whose command line has these words, as nothing else has."""
        machine = self.lab.machines[host]
        lines = machine.run("ps", "-e", "-ww", "-o", "pid=,args=").splitlines()
        found = [line.split()[0] for line in lines if all(word in line for word in words)]
        assert len(found) == 1, lines
        machine.run("kill", "-KILL", found[0])


def test_what_dies_on_one_host_costs_a_block_and_a_killed_run_is_resumed(
    three, write_plan, tmp_path
):
    lab, inventory = three
    asked = ["--inventory", str(inventory), "--json"]
    bundles = tmp_path / "bundles"
    run = [
        ORMLAB,
        "run",
        str(write_plan(blocks=3, duration_s=4)),
        "--bundles",
        str(bundles),
        *asked,
    ]
    with subprocess.Popen(
        lab.control.inside(*run), stderr=subprocess.PIPE, text=True, cwd=CHECKOUT
    ) as process:
        course = Course(lab, process)
        course.await_block(1)
        course.kill("app1", "workloads.services", "subjects/tortoise")
        course.await_block(2)
        course.kill("app1", "-m agent", "-b02-app")
        course.await_block(3)
        process.kill()
    (partial,) = bundles.glob("*.partial")
    with step("resume on three hosts"):
        told = json.loads(lab.ormlab("resume", partial, *asked).stdout)
    bundle = Path(told["folder"])
    verified = verify(bundle)
    assert verified.ok, verified.problems
    ended = {trial.record.id: trial.record for trial in read_trials(bundle)}
    by_block = {number: {} for number in (1, 2, 3)}
    for each in ended.values():
        code = each.failure.code if each.failure else "ok"
        by_block[each.block].setdefault(each.subject, []).append(code)
    assert by_block[1] == {
        "tortoise": ["service-died"],
        "asyncpg": ["beside-failure", "ok"],
        "asyncpg-null": ["beside-failure", "ok"],
    }
    assert by_block[2] == {name: ["agent-lost"] for name in NAMES}
    assert by_block[3] == {name: ["ok"] for name in NAMES}
