"""A fleet's folder as tasks leave it, made by hand."""

from __future__ import annotations

from datetime import timedelta

from bundle.codec import serialise
from bundle.documents.failure import Failure
from bundle.documents.host import FleetRun, SlurmTask
from bundle.write import BundleWriter
from ormlab.fleet.documents import Attempt, Fleet, run_folder
from ormlab.fleet.slurm import FleetTask
from ormlab.plan import Overrides
from tests.bundle import making

JOB = 12
DIGESTS = {"n1": "1" * 64, "n2": "2" * 64, "n3": "3" * 64}


def fleet(folder, runs=1, **changes):
    """Write ``fleet.json`` and the folders of the runs."""
    values = {
        "id": "20261123T031500Z-5a5a5a5a",
        "plan": "demo",
        "overrides": Overrides(),
        "inventory": "inventory/slurm.yml",
        "inputs": "a" * 64,
        "runs": runs,
        "constraint": None,
        "job": JOB,
    }
    made = Fleet(**(values | changes))
    for number in range(1, runs + 1):
        run_folder(folder, number).mkdir(parents=True)
    made.write(folder)
    return made


def attempt(folder, number, node, *, restarts=0, failure=None):
    """What a task writes when it begins, and again if it fails."""
    said = failure and Failure(code=failure[0], what=failure[1], where="", hint="do that")
    made = Attempt(
        restarts=restarts,
        job=JOB + number,
        node=node,
        digest=DIGESTS[node],
        begun=making.CREATED,
        failure=said,
    )
    made.write(run_folder(folder, number))


def deliver(folder, number, node, *, restarts=0, status="complete"):
    """A sealed bundle of two trials in the folder of its run."""
    created = making.CREATED + timedelta(minutes=restarts)
    with BundleWriter.create(
        run_folder(folder, number), plan_sha256=making.PLAN_SHA256, created=created, first=number
    ) as writer:
        writer.add("inputs/plan.yaml", b"name: demo\n")
        task = SlurmTask(job=JOB + number, array_job=JOB, index=number, restarts=restarts)
        run = FleetRun(
            schema="fleet-run/1",
            fleet="20261123T031500Z-5a5a5a5a",
            run=number,
            runs=6,
            node=DIGESTS[node],
            slurm=task,
        )
        writer.add(FleetRun.PATH, serialise(run))
        for index in range(2):
            making.write_trial(writer, index)
        return writer.seal(making.record_for(writer, completed=2, status=status))


def task(run, state, *, reason="None", restarts=0, exit_code=0, node=""):
    return FleetTask(run, state, reason, restarts, exit_code, node)
