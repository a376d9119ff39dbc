"""What became of a run, in one sentence, by what its folder holds and what Slurm says."""

from __future__ import annotations

import pytest

from ormlab.fleet.documents import read_run
from ormlab.fleet.outcomes import OPEN, Stage, outcome, summary
from tests.fleet.making import attempt, deliver, fleet, task


@pytest.fixture
def folder(tmp_path):
    fleet(tmp_path)
    return tmp_path


def told(folder, known=None):
    return outcome(read_run(folder, 1), known, 1)


def test_a_sealed_run_names_its_node_and_the_attempts_before(folder):
    attempt(folder, 1, "n2")
    attempt(folder, 1, "n1", restarts=1, failure=("interrupted", "the run was interrupted"))
    attempt(folder, 1, "n3", restarts=2)
    deliver(folder, 1, "n3", restarts=2)
    found = told(folder, task(1, "COMPLETED", restarts=2, node="n3"))
    assert found.stage is Stage.SEALED
    assert found.said == (
        "is sealed: 2 trials on n3; attempt 1 was lost with n2; "
        "attempt 2 ended on n1: the run was interrupted"
    )


def test_of_two_whole_bundles_the_first_attempt_counts_and_the_other_is_named(folder):
    """A node that Slurm had only lost sight of goes on, and so does the second attempt."""
    first = deliver(folder, 1, "n1")
    second = deliver(folder, 1, "n2", restarts=1)
    run = read_run(folder, 1)
    assert run.counting.path == first
    assert second.name in told(folder).said


def test_an_aborted_bundle_is_kept_and_does_not_count(folder):
    attempt(folder, 1, "n1")
    aborted = deliver(folder, 1, "n1", status="aborted")
    assert read_run(folder, 1).counting is None
    found = told(folder, task(1, "TIMEOUT", reason="TimeLimit", node="n1"))
    assert found.stage is Stage.FAILED
    assert found.said == (
        f"reached Slurm's time limit on n1 after 2 trials, which {aborted.name} keeps as aborted"
    )
    assert "SBATCH_TIMELIMIT" in found.hint


@pytest.mark.parametrize(
    ("state", "stage", "words"),
    [
        ("CANCELLED", Stage.CANCELLED, "was cancelled on n1"),
        ("NODE_FAIL", Stage.LOST, "was lost with its node"),
        ("PREEMPTED", Stage.LOST, "had to give its node to another job"),
        ("OUT_OF_MEMORY", Stage.FAILED, "used more memory"),
        ("BOOT_FAIL", Stage.LOST, "its node did not start"),
        ("DEADLINE", Stage.FAILED, "before the deadline"),
    ],
)
def test_every_way_in_which_slurm_ends_a_task_has_a_sentence(folder, state, stage, words):
    found = told(folder, task(1, state, node="n1"))
    assert (found.stage, words in found.said) == (stage, True)
    assert found.stage not in OPEN


def test_a_failed_task_says_what_it_wrote_down(folder):
    full = ("disk-full", "no room to write (No space left on device)")
    attempt(folder, 1, "n2", failure=full)
    found = told(folder, task(1, "FAILED", exit_code=7, node="n2"))
    assert (found.stage, found.said) == (Stage.FAILED, f"ended on n2: {full[1]}")
    assert found.hint == "do that"
    # Slurm may have forgotten the task by now.
    assert told(folder) == found


def test_the_error_of_an_earlier_attempt_is_not_that_of_the_last(folder):
    attempt(folder, 1, "n2", failure=("load", "the service did not start"))
    found = told(folder, task(1, "FAILED", restarts=1, exit_code=8, node="n3"))
    assert found.said == "ended with exit code 8 on n3, and left neither a bundle nor a reason"


def test_a_task_that_could_not_write_its_reason_down_points_at_the_disk(folder):
    found = told(folder, task(1, "FAILED", exit_code=7, node="n2"))
    assert found.stage is Stage.LOST
    assert found.said.endswith("and left neither a bundle nor a reason")
    assert "run-1/output.txt" in found.hint
    assert "may be full" in found.hint
    # Slurm has forgotten the task.
    assert told(folder).said == "has ended, and left neither a bundle nor a reason"


def test_a_lost_node_is_told_while_the_task_waits(folder):
    attempt(folder, 1, "n2")
    found = told(folder, task(1, "PENDING", reason="BeginTime", restarts=1))
    assert found.stage is Stage.REQUEUED
    assert found.said == "waits to be begun again; attempt 1 was lost with n2"
    again = told(folder, task(1, "RUNNING", restarts=1, node="n3"))
    assert again.said == "is measured on n3, for the second time"


@pytest.mark.parametrize(
    ("state", "reason", "stage"),
    [
        ("PENDING", "Resources", Stage.WAITING),
        ("PENDING", "None", Stage.WAITING),
        ("PENDING", "BadConstraints", Stage.HELD),
        ("PENDING", "JobHeldUser", Stage.HELD),
        ("REQUEUE_HOLD", "None", Stage.HELD),
        ("CONFIGURING", "None", Stage.WAITING),
        ("COMPLETING", "None", Stage.RUNNING),
        ("A_STATE_OF_TOMORROW", "None", Stage.RUNNING),
    ],
)
def test_what_may_still_come_stays_open(folder, state, reason, stage):
    found = told(folder, task(1, state, reason=reason))
    assert found.stage is stage
    assert stage in OPEN
    assert bool(found.hint) == (stage is Stage.HELD)


def test_the_summary_counts_each_stage(tmp_path):
    fleet(tmp_path, runs=3)
    deliver(tmp_path, 2, "n1")
    known = {1: task(1, "RUNNING", node="n1"), 3: task(3, "PENDING")}
    found = [outcome(read_run(tmp_path, n), known.get(n), n) for n in (1, 2, 3)]
    assert summary(found) == "1 of 3 runs sealed, 1 waiting, 1 running"
