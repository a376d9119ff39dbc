"""What an array task does, with the variables of Slurm and without Slurm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bundle import typed
from bundle.documents.host import FleetRun
from ormlab import plan as plans
from ormlab.fleet.documents import Fleet, read_run, run_folder
from ormlab.fleet.launch import inputs_digest
from ormlab.plan import Overrides
from ormlab.verify import verify
from tests.bundle.test_full_disk import may_mount, own_mounts
from tests.conftest import CHECKOUT
from tests.run.small import alone, write_inventory, write_plan

ORMLAB = str(Path(sys.executable).with_name("ormlab"))
TASK = {
    "SLURM_JOB_ID": "8",
    "SLURM_ARRAY_JOB_ID": "7",
    "SLURM_ARRAY_TASK_ID": "2",
    "SLURMD_NODENAME": "n1",
}
# The folder of the run is a disk that is too small for the bundle; the second attempt has room.
ON_A_SMALL_DISK = """
mount -t tmpfs -o size=64k ormlab "$1"
"$2" fleet task "$3" || echo "exit $?"
mount -o remount,size=64m "$1"
SLURM_RESTART_COUNT=1 "$2" fleet task "$3"
cp -r "$1" "$4"
"""


@pytest.fixture
def submitted(tmp_path, lab_folder):
    """A fleet of two runs, as `ormlab run --on slurm` leaves its folder."""
    plan = write_plan(tmp_path / "small.yaml", lambda document: alone(document, 1))
    overrides = Overrides(duration_s=1.0)
    folder = tmp_path / "fleet"
    for number in (1, 2):
        run_folder(folder, number).mkdir(parents=True)
    made = Fleet(
        id="20261123T031500Z-5a5a5a5a",
        plan=str(plan),
        overrides=overrides,
        inventory=str(write_inventory(tmp_path / "inventory.yml", lab_folder / "host")),
        inputs=inputs_digest(plans.resolve(overrides.apply(plans.load(str(plan))))),
        runs=2,
        constraint=None,
        job=7,
    )
    made.write(folder)
    return folder


def call(*command, **variables):
    return subprocess.run(
        command,
        env={**os.environ, **TASK, **variables},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not may_mount(), reason="this user may not mount a small file system")
def test_a_run_whose_disk_is_full_stays_on_its_node_until_there_is_room(submitted, tmp_path):
    target, kept = run_folder(submitted, 2), tmp_path / "kept"
    shell = ["sh", "-euc", ON_A_SMALL_DISK, "sh"]
    ran = call(*own_mounts(), *shell, target, ORMLAB, submitted, kept)
    assert ran.returncode == 0, ran.stderr
    assert "exit 7" in ran.stdout
    assert "no room to write" in ran.stderr
    assert "the bundle stays on the node, in /" in ran.stderr
    # It measured once: the second attempt found what the first had sealed.
    assert ran.stderr.count("sealing and judging") == 1
    shutil.copytree(kept, target, dirs_exist_ok=True)
    run = read_run(submitted, 2)
    assert [attempt.restarts for attempt in run.attempts] == [0, 1]
    assert run.attempts[0].failure.code == "disk-full"
    assert run.attempts[1].failure is None
    (delivered,) = run.bundles
    # Two runs of one second have ids of their own.
    assert delivered.path.name.endswith("-2")
    verified = verify(delivered.path)
    assert verified.ok, verified.problems
    document = typed.read(delivered.path, FleetRun)
    assert (document.run, document.runs) == (2, 2)
    assert (document.slurm.job, document.slurm.array_job, document.slurm.restarts) == (8, 7, 0)
    plan = json.dumps(typed.read_plan(delivered.path).model_dump(mode="json"))
    assert '"duration_s": 1' in plan


def test_another_plan_than_the_submitted_one_is_not_run(submitted, tmp_path):
    write_plan(tmp_path / "small.yaml", lambda document: alone(document, 3))
    ran = call(ORMLAB, "fleet", "task", submitted)
    assert ran.returncode == 2
    assert "are not what they were when the fleet was submitted" in ran.stderr
    (attempt,) = read_run(submitted, 2).attempts
    assert (attempt.node, attempt.failure.code) == ("n1", "fleet-inputs")


def test_a_task_that_the_fleet_does_not_have_is_refused(submitted):
    ran = call(ORMLAB, "fleet", "task", submitted, SLURM_ARRAY_TASK_ID="3")
    assert ran.returncode == 2
    assert "the fleet has 2 runs, and this is number 3" in ran.stderr
