"""What the asyncio client left of a subject that it drove in turns of an open loop."""

from __future__ import annotations

from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from analysis import latency, silence
from analysis.generators.base import OPEN, Contradiction, GeneratorFigures, Problem
from analysis.generators.client import by_samples, count_samples
from analysis.generators.slices import SlicedOutput, in_itself
from analysis.latency import Histogram
from bundle import tables, typed
from bundle.display import quantity
from bundle.generators.open_switchback import OpenSwitchback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from analysis.resources import Course
    from analysis.silence import Silence
    from bundle.documents.readings import TrialReadings
    from bundle.generators.open_switchback import Slice
    from bundle.read import Trial

    type Integers = NDArray[np.int64]

_SAMPLES = "samples.parquet"
_NAMES = ("response", "service", "dispatch")


class _OpenSwitchback(SlicedOutput):
    name: ClassVar[str] = "the client in turns"
    mark: ClassVar[str] = OpenSwitchback.PATH
    report: OpenSwitchback

    def __init__(self, folder: Path) -> None:
        report = typed.read(folder, OpenSwitchback)
        super().__init__(folder, report)
        self.is_closed = False
        self.timeouts = report.errors.timeout
        self.refused = report.errors.total
        self.arrivals = report.open_loop
        self.censored = report.censored.total
        self.answers = report.answers
        self.bodies = report.bodies.digests

    @property
    def figures(self) -> GeneratorFigures:
        """Of all slices together."""
        report = self.report
        failed = report.errors.by_kind
        broken = Problem("request-errors", f"requests failed: {failed}")
        return GeneratorFigures(
            requests=sum(each.answers for each in report.slices),
            errors=report.errors.total,
            window_s=report.seconds,
            bins=latency.read_hdr(self.folder / "response.hdr"),
            kind=OPEN,
            connections=report.spec.connections,
            span_ns=self.span_ns,
            problems=(broken,) if failed else (),
            slice_s=report.slice_s,
            cpu_s=self.cpu_s,
        )

    @cached_property
    def histograms(self) -> Mapping[str, Histogram]:
        """Of the requests that were due in the slices."""
        return {
            name: Histogram.of(latency.read_hdr(self.folder / f"{name}.hdr")) for name in _NAMES
        }

    @property
    def unrecorded(self) -> dict[str, int]:
        """Against the rows of its samples."""
        rows = self.report.samples.rows
        kept = dict.fromkeys(_NAMES, rows) | {"service": rows - self.report.censored.unsent}
        return {name: kept[name] - self.histograms[name].total for name in _NAMES}

    def silence(self, readings: TrialReadings, course: Callable[[], Course]) -> Silence:
        """By the samples: between slices no request is due."""
        del readings, course
        _, due, end, operation, status = self._columns()
        gap = silence.waiting_for_answers(due, end, status != 0)
        connections = self.report.spec.connections
        allowed_s = max(
            silence.allowed_s(latency.read_hdr(self.folder / "service.hdr"), connections),
            silence.USUAL
            * silence.slowest_usual_s(operation.astype(np.uint16), end - due, connections),
        )
        return silence.Silence(gap.seconds, gap.begins_s, allowed_s, "by the client's samples")

    def contradictions(self, trial: Trial, *, faults: bool) -> Iterator[Contradiction]:
        """Between the report, the samples and the histograms, slice by slice."""
        del faults
        report = self.report
        errors = report.errors.by_kind
        if errors and trial.record.status != "failed":
            yield Contradiction("trial-status", self.mark, f"requests failed: {errors}")
        for what in chain(in_itself(report), _of_arrivals(report)):
            yield Contradiction("generator-mismatch", self.mark, what)
        if (self.folder / _SAMPLES).exists():
            counted = count_samples(self.folder / _SAMPLES, report.window.seconds)
            yield from by_samples(self.folder, report, counted)
            for what in self._of_slices():
                yield Contradiction("samples-mismatch", self.mark, what)

    def _columns(self) -> list[Integers]:
        names = ["round", "intended_ns", "end_ns", "operation", "status"]
        table = tables.read(self.folder / _SAMPLES, columns=names)
        return [table.column(name).to_numpy().astype(np.int64) for name in names]

    def _of_slices(self) -> Iterator[str]:
        """Hold each slice against its samples."""
        report = self.report
        turn, due, end, _, status = self._columns()
        known = np.isin(turn, [each.round for each in report.slices])
        if not known.all():
            yield f"{quantity(int((~known).sum()), 'sample')} of no round"
        order = np.argsort(turn, kind="stable")
        turn, due, end, status = turn[order], due[order], end[order], status[order]
        begin = report.window.start_ns
        for each in report.slices:
            first, stop = np.searchsorted(turn, [each.round, each.round + 1])
            own = slice(first, stop)
            answered = int((status[own] != 0).sum())
            if answered != each.answers:
                told = quantity(each.answers, "answer")
                yield f"round {each.round}: {told}, the samples give {answered}"
            if len(due[own]) and not (
                each.start_ns <= begin + due[own].min()
                and begin + due[own].max() < each.stop_ns
                and begin + end[own].max() <= each.drained_ns
            ):
                yield f"round {each.round}: requests were due, or ended, outside of the turn"


def _of_arrivals(report: OpenSwitchback) -> Iterator[str]:
    """What the report says of arrivals that cannot be so, whatever the samples say."""
    told, slices = report.open_loop, report.slices
    sums = (sum(each.planned for each in slices), sum(each.answers for each in slices))
    if (told.planned, told.answered) != sums:
        yield f"{told.answered} of {told.planned} arrivals answered, the slices have {sums}"
    counted = sum(count for by_status in report.answers.values() for count in by_status.values())
    if counted != told.answered:
        yield f"{counted} answers by operation and status, {told.answered} in the slices"
    for each in slices:
        yield from (f"round {each.round}: {what}" for what in _in_turn(each))


def _in_turn(each: Slice) -> Iterator[str]:
    if each.planned < each.answers:
        yield f"{quantity(each.answers, 'answer')} to {quantity(each.planned, 'arrival')}"
    if not each.asked_ns <= each.start_ns or not each.read_from_ns < each.read_until_ns:
        yield f"asked at {each.asked_ns}, read from {each.read_from_ns} to {each.read_until_ns} ns"


OUTPUT = _OpenSwitchback
