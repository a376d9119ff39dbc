"""Whether the slices of one deployment fit together, which each subject's trial has alone."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from analysis.generators.base import Contradiction
from bundle import typed
from bundle.generators import GENERATORS
from bundle.generators.slices import SlicedReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bundle.generators.slices import Slice
    from bundle.read import Trial

_KINDS = [each.report for each in GENERATORS.values() if issubclass(each.report, SlicedReport)]

type _Told = tuple[Trial, SlicedReport]


def disagreements(trials: Iterable[Trial]) -> Iterator[tuple[Trial, Contradiction]]:
    """Hold the trials whose services were alive together against each other.

    Part of level L2 of `ormlab verify`. One program drove all of them, from one window to another:
    their slices follow each other as each of them says. A trial may be missing, if it was left out
    of the bundle; the order is then checked as far as it is known.

    Args:
        trials: of a bundle; those without slices do not count.
    """
    blocks: dict[tuple[object, ...], list[Trial]] = defaultdict(list)
    for trial in trials:
        of = trial.record
        blocks[of.workload, of.load, of.block].append(trial)
    # Reports of a whole bundle are too many for the memory, and those of a block a few.
    for alike in blocks.values():
        for told in _deployments(alike):
            for trial, what in _of_deployment(told):
                yield trial, Contradiction("generator-mismatch", told[0][1].PATH, what)


def _deployments(trials: Iterable[Trial]) -> Iterable[Sequence[_Told]]:
    """The trials of a block, by when they were alive together."""
    deployments: dict[int, list[_Told]] = defaultdict(list)
    for trial in trials:
        for kind in _KINDS:
            try:
                report = typed.read_if_there(trial.path, kind)
            except (OSError, ValueError):
                continue  # which the check of the file itself tells
            if report is not None:
                deployments[report.window.start_ns].append((trial, report))
    return deployments.values()


def _of_deployment(told: Sequence[_Told]) -> Iterator[tuple[Trial, str]]:
    first = told[0][1]
    for trial, report in told:
        if report.spec.subject != trial.record.subject:
            yield trial, f"slices of {report.spec.subject} in a trial of {trial.record.subject}"
        if report.shared != first.shared:
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
