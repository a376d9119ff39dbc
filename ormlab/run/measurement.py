"""Which trial is due next, and each trial: carried out, kept, judged by the gates, closed."""

from __future__ import annotations

import time
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from analysis import gates
from bundle.codec import encode
from bundle.documents.failure import Failure
from bundle.format import TrialRecord
from bundle.instants import TrialTimes
from bundle.read import read_trials
from ormlab.run import subjects
from ormlab.run.measure import keep
from ormlab.run.progress import TrialNews

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from analysis.figures import Figures
    from bundle.documents.readings import TrialReadings
    from ormlab.plan import Planned
    from ormlab.run.stages import Run

type _Judged = tuple[Figures | None, Failure | None]
"""What a trial measured, as far as it can be read, and why it failed if it did."""

_UNREADABLE = (FileNotFoundError, ValueError, KeyError)
_MOST_REPEATED = 0.1  # of the planned trials; with more the run is invalid all the same


def measure(run: Run) -> None:
    """Carry out every trial that is still due."""
    folder, planned = run.folder, run.resolved.trials
    unusable = subjects.unusable(folder, run.resolved)
    trials = [trial for trial in planned if trial.subject not in unusable]
    closed = (trial.record for trial in read_trials(folder))
    ended = {record.id: record.status == "completed" for record in closed}
    context = gates.Context.read(folder)
    times = TrialTimes(folder, run.writer.created)
    started = time.monotonic()
    for number, trial in enumerate(due(trials, len(planned), ended), start=1):
        figures, failure = _carry_out(run, trial, context, times)
        ended[trial.id] = failure is None
        eta_s = (time.monotonic() - started) / number * left(trials, ended)
        status = failure.code if failure else "ok"
        run.progress.trial(TrialNews(trial, len(planned), figures, status, eta_s))
        if run.session.revive_database():
            run.progress.warn("PostgreSQL had ended and was started again")


def due(trials: Sequence[Planned], planned: int, ended: Mapping[str, bool]) -> Iterator[Planned]:
    """Yield the trials still to be carried out; each must be in ``ended`` before the next.

    They depend on plan and ended trials alone, so a resumed run goes on as it would have gone on.
    Block follows block; a failed trial is repeated once, at the end of its block.

    Args:
        trials: those of the plan whose subjects can be measured, in the plan's order.
        planned: how many trials the plan has in all.
        ended: by id of each trial that has ended, whether it completed.
    """
    for _, group in groupby(trials, key=lambda trial: trial.block):
        block = list(group)
        yield from (trial for trial in block if trial.id not in ended)
        for trial in [trial for trial in block if not ended[trial.id]]:
            repeated = len(ended) - sum(trial.id in ended for trial in trials)
            if trial.again().id not in ended and repeated < _MOST_REPEATED * planned:
                yield trial.again()


def left(trials: Sequence[Planned], ended: Mapping[str, bool]) -> int:
    """How many trials are due at least: a failed one may be repeated."""
    return sum(trial.id not in ended for trial in trials)


def _carry_out(run: Run, trial: Planned, context: gates.Context, times: TrialTimes) -> _Judged:
    """Carry out one trial and close it in the bundle.

    The files are masked before they are judged, so that the trial is judged here by the same bytes
    as by any reader of the bundle.
    """
    fetched = run.session.carry_out(trial)
    redactor = run.session.redactor
    with run.writer.trial(trial.id) as folder:
        unkept = None
        try:
            keep.keep(fetched.folder, folder)
        except _UNREADABLE as problem:
            unkept = _unreadable(trial, problem)
        leaking = redactor.clean_folder(folder)
        readings = redactor.masked("trial.json", fetched.done.observed)
        figures, failure = None, fetched.done.failure or unkept or _leaked(trial, leaking)
        if failure is None:
            figures, failure = _judge(trial, readings, folder, context)
        started, ended, set_back_s = times.place(
            datetime.fromisoformat(fetched.done.started), datetime.fromisoformat(fetched.done.ended)
        )
        envelope = TrialRecord(
            id=trial.id,
            index=trial.index,
            block=trial.block,
            subject=trial.subject,
            workload=trial.workload,
            load=trial.load,
            status="failed" if failure else "completed",
            failure=failure,
            started=started,
            ended=ended,
            readings=readings,
            clock_set_back_s=set_back_s,
        )
        record = redactor.clean("trial.json", encode(envelope))
        (folder / "trial.json").write_bytes(record)
    return figures, failure


def _leaked(trial: Planned, leaking: Sequence[str]) -> Failure | None:
    """The failure of a trial whose evidence held a drawn secret, which is masked by now."""
    if not leaking:
        return None
    return Failure(
        code="secret-leaked",
        what=f"the password of the database stood in {', '.join(leaking)}: it is masked, and what "
        "is left is no longer what was measured",
        where=trial.id,
        hint="find out which program writes it there; the service's log stays in the bundle",
    )


def _judge(
    trial: Planned, readings: TrialReadings, folder: Path, context: gates.Context
) -> _Judged:
    """The figures of a trial, and the first gate that it fails, if any."""
    evidence = gates.TrialEvidence(
        folder=folder,
        readings=readings,
        subject=trial.subject,
        workload=trial.workload,
        load=trial.load,
        context=context,
    )
    try:
        failed = gates.first_failure(evidence)
    except _UNREADABLE as problem:
        return None, _unreadable(trial, problem)
    if failed is None:
        return evidence.figures, None
    hint = "its files and the service's log stay in the bundle; docs/gates.md says why it fails"
    code, what = failed.gate.code, failed.sentence
    return evidence.figures, Failure(code=code, what=what, where=trial.id, hint=hint)


def _unreadable(trial: Planned, problem: Exception) -> Failure:
    what = f"what the generator left cannot be read: {problem!r}"
    hint = "what could be kept of it is in the bundle"
    return Failure(code="unreadable", what=what, where=trial.id, hint=hint)
