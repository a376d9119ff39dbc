"""Wait until every run of a fleet has ended, and tell what became of each."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from ormlab.base.errors import LoadError
from ormlab.fleet import outcomes, slurm
from ormlab.fleet.documents import read_run
from ormlab.fleet.outcomes import OPEN, RunOutcome, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ormlab.fleet.documents import Fleet
    from ormlab.fleet.slurm import FleetTask
    from ormlab.run.progress import Progress

ASKS_EVERY_S: Final = 10.0
"""Seconds between two questions to slurmctld, which serves everybody else as well."""

# A folder that another machine has written may be seen a minute later: NFS keeps attributes of a
# folder for up to acdirmax (nfs(5)).
_ARRIVES_WITHIN_S: Final = 60.0


def watch(
    folder: Path,
    fleet: Fleet,
    progress: Progress,
    *,
    ask: Callable[[], Mapping[int, FleetTask]],
    every_s: float = ASKS_EVERY_S,
    pause: Callable[[float], None] = time.sleep,
) -> list[RunOutcome]:
    """Wait until every run has ended; returns their outcomes by number.

    Args:
        folder: of the fleet.
        fleet: its document.
        progress: receives each change.
        ask: what is known of the runs as tasks, by their number.
        every_s: seconds between two questions.
        pause: waits for some seconds.

    Raises:
        LoadError: the answers of Slurm cannot be read.
        ProvisioningError: Slurm is not here.
        BundleError: something in the folder is not what this version writes.
    """
    known: dict[int, FleetTask] = {}
    news = _News(fleet, progress)
    is_far = fleet.job is not None
    patience = dict.fromkeys(range(1, fleet.runs + 1), _ARRIVES_WITHIN_S if is_far else 0.0)
    if all(read_run(folder, number).counting for number in patience):
        ask = dict  # nobody needs to know
    while True:
        now = _asked(ask, news)
        if now is None:
            pause(every_s)
            continue
        known = _remembered(known, now)
        # Read after Slurm has answered: what a task delivered before its end is there by now.
        found = [
            outcomes.outcome(read_run(folder, number), known.get(number), number)
            for number in patience
        ]
        # The last words of a task that is gone may still be on their way.
        late = {each.run for each in found if each.stage is Stage.LOST and patience[each.run] > 0}
        news.tell(found, late)
        if not late and not any(each.stage in OPEN for each in found):
            return found
        for run in late:
            patience[run] -= every_s
        pause(every_s)


def _asked(
    ask: Callable[[], Mapping[int, FleetTask]], news: _News
) -> Mapping[int, FleetTask] | None:
    """What is known of the tasks; None while Slurm is silent."""
    try:
        now = ask()
    except LoadError as problem:
        if problem.code != slurm.SILENT:
            raise
        news.silent(problem)
        return None
    news.silent(None)
    return now


def _remembered(
    known: Mapping[int, FleetTask], now: Mapping[int, FleetTask]
) -> dict[int, FleetTask]:
    """What is known now, and the end of a task, which Slurm forgets minutes after it."""
    return {run: task for run, task in known.items() if task.has_ended} | dict(now)


class _News:
    """Tells each change once."""

    def __init__(self, fleet: Fleet, progress: Progress) -> None:
        self._fleet, self._progress = fleet, progress
        self._told: dict[int, str] = {}
        self._summed = self._silence = ""

    def silent(self, problem: LoadError | None) -> None:
        """Slurm does not answer, or it does again."""
        what = problem.what if problem else ""
        if what and what != self._silence:
            self._progress.warn(f"{what}; the lab goes on asking")
        self._silence = what

    def tell(self, found: list[RunOutcome], late: set[int]) -> None:
        """What has changed of the runs, but for those of which more may come."""
        for each in found:
            is_news = each.stage is not Stage.WAITING and each.run not in late
            if is_news and self._told.get(each.run) != each.said:
                self._told[each.run] = each.said
                self._one(each)
        if (summed := outcomes.summary(found)) != self._summed:
            self._summed = summed
            self._progress.stage(f"fleet {self._fleet.id}: {summed}")

    def _one(self, each: RunOutcome) -> None:
        what = f"run {each.run} {each.said}"
        if each.stage in {Stage.RUNNING, Stage.SEALED}:
            self._progress.note(what)
        else:
            self._progress.warn(f"{what}; {each.hint}" if each.hint else what)
