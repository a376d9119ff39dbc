"""Do plan, record and trials agree in names, counts and times? Part of level L2."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import translate
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from bundle import names, outside
from bundle.codec import decode
from bundle.documents.host import Server
from bundle.documents.plan import SealedPlan
from bundle.errors import RecordError
from bundle.format import BundleRecord, TrialRecord
from bundle.instants import SKEW
from bundle.read import Trial
from bundle.tree import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from bundle.findings import Findings

LEDGER: Final = "inputs/claims.yaml"
# A ledger names days without a time zone. In UTC+14 a day begins 14 hours before it does in UTC.
_DAY_BEGINS: Final = timedelta(hours=14)
_REPEAT: Final = re.compile(r"-r[0-9]+\Z")
_LEDGER_DATES: Final = frozenset({"published", "retrieved"})


def check(root: Path, plan: SealedPlan | None, findings: Findings) -> tuple[Trial, ...]:
    """Compare plan, record, ledger and trials of a bundle that reaches L1.

    The plan is the resolved one, or None if it cannot be read.

    Returns:
        The trials that can be read, in the order of their beginnings.
    """
    record = decode(outside.bytes_of(root / names.RECORD), BundleRecord, where=names.RECORD)
    trials = tuple(sorted(_trials(root, findings), key=_beginning))
    _check_digest(
        root / SealedPlan.PATH, record.plan.sha256, "plan-digest", SealedPlan.PATH, findings
    )
    _check_ledger(root / LEDGER, record, findings)
    _check_names(trials, findings)
    _check_times(trials, record, findings)
    _check_together(trials, findings)
    _check_interruptions(trials, record, findings)
    if plan is not None:
        for name in plan.plan.databases:
            if not (root / Server.path_of(name)).is_file():
                findings.add("document-missing", Server.path_of(name))
        _check_plan(trials, plan.trials, record, findings)
    return trials


def _beginning(trial: Trial) -> tuple[datetime, int]:
    return trial.record.started, trial.record.index


def _trials(root: Path, findings: Findings) -> Iterator[Trial]:
    for folder in sorted((root / names.TRIALS).glob("*")):
        path = f"{names.TRIALS}/{folder.name}/{names.TRIAL}"
        try:
            data = outside.bytes_of(folder / names.TRIAL)
            yield Trial(folder, decode(data, TrialRecord, where=path))
        except (FileNotFoundError, NotADirectoryError):
            findings.add("document-missing", path)
        except OSError as error:
            findings.add("document-malformed", path, names.printable(str(error)))
        except RecordError as error:
            if not any(problem.path == path for problem in findings.problems):
                findings.add("document-invalid", path, error.what)


def _check_digest(path: Path, due: str | None, code: str, shown: str, findings: Findings) -> None:
    if not path.is_file():
        if due is not None:
            findings.add(code, shown, "it is not here")
        return
    here = digest(path)
    if here != due:
        findings.add(code, shown, f"{here} instead of {due}")


def _check_ledger(path: Path, record: BundleRecord, findings: Findings) -> None:
    """A run cannot test a claim that was written down after it."""
    if not path.is_file():
        return  # the ledger may also lie outside the bundle
    _check_digest(path, record.ledger, "ledger-digest", LEDGER, findings)
    try:
        ledger = outside.yaml_of(path)
    except (OSError, ValueError) as error:
        findings.add("document-malformed", LEDGER, names.printable(str(error)[:300]))
        return
    for key, day in _dates(ledger):
        if datetime.combine(day, time(), UTC) - _DAY_BEGINS > record.created:
            findings.add("ledger-newer", LEDGER, f"{key} {day}, the run began {record.created}")


def _dates(node: object) -> Iterator[tuple[str, date]]:
    """The days on which the sources of a ledger were published and read."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, dict):
            for key, value in current.items():
                if key in _LEDGER_DATES and type(value) is date:
                    yield key, value
            waiting.extend(current.values())
        elif isinstance(current, list):
            waiting.extend(current)


def _check_names(trials: Iterable[Trial], findings: Findings) -> None:
    for trial in trials:
        record = trial.record
        place = f"{record.subject}-{record.workload}-{record.load}-b{record.block:02d}"
        due = f"{record.index:03d}-{place}"
        if trial.path.name != record.id or _REPEAT.sub("", record.id) != due:
            findings.add("trial-name", _path(trial), names.printable(f"{record.id}, of {due}"))


def _check_times(trials: Sequence[Trial], record: BundleRecord, findings: Findings) -> None:
    """Trials have the host to themselves, one after the other, while the run goes on.

    Those that are together, whose services are alive together, begin and end together.
    """
    for before, after in pairwise(trials):
        if before.record.together and before.record.together == after.record.together:
            continue
        if after.record.started < before.record.ended:
            findings.add("trials-overlap", _path(after), f"with {before.path.name}")
    for trial in trials:
        begin, end = trial.record.started, trial.record.ended
        # Compared as differences: adding a minute to an instant in year 9999 overflows.
        if record.created - begin > SKEW or end - record.sealed > SKEW:
            findings.add("trial-outside-run", _path(trial), f"{begin} to {end}")


def _check_together(trials: Sequence[Trial], findings: Findings) -> None:
    """Trials that are together name each other, and differ in their subjects alone."""
    by_id = {trial.record.id: trial.record for trial in trials}
    for trial in trials:
        own = trial.record
        for name in own.together or ():
            other = by_id.get(name)
            if other is None:
                findings.add("trials-together", _path(trial), f"{names.printable(name)} is missing")
            elif _alike(own) != _alike(other) or (own.subject == other.subject) != (own is other):
                what = f"{names.printable(name)} is of another deployment"
                findings.add("trials-together", _path(trial), what)


def _alike(record: TrialRecord) -> tuple[object, ...]:
    """What all trials of one deployment have in common."""
    return (
        record.together,
        record.block,
        record.workload,
        record.load,
        record.started,
        record.ended,
    )


def _check_interruptions(trials: Sequence[Trial], record: BundleRecord, findings: Findings) -> None:
    """When a run was resumed, its closed trials had ended, and no other trial had begun."""
    latest, closed = record.created, 0
    for stop in record.interruptions or ():
        begun = sum(stop.resumed - trial.record.started > SKEW for trial in trials)
        ended = sum(trial.record.ended - stop.resumed <= SKEW for trial in trials)
        in_order = latest <= stop.resumed <= record.sealed and closed <= stop.trials
        if not in_order or not begun <= stop.trials <= ended:
            what = f"{stop.trials} at {stop.resumed}: {begun} had begun, {ended} had ended"
            findings.add("interruption-counts", names.RECORD, what)
        latest, closed = stop.resumed, stop.trials


def _check_plan(
    trials: Sequence[Trial], planned: Sequence[str], record: BundleRecord, findings: Findings
) -> None:
    places = [_REPEAT.sub("", trial.record.id) for trial in trials]
    known, carried_out = set(planned), set(places)
    for trial, place in zip(trials, places, strict=True):
        if place not in known:
            findings.add("trial-unplanned", _path(trial))
    firsts = [p for trial, p in zip(trials, places, strict=True) if trial.record.id == p]
    begun = set(firsts)
    due = [place for place in planned if place in begun]
    for place, expected in zip((p for p in firsts if p in known), due, strict=False):
        if place != expected:
            findings.add("trials-order", f"{names.TRIALS}/{place}", f"{expected} was due")
            break
    omitted = re.compile("|".join(translate(each.path) for each in record.omitted) or r"(?!)")
    for place in planned:
        path = f"{names.TRIALS}/{place}"
        declared = place in carried_out or omitted.match(path)
        if not declared and record.status != "aborted":
            findings.add("trial-missing", path)
    _check_counts(trials, len(planned), len(known & carried_out), record, findings)


def _check_counts(
    trials: Sequence[Trial],
    planned: int,
    carried_out: int,
    record: BundleRecord,
    findings: Findings,
) -> None:
    ends = Counter(trial.record.status for trial in trials)
    here = {
        "planned": planned,
        "completed": ends["completed"],
        "failed": ends["failed"],
        "skipped": planned - carried_out,
    }
    for key, count in here.items():
        stated = getattr(record.trials, key)
        if stated != count:
            what = f"{key} is {stated}, the trials make it {count}"
            findings.add("trial-counts", names.RECORD, what)
    if record.status != "aborted":
        status = "partial" if here["skipped"] else "complete"
        if record.status != status:
            findings.add(
                "trial-counts", names.RECORD, f"{record.status}, the trials make it {status}"
            )


def _path(trial: Trial) -> str:
    return f"{names.TRIALS}/{trial.path.name}/{names.TRIAL}"
