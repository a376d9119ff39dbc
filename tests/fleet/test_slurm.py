"""What Slurm is told, and how its answers are read; Slurm itself is in tests/host/test_fleet.py."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from ormlab.base.errors import LoadError, UsageError
from ormlab.fleet import slurm

FOLDER = Path("/shared/100% sure/fleet-1")
# Of Slurm 22.05, one task in each state; the last line stands for two that have no job yet.
SHOWN = """\
JobId=7 ArrayJobId=3 ArrayTaskId=1 JobName=ormlab UserId=root(0) Priority=9 JobState=COMPLETED \
Reason=None Dependency=(null) Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=0:0 \
NodeList=n1 BatchHost=n1 Command=(null) WorkDir=/home/x JobState=FAILED/lab
JobId=4 ArrayJobId=3 ArrayTaskId=2 JobName=ormlab JobState=PENDING Reason=BeginTime Restarts=1 \
ExitCode=0:0 NodeList=(null) Command=(null)
JobId=5 ArrayJobId=3 ArrayTaskId=3 JobName=ormlab JobState=FAILED Reason=NonZeroExitCode \
Restarts=0 ExitCode=8:0 NodeList=n3 Command=(null)
JobId=3 ArrayJobId=3 ArrayTaskId=4,6-7%2 JobName=ormlab JobState=PENDING Reason=Resources \
Restarts=0 ExitCode=0:0 NodeList= Command=(null)
"""


def test_a_task_is_one_whole_run_on_a_node_of_its_own():
    told = slurm.sbatch(FOLDER, ["/lab/ormlab", "fleet", "task", "/a b"], runs=6, constraint="x")
    assert told[0] == "sbatch"
    assert {"--array=1-6", "--nodes=1", "--exclusive", "--constraint=x"} <= set(told)
    # What a lost node had printed stays, and Slurm begins its task again.
    assert {"--requeue", "--open-mode=append"} <= set(told)
    assert f"--output={FOLDER}".replace("%", "%%") + "/run-%a/output.txt" in told
    (wrapped,) = [each.removeprefix("--wrap=") for each in told if each.startswith("--wrap=")]
    assert shlex.split(wrapped) == ["exec", "/lab/ormlab", "fleet", "task", "/a b"]


def test_any_node_will_do_without_a_constraint():
    told = slurm.sbatch(FOLDER, ["x"], runs=1, constraint=None)
    assert not any(each.startswith("--constraint") for each in told)


def test_each_task_is_read_also_those_without_a_job_of_their_own():
    found = slurm.parse(SHOWN)
    assert list(found) == [1, 2, 3, 4, 6, 7]
    assert found[1] == slurm.FleetTask(1, "COMPLETED", "None", 0, 0, "n1")
    assert found[2] == slurm.FleetTask(2, "PENDING", "BeginTime", 1, 0, "")
    assert found[3] == slurm.FleetTask(3, "FAILED", "NonZeroExitCode", 0, 8, "n3")
    assert {found[run].reason for run in (4, 6, 7)} == {"Resources"}
    assert [run for run, task in found.items() if task.has_ended] == [1, 3]


@pytest.mark.parametrize(
    "line",
    [
        "JobId=7 JobState=RUNNING",
        "JobId=7 ArrayTaskId=1",
        "JobId=7 ArrayTaskId=N/A JobState=RUNNING",
        "JobId=7 ArrayTaskId=1 JobState=RUNNING ExitCode=?",
    ],
)
def test_a_line_of_another_form_is_an_error_that_shows_it(line):
    with pytest.raises(LoadError) as refused:
        slurm.parse(line)
    assert (refused.value.code, refused.value.where) == ("slurm-unread", line)


def test_nothing_at_all_is_no_task():
    assert slurm.parse("\n") == {}


VARIABLES = {
    "SLURM_JOB_ID": "5",
    "SLURM_ARRAY_JOB_ID": "3",
    "SLURM_ARRAY_TASK_ID": "2",
    "SLURMD_NODENAME": "n2",
    "SLURM_CLUSTER_NAME": "lab",
}


def test_a_task_knows_its_place_and_names_its_node_by_a_digest():
    here = slurm.here(VARIABLES)
    assert (here.task.job, here.task.array_job, here.task.index) == (5, 3, 2)
    assert (here.task.restarts, here.node) == (0, "n2")
    again = slurm.here({**VARIABLES, "SLURM_RESTART_COUNT": "2", "SLURM_JOB_ID": "9"})
    assert (again.task.restarts, again.digest) == (2, here.digest)
    others = [{"SLURMD_NODENAME": "n3"}, {"SLURM_CLUSTER_NAME": "other"}]
    assert len({slurm.here(VARIABLES | each).digest for each in others} | {here.digest}) == 3


@pytest.mark.parametrize("lacking", ["SLURM_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURMD_NODENAME"])
def test_who_is_no_task_is_told_what_to_call(lacking):
    variables = {name: value for name, value in VARIABLES.items() if name != lacking}
    with pytest.raises(UsageError, match=lacking) as refused:
        slurm.here(variables)
    assert "ormlab run PLAN --on slurm" in refused.value.hint
