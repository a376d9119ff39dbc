"""One trial after the other: carried out, kept, held against the gates, closed."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

from analysis import gates
from ormlab.bundle.codec import encode
from ormlab.bundle.format import Failure, TrialRecord
from ormlab.bundle.read import read_trials
from ormlab.measure import keep
from ormlab.progress import TrialNews
from ormlab.run import subjects
from ormlab.run.course import Course

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.figures import Figures
    from ormlab.measure.station import Fetched
    from ormlab.plan import Planned
    from ormlab.run.stages import Run

type _Judged = tuple[Figures | None, Failure | None]
"""What a trial measured, as far as it can be read, and why it failed if it did."""


def measure(run: Run) -> None:
    """Carry out every trial that is still due."""
    folder = run.writer.folder
    unusable = subjects.unusable(folder, run.resolved)
    course = Course.of(run.resolved, without=unusable, closed=read_trials(folder))
    context = gates.Context.read(folder)
    started = time.monotonic()
    for number, trial in enumerate(course.due(), start=1):
        figures, failure = _carry_out(run, trial, context)
        course.ended[trial.id] = failure is None
        eta_s = (time.monotonic() - started) / number * course.left
        status = failure.code if failure else "ok"
        run.progress.trial(TrialNews(trial, course.planned, figures, status, eta_s))
        if run.session.revive_database():
            run.progress.warn("PostgreSQL had ended and was started again")


def _carry_out(run: Run, trial: Planned, context: gates.Context) -> _Judged:
    """Carry out one trial and close it in the bundle."""
    fetched = run.session.carry_out(trial)
    with run.writer.trial(trial.id) as folder:
        figures, failure = _keep_and_judge(trial, fetched, folder, context)
        envelope = TrialRecord(
            id=trial.id,
            index=trial.index,
            block=trial.block,
            subject=trial.subject,
            workload=trial.workload,
            load=trial.load,
            status="failed" if failure else "completed",
            failure=failure,
            started=datetime.fromisoformat(fetched.done.started),
            ended=datetime.fromisoformat(fetched.done.ended),
            readings=fetched.done.observed,
        )
        (folder / "trial.json").write_bytes(encode(envelope))
        run.session.redactor.clean_folder(folder)
    return figures, failure


def _keep_and_judge(
    trial: Planned, fetched: Fetched, folder: Path, context: gates.Context
) -> _Judged:
    """The trial's figures, and why it failed if it did: the agent's word first."""
    told = fetched.done.failure
    evidence = gates.TrialEvidence(
        folder=folder,
        observed=fetched.done.observed,
        subject=trial.subject,
        workload=trial.workload,
        load=trial.load,
        context=context,
    )
    try:
        keep.keep(fetched.folder, folder)
        failed = None if told else gates.first_failure(evidence)
    except (FileNotFoundError, ValueError, KeyError) as problem:
        what = f"what the generator left cannot be read: {problem!r}"
        hint = "what could be kept of it is in the bundle"
        failure = Failure(code="unreadable", what=what, where=folder.name, hint=hint)
        return None, Failure(**told) if told else failure
    if told:
        return None, Failure(**told)
    if failed is None:
        return evidence.figures, None
    hint = "its files and the service's log stay in the bundle; docs/gates.md says why it fails"
    code, what = failed.gate.code, failed.sentence
    return evidence.figures, Failure(code=code, what=what, where=folder.name, hint=hint)
