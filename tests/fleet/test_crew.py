"""The runs of a fleet on hosts of an inventory."""

from __future__ import annotations

import json
import sys
import time

import pytest
import yaml

from ormlab.base.errors import InventoryError
from ormlab.fleet.crew import Crew
from ormlab.fleet.documents import Fleet, read_run
from ormlab.fleet.outcomes import Stage
from ormlab.hosts import inventory as inventories
from tests.cli.inside import ormlab
from tests.fleet.making import fleet
from tests.run.small import alone, write_plan

# Plays a run: it waits for a file of its own, and ends with what that holds.
PLAYED = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.default_int_handler)  # as the command line does
folder, _, run, _, host = sys.argv[1:]
order = pathlib.Path(folder) / f"end-{run}"
try:
    print(run, host, flush=True)
    while not order.exists():
        time.sleep(0.01)
except KeyboardInterrupt:
    print("stopped", flush=True)
    sys.exit(130)
sys.exit(int(order.read_text()))
"""


@pytest.fixture
def crew(tmp_path):
    made = fleet(tmp_path, runs=5, job=None, hosts=("rack1", "rack2"))
    crew = Crew(tmp_path, made, (sys.executable, "-c", PLAYED))
    yield crew
    crew.stop()


def states(crew):
    return [task.state for task in crew.ask().values()]


def end(crew, run, code=0):
    part = crew.folder / f"end-{run}.part"
    part.write_text(str(code))
    part.rename(crew.folder / f"end-{run}")
    while crew.ask()[run].state == "RUNNING":
        time.sleep(0.01)


def printed(crew, run):
    return read_run(crew.folder, run).output


def test_each_host_carries_out_its_own_runs_one_by_one(crew):
    waiting = "PENDING"
    assert states(crew) == ["RUNNING", "RUNNING", waiting, waiting, waiting]
    end(crew, 2, code=8)
    # The host of run 2 goes on with run 4; that of run 1 is still busy.
    assert states(crew) == ["RUNNING", "FAILED", waiting, "RUNNING", waiting]
    end(crew, 1)
    assert states(crew) == ["COMPLETED", "FAILED", "RUNNING", "RUNNING", waiting]
    for run in (4, 3, 5):
        end(crew, run)
    told = crew.ask()
    assert [told[run].exit_code for run in told] == [0, 8, 0, 0, 0]
    assert [told[run].node for run in told] == ["rack1", "rack2", "rack1", "rack2", "rack1"]
    assert printed(crew, 4).read_text() == "4 rack2\n"


def test_to_stop_ends_every_run_that_goes_on(crew):
    crew.ask()
    for run in (1, 2):
        while not printed(crew, run).read_text():
            time.sleep(0.01)
    crew.stop()
    assert [printed(crew, run).read_text().splitlines()[-1] for run in (1, 2)] == ["stopped"] * 2
    assert not printed(crew, 3).exists()


def write(path, hosts, **variables):
    group = {"hosts": hosts, "vars": variables}
    path.write_text(yaml.safe_dump({"bench": {"children": {"fleet": group}}}))
    return path


LOCAL = {"ansible_connection": "local"}


def test_a_host_of_the_group_fleet_has_all_roles_by_itself(tmp_path):
    hosts = {name: {"ansible_host": f"192.0.2.{at}"} for at, name in enumerate(("a", "b"), start=1)}
    path = write(tmp_path / "hosts.yml", hosts, lab_root="/srv/lab")
    assert inventories.fleet(path) == ("a", "b")
    one = inventories.alone(path, "b")
    assert [host.address for host in one.hosts] == ["192.0.2.2"]
    with pytest.raises(InventoryError, match="holds a, b, not c"):
        inventories.alone(path, "c")


@pytest.mark.parametrize(
    ("hosts", "variables", "code"),
    [
        ({}, {}, "inventory-fleet"),
        ({"a": {}}, {}, "inventory-root"),
        ({"a": LOCAL, "b": LOCAL}, {"lab_root": "/srv/lab"}, "inventory-local"),
    ],
)
def test_hosts_that_cannot_carry_out_a_run_are_refused(tmp_path, hosts, variables, code):
    with pytest.raises(InventoryError) as refused:
        inventories.fleet(write(tmp_path / "hosts.yml", hosts, **variables))
    assert refused.value.code == code


def test_a_fleet_on_this_machine_ends_in_a_bundle_for_each_run(tmp_path, lab_folder):
    plan = write_plan(tmp_path / "small.yaml", lambda document: alone(document, 1))
    root = str(lab_folder / "host")
    inventory = write(tmp_path / "hosts.yml", {"here": LOCAL}, lab_root=root)
    options = ("--runs", 2, "--bundles", tmp_path / "bundles", "--json")
    told = json.loads(ormlab("run", plan, "--on", inventory, *options).stdout)
    assert [each["stage"] for each in told["runs"]] == [Stage.SEALED] * 2
    (folder,) = (tmp_path / "bundles").glob("fleet-*")
    assert str(folder) == told["folder"]
    made = Fleet.read(folder)
    assert (made.hosts, made.job) == (("here",), None)
    runs = [read_run(folder, number) for number in (1, 2)]
    assert [str(each.counting.path) for each in runs] == told["bundles"]
    assert {each.counting.run.slurm for each in runs} == {None}
    assert len({each.counting.run.node for each in runs}) == 1
    # Whoever comes later finds the same.
    again = json.loads(ormlab("fleet", "wait", folder, "--json").stdout)
    assert again["bundles"] == told["bundles"]
