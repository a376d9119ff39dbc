"""What wrk left of a subject that it drove in slices: a report of each run, without its text."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, ClassVar

from msgspec import structs

from analysis import latency, silence
from analysis.generators.base import (
    CLOSED,
    Contradiction,
    GeneratorFigures,
    littles_contradictions,
    littles_law,
)
from analysis.generators.client import busiest
from analysis.generators.slices import SlicedOutput, in_itself
from analysis.generators.wrk import CODES, dump
from bundle import typed
from bundle.generators.wrk_switchback import WrkSwitchback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from analysis.generators.wrk.dump import Recovered
    from analysis.resources import Course
    from analysis.silence import Silence
    from bundle.documents.readings import TrialReadings, Window
    from bundle.generators.wrk_switchback import Slice
    from bundle.read import Trial

_NS = 1e9
_SLEWED = 1e-3  # wrk reads the wall clock; the kernel corrects it by 500 millionths at most


class _WrkSwitchback(SlicedOutput):
    name: ClassVar[str] = "wrk in slices"
    mark: ClassVar[str] = WrkSwitchback.PATH
    flaws: ClassVar[frozenset[str]] = frozenset({*CODES, "table-exhausted"})
    tells_opened: ClassVar[bool] = True
    report: WrkSwitchback

    def __init__(self, folder: Path) -> None:
        # Without the histograms, which are large to keep.
        told = self._whole(folder)
        light = [
            structs.replace(each, wrk=structs.replace(each.wrk, latency_us=()))
            for each in told.slices
        ]
        super().__init__(folder, structs.replace(told, slices=light))
        self.timeouts = sum(each.wrk.errors.timeout for each in light)
        self.refused = sum(each.wrk.errors.total for each in light)

    @property
    def figures(self) -> GeneratorFigures:
        """Of all slices together, without the samples that wrk added."""
        report = self._whole(self.folder)
        recovered = dump.recover_each([each.wrk for each in report.slices])
        bins = _merged(recovered)
        problems = [
            problem
            for each, found in zip(report.slices, recovered, strict=True)
            for problem in (*dump.failures(each.wrk), *found.problems)
        ]
        return GeneratorFigures(
            requests=sum(each.answers for each in report.slices),
            errors=sum(each.wrk.errors.total for each in report.slices),
            window_s=report.seconds,
            bins=bins,
            kind=CLOSED,
            littles_ratio=_littles_ratio(report, bins),
            connections=min((each.wrk.connections_opened for each in report.slices), default=None),
            span_ns=self.span_ns,
            problems=tuple(problems),
            slice_s=report.slice_s,
            cpu_s=self.cpu_s,
        )

    def edge(self, window: Window | None) -> float:
        """What wrk's threads did before its clock began, in all runs."""
        del window
        measured_s = _measured_s(self.report)
        ran_s = sum(each.ran_s for each in self.report.slices)
        return max(0.0, ran_s / measured_s - 1) if measured_s else 0.0

    def busiest(self, cpus: int) -> float | None:
        """In the slices of this subject, thread by thread."""
        used_s, threads = self.cpu_s["load"], self.report.spec.threads
        read_s = sum(each.read_s for each in self.report.slices)
        return None if used_s is None else busiest([used_s / threads] * threads, read_s, cpus)

    def silence(self, readings: TrialReadings, course: Callable[[], Course]) -> Silence | None:
        """By the CPU time of service and wrk, within slices."""
        window = silence.watched(readings)
        seen = course() if window else None
        if window is None or seen is None or not (seen.looks["service"] and seen.looks["load"]):
            return None
        looks = seen.together("service", "load")
        longest, begins_s, telling_s = 0.0, 0.0, silence.LEAST_S
        for each in self.report.slices:
            gap, telling = silence.idle(looks.within((each.start_ns, each.stop_ns)), each.start_ns)
            if gap.seconds > longest:
                longest, telling_s = gap.seconds, telling
                begins_s = gap.begins_s + (each.start_ns - window.started_ns) / _NS
        figures = self.figures
        allowed_s = max(silence.allowed_s(figures.bins, figures.connections), telling_s)
        return silence.Silence(longest, begins_s, allowed_s, "by the CPU time of service and wrk")

    def contradictions(self, trial: Trial, *, faults: bool) -> Iterator[Contradiction]:
        """Between the slices, what wrk says of them, and its histograms."""
        del faults
        report, figures = self._whole(self.folder), self.figures
        for what in chain(in_itself(report), *(_of_run(each, report) for each in report.slices)):
            yield Contradiction("generator-mismatch", self.mark, what)
        for problem in figures.problems:
            code = CODES.get(problem.code, "trial-status")
            if not (code == "trial-status" and trial.record.status == "failed"):
                yield Contradiction(code, self.mark, problem.what)
        if figures.littles_ratio is not None:
            yield from littles_contradictions(figures.littles_ratio, self.edge(None), self.mark)

    @staticmethod
    def _whole(folder: Path) -> WrkSwitchback:
        return typed.read(folder, WrkSwitchback)


def _merged(recovered: list[Recovered]) -> latency.Bins:
    counts: Counter[int] = Counter()
    for each in recovered:
        counts.update(dict(each.bins))
    return tuple(sorted(counts.items()))


def _measured_s(report: WrkSwitchback) -> float:
    """By wrk's clock, which runs while connections are opened."""
    return sum(each.wrk.duration_us for each in report.slices) / 1e6


def _littles_ratio(report: WrkSwitchback, bins: latency.Bins) -> float | None:
    mean_us, measured_s = latency.mean(bins), _measured_s(report)
    if not (mean_us and measured_s and report.spec.connections):
        return None
    rate = sum(each.wrk.requests for each in report.slices) / measured_s
    return littles_law(rate, mean_us / 1e6, report.spec.connections)


def _of_run(each: Slice, report: WrkSwitchback) -> Iterator[str]:
    """What a slice says that its run of wrk denies."""
    told, spec = each.wrk, report.spec
    asked = (spec.threads, spec.connections)
    if (told.threads, told.connections) != asked:
        what = f"{told.threads} threads and {told.connections} connections, not {asked}"
        yield f"round {each.round}: {what}"
    begun, first = told.begun_ns or each.asked_ns, told.first_answer_ns
    stop = begun + 1000 * told.duration_us
    answers = told.requests - (first is not None)
    if (each.start_ns, each.stop_ns, each.answers) != (first or begun, stop, answers):
        what = f"{answers} answers from {first or begun} to {stop} ns by wrk"
        yield (
            f"round {each.round}: {each.answers} from {each.start_ns} to {each.stop_ns} ns, {what}"
        )
    if not each.asked_ns <= begun <= each.start_ns <= each.ended_ns <= each.drained_ns:
        yield f"round {each.round}: wrk ran from {each.asked_ns} to {each.ended_ns} ns"
    first_ns, last_ns = each.read_ns
    if not each.asked_ns <= first_ns < last_ns <= each.ended_ns:
        yield f"round {each.round}: read from {first_ns} to {last_ns} ns"
    if told.duration_us < 1e6 * report.slice_s * (1 - _SLEWED):
        yield f"round {each.round}: {told.duration_us} us where a slice lasts {report.slice_s} s"


OUTPUT = _WrkSwitchback
