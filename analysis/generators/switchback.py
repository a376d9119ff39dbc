"""What the asyncio client left of a subject that it drove in slices: they must agree."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from analysis import latency, silence
from analysis.generators.base import (
    CLOSED,
    LITTLES_BAND,
    Contradiction,
    GeneratorFigures,
    Problem,
    littles_contradictions,
    littles_law,
)
from analysis.generators.client import busiest
from analysis.generators.slices import SlicedOutput, in_itself
from analysis.latency import Histogram
from analysis.rounding import brief
from bundle import tables, typed
from bundle.display import quantity
from bundle.generators.switchback import Switchback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from analysis.resources import Course
    from analysis.silence import Silence
    from bundle.documents.readings import TrialReadings, Window
    from bundle.generators.slices import Slice
    from bundle.read import Trial

    type Integers = NDArray[np.int64]

SAMPLES: Final = "samples.parquet"
HISTOGRAM: Final = "service.hdr"
_COLUMNS = ["round", "sent_ns", "end_ns", "operation", "status"]
_NS = 1e9
_INSTANT_S = 1e-6  # microseconds of binary fractions
_ROUNDING = 1e-9  # of binary fractions


@dataclass(frozen=True, kw_only=True)
class SliceSamples:
    """The samples of one subject, instants from the start of the block's window.

    Samples of a round that the report lacks are left out and counted.
    """

    of_slice: Integers  #: index of each row's slice
    sent_ns: Integers
    end_ns: Integers
    operation: Integers
    status: Integers
    start_ns: Integers  #: of each slice
    stop_ns: Integers  #: of each slice
    astray: int  #: rows that belong to no slice

    @classmethod
    def read(cls, folder: Path, report: Switchback) -> SliceSamples:
        """Read them from the folder of a trial.

        Raises:
            OSError: the table is missing or damaged.
        """
        table = tables.read(folder / SAMPLES, columns=_COLUMNS)
        turn, sent, end, operation, status = (
            table.column(name).to_numpy().astype(np.int64) for name in _COLUMNS
        )
        begin = report.window.start_ns
        start, stop = (
            np.array([getattr(each, end) - begin for each in report.slices], np.int64)
            for end in ("start_ns", "stop_ns")
        )
        rounds, first = np.unique([each.round for each in report.slices], return_index=True)
        at = np.searchsorted(rounds, turn)
        known = at < len(rounds)
        known[known] = rounds[at[known]] == turn[known]
        return cls(
            of_slice=first[at[known]],
            sent_ns=sent[known],
            end_ns=end[known],
            operation=operation[known],
            status=status[known],
            start_ns=start,
            stop_ns=stop,
            astray=int((~known).sum()),
        )

    @property
    def by_slice(self) -> list[Integers]:
        """The indices of each slice's rows."""
        if not len(self.start_ns):
            return []
        order = np.argsort(self.of_slice, kind="stable")
        ends = np.searchsorted(self.of_slice[order], np.arange(1, len(self.start_ns)))
        return np.split(order, ends)


class _Switchback(SlicedOutput):
    name: ClassVar[str] = "the switching client"
    mark: ClassVar[str] = Switchback.PATH
    report: Switchback

    def __init__(self, folder: Path) -> None:
        report = typed.read(folder, Switchback)
        super().__init__(folder, report)
        self.timeouts = report.errors.timeout
        self.refused = report.errors.total
        self.answers = report.answers
        self.bodies = report.bodies.digests

    @property
    def figures(self) -> GeneratorFigures:
        """Of all slices together."""
        report = self.report
        bins = latency.read_hdr(self.folder / HISTOGRAM)
        requests = sum(each.answers for each in report.slices)
        failed, ratio, mean_us = report.errors.by_kind, None, latency.mean(bins)
        if mean_us and report.seconds:
            rate = requests / report.seconds
            ratio = littles_law(rate, mean_us / 1e6, report.spec.connections)
        broken = Problem("request-errors", f"requests failed: {failed}")
        return GeneratorFigures(
            requests=requests,
            errors=report.errors.total,
            window_s=report.seconds,
            bins=bins,
            kind=CLOSED,
            littles_ratio=ratio,
            connections=report.spec.connections,
            span_ns=self.span_ns,
            problems=(broken,) if failed else (),
            slice_s=report.slice_s,
            cpu_s=self.cpu_s,
        )

    def edge(self, window: Window | None) -> float:
        """Requests under way when a slice begins count in whole, those when it ends not at all."""
        del window
        report = self.report
        answers = sum(each.answers for each in report.slices)
        usual = report.spec.connections * len(report.slices) / max(1, answers)
        due_ns = report.spec.connections * report.seconds * _NS
        if not (due_ns and (self.folder / SAMPLES).exists()):
            return usual
        # A slow one waits for longer than a mean latency.
        rows = self.rows
        before = np.maximum(rows.start_ns[rows.of_slice] - rows.sent_ns, 0).sum()
        return max(usual, float(before) / due_ns)

    @cached_property
    def rows(self) -> SliceSamples:
        """Its samples."""
        return SliceSamples.read(self.folder, self.report)

    @cached_property
    def histograms(self) -> Mapping[str, Histogram]:
        """Of the answers in the slices."""
        return {"service": Histogram.of(latency.read_hdr(self.folder / HISTOGRAM))}

    @property
    def unrecorded(self) -> dict[str, int]:
        """Against the rows of its samples."""
        return {"service": self.report.samples.rows - self.histograms["service"].total}

    def busiest(self, cpus: int) -> float | None:
        """In the slices of this subject; where that was not read, over the window of the block."""
        if self.cpu_s["load"] is not None:
            return super().busiest(cpus)
        return busiest([self.report.process.cpu_s], self.report.window.seconds, cpus)

    def silence(self, readings: TrialReadings, course: Callable[[], Course]) -> Silence:
        """By the samples, within slices."""
        del readings, course
        rows, connections = self.rows, self.report.spec.connections
        gap = silence.within_slices(rows.of_slice, rows.end_ns, rows.start_ns, rows.stop_ns)
        waited = rows.end_ns - rows.sent_ns
        allowed_s = max(
            silence.allowed_s(latency.read_hdr(self.folder / HISTOGRAM), connections),
            silence.USUAL
            * silence.slowest_usual_s(rows.operation.astype(np.uint16), waited, connections),
        )
        return silence.Silence(gap.seconds, gap.begins_s, allowed_s, "by the client's samples")

    def contradictions(self, trial: Trial, *, faults: bool) -> Iterator[Contradiction]:
        """Between the report, the samples and the histogram, slice by slice."""
        report = self.report
        errors = report.errors.by_kind
        if errors and not (trial.record.status == "failed" or faults):
            yield Contradiction("trial-status", self.mark, f"requests failed: {errors}")
        for what in chain(in_itself(report), _of_answers(report)):
            yield Contradiction("generator-mismatch", self.mark, what)
        recorded = latency.total(latency.read_hdr(self.folder / HISTOGRAM))
        if (told := report.histograms["service"].total) != recorded:
            what = f"{told} values in {HISTOGRAM}, which has {recorded}"
            yield Contradiction("generator-mismatch", self.mark, what)
        if (self.folder / SAMPLES).exists():
            yield from _by_samples(self.folder, report, self.rows)
            # Those asked for before a slice make up for those that are answered after it.
            waited_s = int((self.rows.end_ns - self.rows.sent_ns).sum()) / _NS
            due_s = report.seconds * report.spec.connections
            if due_s and waited_s < LITTLES_BAND[0] * due_s:
                yield from littles_contradictions(waited_s / due_s, 0.0, self.mark)


def _of_answers(report: Switchback) -> Iterator[str]:
    """What the report says of answers that cannot be so, whatever the samples say."""
    counted = sum(count for by_status in report.answers.values() for count in by_status.values())
    if counted != (answers := sum(each.answers for each in report.slices)):
        yield f"{counted} answers by operation and status, {answers} in the slices"
    for each in report.slices:
        if each.seconds < report.slice_s - _INSTANT_S:
            least = f"a slice lasts {report.slice_s} s at least"
            yield f"round {each.round}: {each.seconds} s where {least}"
        if not each.answers:
            yield f"round {each.round}: a slice ends with an answer, and has none"


def _by_samples(folder: Path, report: Switchback, rows: SliceSamples) -> Iterator[Contradiction]:
    """Hold slices, answers and histogram against the samples."""

    def wrong(file: str, what: str) -> Contradiction:
        return Contradiction("samples-mismatch", file, what)

    if rows.astray:
        yield wrong(Switchback.PATH, f"{quantity(rows.astray, 'sample')} of no round")
    for each, own in zip(report.slices, rows.by_slice, strict=True):
        for code, what in _of_slice(each, report.spec.connections, rows, own):
            yield Contradiction(code, Switchback.PATH, f"round {each.round}: {what}")
    answers: dict[str, dict[str, int]] = {name: {} for name in report.operations}
    pairs = np.stack([rows.operation, rows.status])
    for (operation, status), count in zip(*_counted(pairs), strict=True):
        answers[report.operations[operation]][str(status)] = count
    if report.answers != answers:
        yield wrong(Switchback.PATH, f"answers: {report.answers}, not {answers}")
    waited_us = (rows.end_ns - rows.sent_ns) // 1000
    values, counts = np.unique(waited_us, return_counts=True)
    durations = dict(zip(values.tolist(), counts.tolist(), strict=True))
    if not latency.is_filled_by(folder / HISTOGRAM, durations):
        yield wrong(HISTOGRAM, "the samples fill the histogram in another way")


def _of_slice(
    each: Slice, connections: int, rows: SliceSamples, own: Integers
) -> Iterator[tuple[str, str]]:
    """Hold one slice against its samples; yields codes, each with what is wrong."""
    sent, end = rows.sent_ns[own], rows.end_ns[own]
    if len(end) != each.answers:
        yield "samples-mismatch", f"{quantity(each.answers, 'answer')}, the samples give {len(end)}"
    if not len(end):
        return
    index = rows.of_slice[own][0]
    start, stop = int(rows.start_ns[index]), int(rows.stop_ns[index])
    if not (start < end.min() and end.max() == stop):
        what = f"answers from {end.min()} to {end.max()} ns in a slice from {start} to {stop} ns"
        yield "samples-mismatch", what
    if (sent > end).any():
        yield "samples-mismatch", "an answer came before its request was sent"
    waiting = int((end - np.maximum(sent, start)).sum()) / max(1, stop - start)
    if waiting > connections * (1 + _ROUNDING):
        what = f"{brief(waiting)} requests waited at a time, on {connections} connections"
        yield "littles-law", what


def _counted(columns: Integers) -> tuple[list[list[int]], list[int]]:
    """The distinct columns, ascending, and how often each is there."""
    distinct, counts = np.unique(columns, axis=1, return_counts=True)
    return distinct.T.tolist(), counts.tolist()


OUTPUT = _Switchback
