"""What became of each run of a fleet, one clear sentence each; pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bundle.display import quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ormlab.fleet.documents import Attempt, RunFolder
    from ormlab.fleet.slurm import FleetTask


class Stage(StrEnum):
    """Where a run is."""

    WAITING = "waiting"  #: Slurm has not begun it
    REQUEUED = "requeued"  #: Slurm is to begin it again
    HELD = "held"  #: it waits for somebody
    RUNNING = "running"
    SEALED = "sealed"  #: its bundle is here
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"  #: with its node, or without a trace


OPEN: Final = frozenset({Stage.WAITING, Stage.REQUEUED, Stage.HELD, Stage.RUNNING})
"""The stages of which something may still come."""


@dataclass(frozen=True)
class RunOutcome:
    """What became of a run."""

    run: int  #: its number
    stage: Stage
    said: str  #: one sentence, without the run's name and without a period
    hint: str = ""  #: what to do about it; empty if there is nothing


_WAITS: Final = frozenset(
    {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT"}
)
# Why a task waits that will not begin by itself: "JOB REASON CODES" of squeue(1).
_STUCK: Final = frozenset(
    {
        *("AccountNotAllowed", "BadConstraints", "InvalidAccount", "InvalidQOS", "QOSNotAllowed"),
        *("JobHeldAdmin", "JobHeldUser", "PartitionDown", "PartitionInactive"),
        *("PartitionNodeLimit", "PartitionTimeLimit", "launch_failed_requeued_held"),
        "job_requeued_in_held_state",
    }
)
# How Slurm ends a task, with what to do about it.
_ENDINGS: Final = {
    "CANCELLED": (Stage.CANCELLED, "was cancelled", ""),
    "TIMEOUT": (
        Stage.FAILED,
        "reached Slurm's time limit",
        "set SBATCH_TIMELIMIT to more than `ormlab plan` says that the plan takes",
    ),
    "DEADLINE": (
        Stage.FAILED,
        "could not end before the deadline of the job",
        "submit it again without one",
    ),
    "OUT_OF_MEMORY": (
        Stage.FAILED,
        "used more memory than Slurm gives it",
        "use nodes with more memory, or a smaller dataset",
    ),
    "PREEMPTED": (
        Stage.LOST,
        "had to give its node to another job, and Slurm does not begin it again",
        "use a partition that is not preempted, or whose PreemptMode is REQUEUE",
    ),
    "NODE_FAIL": (
        Stage.LOST,
        "was lost with its node, and Slurm does not begin it again",
        "see whether the cluster has JobRequeue=0; submit it again",
    ),
    "BOOT_FAIL": (
        Stage.LOST,
        "was lost because its node did not start",
        "submit it again, without that node",
    ),
}


def outcome(folder: RunFolder, task: FleetTask | None, number: int) -> RunOutcome:
    """What became of a run.

    A whole bundle counts, whatever Slurm says of the task. Then Slurm's word counts, as far as it
    remembers the task, and then what the last attempt left.

    Args:
        folder: what the fleet's folder has of it.
        task: what slurmctld knows of it; None if it forgot it.
        number: of the run.
    """
    if folder.counting:
        return RunOutcome(number, Stage.SEALED, _sealed(folder))
    if task is None:
        last = _last_failed(folder)
        return _failed(last, number) if last else _untold(folder, number, "has ended")
    if task.state in _WAITS:
        return _waiting(folder, task)
    if task.has_ended:
        return _over(folder, task)
    return RunOutcome(number, Stage.RUNNING, f"is measured{_on(task.node)}{_again(task)}")


def _over(folder: RunFolder, task: FleetTask) -> RunOutcome:
    """A task that Slurm is done with, and that has delivered no whole bundle."""
    if task.state in _ENDINGS:
        stage, said, hint = _ENDINGS[task.state]
        return RunOutcome(task.run, stage, f"{said}{_on(task.node)}{_measured(folder)}", hint)
    last = _last_failed(folder)
    if last and last.restarts == task.restarts:
        return _failed(last, task.run)
    code = f" with exit code {task.exit_code}" if task.exit_code else ""
    return _untold(folder, task.run, f"ended{code}{_on(task.node)}")


def _last_failed(folder: RunFolder) -> Attempt | None:
    """The last attempt, if it said why it failed."""
    last = folder.attempts[-1] if folder.attempts else None
    return last if last and last.failure else None


def _sealed(folder: RunFolder) -> str:
    """``is sealed: 20 trials on n1; attempt 1 was lost with n2``."""
    counting = folder.counting
    if counting is None:
        raise ValueError(f"{folder.path} has no whole bundle")
    restarts = counting.restarts
    nodes = {attempt.restarts: attempt.node for attempt in folder.attempts}
    trials = quantity(counting.record.trials.completed, "trial")
    said = f"is sealed: {trials}{_on(nodes.get(restarts, ''))}"
    earlier = [attempt for attempt in folder.attempts if attempt.restarts < restarts]
    said += "".join(f"; attempt {each.restarts + 1} {_ended(each)}" for each in earlier)
    spare = [each for each in folder.bundles if each.whole and each is not counting]
    if spare:
        said += f"; another attempt sealed {spare[0].path.name} as well, which counts for nothing"
    return said


def _ended(attempt: Attempt) -> str:
    if attempt.failure:
        return f"ended on {attempt.node}: {attempt.failure.what}"
    return f"was lost with {attempt.node}"


def _waiting(folder: RunFolder, task: FleetTask) -> RunOutcome:
    reason = f" ({task.reason})" if task.reason != "None" else ""
    stage, said, hint = Stage.WAITING, f"waits{reason}", ""
    if task.restarts and folder.attempts:
        last = folder.attempts[-1]
        stage = Stage.REQUEUED
        said = f"waits to be begun again; attempt {last.restarts + 1} {_ended(last)}"
    if task.reason in _STUCK or task.state in {"REQUEUE_HOLD", "SPECIAL_EXIT"}:
        stage = Stage.HELD
        hint = "Slurm does not begin it by itself: squeue(1) explains the reason; `scontrol "
        hint += "release` lets a held task go on"
        said = f"is held by Slurm{reason}"
    return RunOutcome(task.run, stage, said, hint)


def _failed(attempt: Attempt, number: int) -> RunOutcome:
    failure = attempt.failure
    if failure is None:
        raise ValueError(f"attempt {attempt.restarts} did not fail")
    stage = Stage.CANCELLED if failure.code == "interrupted" else Stage.FAILED
    return RunOutcome(number, stage, f"ended on {attempt.node}: {failure.what}", failure.hint)


def _untold(folder: RunFolder, number: int, said: str) -> RunOutcome:
    """A task that ended, and of which neither a bundle nor an error is here."""
    return RunOutcome(
        number,
        Stage.LOST,
        f"{said}, and left neither a bundle nor a reason",
        f"read {folder.output}; the disk of the fleet's folder may be full",
    )


def _on(node: str) -> str:
    return f" on {node}" if node else ""


def _again(task: FleetTask) -> str:
    return f", for the {_nth(task.restarts + 1)} time" if task.restarts else ""


def _nth(number: int) -> str:
    return {2: "second", 3: "third"}.get(number, f"{number}th")


def _measured(folder: RunFolder) -> str:
    """What an attempt sealed of a run that did not come to its end."""
    aborted = [each for each in folder.bundles if not each.whole]
    if not aborted:
        return ""
    last = aborted[-1]
    trials = quantity(last.record.trials.completed, "trial")
    return f" after {trials}, which {last.path.name} keeps as aborted"


def summary(outcomes: Sequence[RunOutcome]) -> str:
    """``2 of 6 runs sealed, 3 running, 1 waiting``."""

    def counts() -> Iterator[str]:
        sealed = sum(each.stage is Stage.SEALED for each in outcomes)
        yield f"{sealed} of {quantity(len(outcomes), 'run')} sealed"
        for stage in Stage:
            number = sum(each.stage is stage for each in outcomes)
            if number and stage is not Stage.SEALED:
                yield f"{number} {stage}"

    return ", ".join(counts())
