"""Whether the slices of one deployment fit together, which each subject's trial has alone."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from analysis.generators.base import Contradiction
from bundle import typed
from bundle.generators.switchback import Switchback

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bundle.generators.switchback import Slice
    from bundle.read import Trial

type _Told = tuple[Trial, Switchback]


def disagreements(trials: Iterable[Trial]) -> Iterator[tuple[Trial, Contradiction]]:
    """Hold the trials whose services were alive together against each other.

    Part of level L2 of `ormlab verify`. One program drove all of them, from one window to another:
    their slices follow each other as each of them says. A trial may be missing, if it was left out
    of the bundle; the order is then checked as far as it is known.

    Args:
        trials: of a bundle; those without slices do not count.
    """
    deployments: dict[tuple[object, ...], list[_Told]] = defaultdict(list)
    for trial in trials:
        try:
            report = typed.read_if_there(trial.path, Switchback)
        except (OSError, ValueError):
            continue  # which the check of the file itself tells
        if report is not None:
            of = trial.record
            key = (of.workload, of.load, of.block, report.window.start_ns)
            deployments[key].append((trial, report))
    for told in deployments.values():
        for trial, what in _of_deployment(told):
            yield trial, Contradiction("generator-mismatch", Switchback.PATH, what)


def _of_deployment(told: Sequence[_Told]) -> Iterator[tuple[Trial, str]]:
    first = told[0][1]
    for trial, report in told:
        if report.spec.subject != trial.record.subject:
            yield trial, f"slices of {report.spec.subject} in a trial of {trial.record.subject}"
        if _common(report) != _common(first):
            yield trial, f"another load than that of {told[0][0].record.id}"
    slices = [(each, trial) for trial, report in told for each in report.slices]
    slices.sort(key=lambda pair: pair[0].start_ns)
    is_whole = {report.spec.subject for _, report in told} == set(first.spec.subjects)
    before: tuple[Slice, Trial] | None = None
    for each, trial in slices:
        if before is not None:
            yield from ((trial, what) for what in _after(each, *before, is_whole=is_whole))
        elif is_whole and each.after is not None:
            yield trial, f"round {each.round}: the first slice of all, after {each.after}"
        before = each, trial


def _after(each: Slice, before: Slice, trial: Trial, *, is_whole: bool) -> Iterator[str]:
    """What contradicts that a slice follows another one of the same deployment."""
    subject = trial.record.subject
    if each.start_ns < before.drained_ns:
        yield f"round {each.round}: a slice begins before that of {subject} was drained"
    if (each.round, each.position) <= (before.round, before.position):
        yield (
            f"round {each.round}, position {each.position}: after round {before.round}, position "
            f"{before.position} of {subject}"
        )
    if is_whole and each.after != subject:
        yield f"round {each.round}: after {each.after}, and it follows a slice of {subject}"


def _common(report: Switchback) -> tuple[object, ...]:
    """What is the same for every subject of a deployment."""
    spec = report.spec
    shared = (spec.subjects, spec.connections, spec.duration_s, spec.slice_s, spec.seed)
    return (*shared, report.window, report.slice_s, report.set_s, report.process)
