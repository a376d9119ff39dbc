"""`ormlab run --on slurm` on a real cluster of three nodes, all of them on this machine."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from bundle.verify import verify
from ormlab.fleet.documents import Fleet, read_run
from tests.conftest import CHECKOUT
from tests.host import slurm
from tests.run.small import alone, write_plan

ORMLAB = str(Path(sys.executable).with_name("ormlab"))
RUNS = 6


@pytest.fixture(scope="module")
def cluster():
    if reason := slurm.why_not():
        pytest.skip(reason)
    with slurm.cluster() as running:
        yield running


@pytest.fixture
def plan(tmp_path):
    return write_plan(tmp_path / "small.yaml", lambda document: alone(document, 2))


@contextmanager
def begun(cluster, plan, bundles, *options):
    """Begin a fleet; nothing of the command is left, whatever becomes of the test.

    A shell that runs the tests in the background has them, and what they start, ignore SIGINT.
    """
    with subprocess.Popen(
        ["env", "--default-signal=INT", *command(plan, bundles, *options)],
        env=cluster.environment,
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        try:
            yield run
        finally:
            run.kill()


def command(plan, bundles, *options):
    # The inventory is the one that the lab ships for nodes: each has a /var/tmp of its own.
    return [ORMLAB, "run", plan, "--on", "slurm", "--bundles", bundles, *options]


def fleet_in(bundles):
    found = list(bundles.glob("fleet-*/fleet.json"))
    return found[0].parent if found else None


def test_a_node_lost_in_the_middle_costs_no_run_and_gives_none_twice(cluster, plan, tmp_path):
    bundles, nodes = tmp_path / "bundles", cluster.nodes
    options = ("--runs", str(RUNS), "--constraint", "equal", "--json")
    with begun(cluster, plan, bundles, *options) as run:
        measuring = "ormlab-0/fleets/*/run-*/*.partial/trials/*"
        slurm.until(
            lambda: run.poll() is not None or any(nodes["n2"].disk.glob(measuring)),
            "n2 measures",
            cluster,
            within_s=600,
        )
        assert run.poll() is None, run.communicate()
        nodes["n2"].kill()
        out, err = run.communicate(timeout=1800)
    assert run.returncode == 0, err + cluster.logs()
    told = json.loads(out)
    assert [each["stage"] for each in told["runs"]] == ["sealed"] * RUNS
    assert len(set(told["bundles"])) == RUNS
    folder = Path(told["folder"])
    runs = [read_run(folder, number) for number in range(1, RUNS + 1)]
    # One bundle for each run, no two of one id, and each as it was sealed.
    assert [len(each.bundles) for each in runs] == [1] * RUNS
    assert len({each.counting.record.id for each in runs}) == RUNS
    assert all(verify(each.counting.path).ok for each in runs)
    documents = [each.counting.run for each in runs]
    assert [each.run for each in documents] == list(range(1, RUNS + 1))
    assert {each.slurm.array_job for each in documents} == {told["job"]}
    assert len({each.slurm.job for each in documents}) == RUNS
    # What n2 had begun was begun again elsewhere, and what it printed is still there.
    (lost,) = [each for each in runs if each.counting.run.slurm.restarts]
    assert lost.attempts[0].node == "n2"
    assert lost.counting.run.node != lost.attempts[0].digest
    assert "attempt 1 was lost with n2" in told["runs"][lost.counting.run.run - 1]["said"]
    assert lost.output.read_text().count("on n2") == 1
    assert "waits to be begun again" in err

    again = subprocess.run(
        [ORMLAB, "fleet", "wait", folder, "--json"],
        env=cluster.environment,
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(again.stdout)["bundles"] == told["bundles"]


def test_ctrl_c_cancels_what_was_submitted_and_keeps_what_was_measured(cluster, plan, tmp_path):
    bundles = tmp_path / "bundles"
    with begun(cluster, plan, bundles, "--runs", "2", "--blocks", "500") as run:
        measuring = "disk.*/ormlab-0/fleets/*/run-1/*.partial/trials/*"
        slurm.until(
            lambda: run.poll() is not None or any(cluster.folder.glob(measuring)),
            "run 1 measures",
            cluster,
            within_s=600,
        )
        assert run.poll() is None, run.communicate()
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=300)
    assert run.returncode == 130
    folder = fleet_in(bundles)
    job = Fleet.read(folder).job
    assert f"its job {job} is cancelled" in err
    assert f"ormlab fleet wait {folder}" in err
    waited = subprocess.run(
        [ORMLAB, "fleet", "wait", folder],
        env=cluster.environment,
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert waited.returncode == 8
    assert "run 1 was cancelled" in waited.stderr
    (kept,) = read_run(folder, 1).bundles
    assert kept.record.status == "aborted"


def test_a_job_that_slurm_refuses_is_told_in_its_words(cluster, plan, tmp_path):
    bundles = tmp_path / "bundles"
    refused = subprocess.run(
        command(plan, bundles, "--runs", "2"),
        env={**cluster.environment, "SBATCH_PARTITION": "nonesuch"},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 7
    assert "Slurm takes no such job: sbatch: error:" in refused.stderr
    assert "Invalid partition name" in refused.stderr
    assert list(bundles.iterdir()) == []
