"""Which trial is due next, and each trial: carried out, kept, judged by the gates, closed."""

from __future__ import annotations

import time
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from msgspec import UNSET

from analysis import gates
from bundle.codec import encode
from bundle.display import quantity
from bundle.documents.failure import Failure
from bundle.format import TrialRecord
from bundle.instants import TrialTimes
from bundle.read import read_trials
from ormlab.run import subjects
from ormlab.run.measure import keep
from ormlab.run.measure.session import BESIDE_FAILURE
from ormlab.run.progress import TrialNews

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from analysis.figures import Figures
    from bundle.documents.readings import TrialReadings
    from bundle.generators import Load
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
    ended = {record.id: record.failure.code if record.failure else None for record in closed}
    groups = together(trials, run.resolved.plan.loads)
    context = gates.Context.read(folder)
    times = TrialTimes(folder, run.writer.created)
    if rest := left(trials, ended):
        run.progress.stage(f"measuring: {quantity(rest, 'trial')}")
    started, done = time.monotonic(), 0
    for group in due(groups, len(planned), ended):
        for trial, (figures, failure) in _carry_out(run, group, context, times).items():
            done += 1
            ended[trial.id] = failure.code if failure else None
            eta_s = (time.monotonic() - started) / done * left(trials, ended)
            status = failure.code if failure else "ok"
            run.progress.trial(TrialNews(trial, len(planned), figures, status, eta_s))
        if run.session.revive_database():
            run.progress.warn("PostgreSQL had ended and was started again")


def together(trials: Iterable[Planned], loads: Mapping[str, Load]) -> list[tuple[Planned, ...]]:
    """Group trials, in their order, that one deployment carries out: mostly one trial each."""

    def deployment(trial: Planned) -> object:
        side_by_side = loads[trial.load].side_by_side
        return (trial.block, trial.workload, trial.load) if side_by_side else trial

    return [tuple(group) for _, group in groupby(trials, key=deployment)]


def due(
    groups: Iterable[tuple[Planned, ...]], planned: int, ended: Mapping[str, str | None]
) -> Iterator[tuple[Planned, ...]]:
    """Yield the trials still to be carried out; each must be in ``ended`` before the next ones.

    They depend on plan and ended trials alone, so a resumed run goes on as it would have gone on.
    Block follows block. Trials of which none completed are repeated once, at the end of their
    block; without the one that made all of them fail, if there was one. A single failure among
    trials that were carried out together is not repeated: what it is compared with is over.

    Args:
        groups: of the plan whose subjects can be measured, in the plan's order.
        planned: how many trials the plan has in all.
        ended: by id of each trial that has ended, the code of its failure; None if it completed.
    """
    repeated = 0
    for _, in_block in groupby(groups, key=lambda group: group[0].block):
        block = list(in_block)
        yield from (group for group in block if group[0].id not in ended)
        for group in block:
            codes = {trial: ended[trial.id] for trial in group}
            if None in codes.values():
                continue
            spared = [trial for trial, code in codes.items() if code == BESIDE_FAILURE]
            again = tuple(trial.again() for trial in spared or group)
            if again[0].id in ended:
                repeated += len(again)
            elif repeated < _MOST_REPEATED * planned:
                repeated += len(again)
                yield again


def left(trials: Sequence[Planned], ended: Mapping[str, str | None]) -> int:
    """How many trials are due at least: a failed one may be repeated."""
    return sum(trial.id not in ended for trial in trials)


def _carry_out(
    run: Run, group: Sequence[Planned], context: gates.Context, times: TrialTimes
) -> dict[Planned, _Judged]:
    """Carry out trials that belong together, and close them in the bundle.

    The files are masked before they are judged, so that a trial is judged here by the same bytes
    as by any reader of the bundle.
    """
    carried, judged = run.session.carry_out(group), {}
    redactor = run.session.redactor
    done = carried[group[0]].done
    started, ended, set_back_s = times.place(
        datetime.fromisoformat(done.started), datetime.fromisoformat(done.ended)
    )
    ids = tuple(trial.id for trial in group)
    with run.writer.trials(ids) as folders:
        for trial, folder in zip(group, folders, strict=True):
            left_by = carried[trial]
            unkept = None
            try:
                for raw in left_by.folders:
                    keep.keep(raw, folder)
            except _UNREADABLE as problem:
                unkept = _unreadable(trial, problem)
            leaking = redactor.clean_folder(folder)
            readings = redactor.masked("trial.json", left_by.done.observed)
            failure = left_by.done.failure or unkept or _leaked(trial, leaking)
            figures = None
            if failure is None:
                figures, failure = _judge(trial, readings, folder, context)
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
                together=ids if len(ids) > 1 else UNSET,
            )
            record = redactor.clean("trial.json", encode(envelope))
            (folder / "trial.json").write_bytes(record)
            judged[trial] = figures, failure
            run.session.beat()
    return judged


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
