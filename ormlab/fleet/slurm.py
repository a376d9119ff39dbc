"""Slurm's commands: submit an array, ask for its tasks, cancel it; and who a task is.

The programs are called, and no library: what PyPI has of them wants accounting, or another version
of Slurm. ``scontrol show job`` is asked because every version has it with restarts and exit codes;
``sacct`` needs a database that small clusters lack, and ``sbatch --wait`` says nothing meanwhile.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bundle.documents.host import SlurmTask
from host.environment import environment
from ormlab.base import checkout
from ormlab.base.errors import LoadError, ProvisioningError, UsageError
from ormlab.fleet.documents import OUTPUT
from ormlab.fleet.place import Here, node_digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SILENT: Final = "slurm-silent"
"""The code of an error after which it makes sense to ask again."""

_FIELD: Final = re.compile(r"(?:\A|\s)(\w+)=(\S*)")
_PURGED: Final = "Invalid job id"
_ANSWERS_WITHIN_S: Final = 60  # of a command; slurmctld may be busy, or start anew


@dataclass(frozen=True)
class FleetTask:
    """One task of an array, as slurmctld knows it."""

    run: int  #: its index, which is the number of the run
    state: str  #: as PENDING, RUNNING or NODE_FAIL
    reason: str  #: why it waits, or why it ended; ``None`` in Slurm's word where there is none
    restarts: int  #: how often it was begun anew
    exit_code: int  #: of its program; 0 until it has ended
    node: str  #: name of its node; empty before it has one

    @property
    def has_ended(self) -> bool:
        """Whether Slurm is done with it."""
        return self.state in ENDED


ENDED: Final = frozenset(
    {
        *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL"),
        *("OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT"),
    }
)
"""The states in which a task stays."""


def sbatch(folder: Path, command: Sequence[str], *, runs: int, constraint: str | None) -> list[str]:
    """The command that submits a fleet.

    Args:
        folder: of the fleet, absolute.
        command: what each task executes; the shell that Slurm starts becomes that program, so that
            a signal to the task reaches it.
        runs: number of tasks.
        constraint: feature that the nodes have; None for any node.
    """
    return [
        "sbatch",
        "--parsable",
        "--job-name=ormlab",
        f"--array=1-{runs}",
        "--nodes=1",
        "--ntasks=1",
        "--exclusive",
        "--mem=0",  # all of the node's: it is nobody else's
        "--requeue",
        "--open-mode=append",  # what a lost attempt printed stays
        f"--chdir={checkout.ROOT}",
        f"--output={str(folder).replace('%', '%%')}/run-%a/{OUTPUT}",
        *([f"--constraint={constraint}"] if constraint else []),
        f"--wrap=exec {shlex.join(command)}",
    ]


def submit(command: Sequence[str]) -> int:
    """Submit an array; returns its id.

    Raises:
        ProvisioningError: Slurm is not here, or refuses it.
    """
    answer = _called(*command)
    job = answer.stdout.strip().partition(";")[0]
    if answer.returncode or not job.isdecimal():
        raise ProvisioningError(
            "slurm-refused",
            f"Slurm takes no such job: {_said(answer)}",
            where=shlex.join(command),
            hint="the variables SBATCH_PARTITION, SBATCH_ACCOUNT, SBATCH_QOS and SBATCH_TIMELIMIT "
            "say what your cluster wants; docs/fleet.md has an example",
        )
    return int(job)


def tasks(job: int) -> dict[int, FleetTask]:
    """The tasks of an array that slurmctld still knows, by the number of their run.

    It forgets a task some minutes after its end (``MinJobAge``). Tasks that have not been given a
    job of their own stand in one line, and are each of them here.

    Raises:
        LoadError: slurmctld does not answer.
    """
    answer = _called("scontrol", "--oneliner", "show", "job", str(job))
    if answer.returncode:
        if _PURGED in answer.stderr:
            return {}
        raise LoadError(
            SILENT,
            f"Slurm does not say what became of job {job}: {_said(answer)}",
            where=f"scontrol show job {job}",
            hint="see whether slurmctld runs; the job goes on without it",
        )
    return parse(answer.stdout)


def parse(text: str) -> dict[int, FleetTask]:
    """What ``scontrol --oneliner show job`` prints of an array.

    Raises:
        LoadError: a line lacks what a task has.
    """
    found: dict[int, FleetTask] = {}
    for line in filter(str.strip, text.splitlines()):
        fields: dict[str, str] = {}
        for name, value in _FIELD.findall(line):
            fields.setdefault(name, value)  # values of later fields may hold spaces and =
        try:
            for run in _indices(fields["ArrayTaskId"]):
                found[run] = FleetTask(
                    run=run,
                    state=fields["JobState"],
                    reason=fields.get("Reason", "None"),
                    restarts=int(fields.get("Restarts", "0")),
                    exit_code=int(fields.get("ExitCode", "0:0").partition(":")[0]),
                    node=fields.get("NodeList", "").replace("(null)", ""),
                )
        except (KeyError, ValueError) as lacking:
            raise LoadError(
                "slurm-unread",
                f"this version of Slurm describes a task in another way: {lacking}",
                where=line[:200],
                hint="report it with the output of `scontrol --version`",
            ) from None
    return found


def _indices(text: str) -> list[int]:
    """The indices in ``3`` or ``2,4-6%3``."""
    found: list[int] = []
    for part in text.partition("%")[0].split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def cancel(job: int) -> str | None:
    """Cancel an array; returns what Slurm said if it did not."""
    answer = _called("scancel", str(job))
    return _said(answer) if answer.returncode else None


def here(variables: Mapping[str, str]) -> Here:
    """Which task this process is, by the variables that Slurm has given it.

    Raises:
        UsageError: it is no task of an array.
    """
    try:
        task = SlurmTask(
            job=int(variables["SLURM_JOB_ID"]),
            array_job=int(variables["SLURM_ARRAY_JOB_ID"]),
            index=int(variables["SLURM_ARRAY_TASK_ID"]),
            restarts=int(variables.get("SLURM_RESTART_COUNT", "0")),
        )
        node = variables["SLURMD_NODENAME"]
    except (KeyError, ValueError) as lacking:
        raise UsageError(
            "no-task",
            f"this process is no task of a Slurm array: {lacking}",
            where="the environment",
            hint="Slurm calls this command; you want `ormlab run PLAN --on slurm`",
        ) from None
    digest = node_digest(variables.get("SLURM_CLUSTER_NAME", ""), node)
    return Here(task.index, node, digest, task)


def _called(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            env=environment("scheduler", {"SLURM_BITSTR_LEN": "0"}),  # no list of indices is cut
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            start_new_session=True,  # Ctrl-C is ours
            timeout=_ANSWERS_WITHIN_S,
        )
    except FileNotFoundError:
        raise ProvisioningError(
            "slurm-missing",
            f"there is no {command[0]} here",
            where="PATH",
            hint="log in to a node of the cluster that has Slurm's commands (Debian: slurm-client)",
        ) from None
    except subprocess.TimeoutExpired as slow:
        said = f"no answer within {_ANSWERS_WITHIN_S} s"
        return subprocess.CompletedProcess(slow.cmd, 1, "", said)


def _said(answer: subprocess.CompletedProcess[str]) -> str:
    lines = answer.stderr.strip().splitlines() or answer.stdout.strip().splitlines()
    return lines[-1] if lines else f"it ended with {answer.returncode} and gives no reason"
