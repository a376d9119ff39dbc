"""What the asyncio client left: its report, raw samples and histograms, which must agree."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from analysis import latency, silence
from analysis.generators.base import (
    CLOSED,
    OPEN,
    Contradiction,
    GeneratorFigures,
    Output,
    Problem,
    Sampled,
    littles_contradictions,
    littles_law,
)
from analysis.latency import Histogram
from bundle import tables, typed
from bundle.generators.client import Client, HistogramName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from analysis.resources import Course
    from analysis.silence import Silence
    from bundle.documents.readings import TrialReadings, Window
    from bundle.generators.open_switchback import OpenSwitchback
    from bundle.read import Trial

_SAMPLES = "samples.parquet"
_COLUMNS = ("intended_ns", "sent_ns", "end_ns", "operation", "status")
_NS = 1e9
_ROUNDING = 1e-9  # of binary fractions


class _Client(Output):
    name: ClassVar[str] = "the client"
    mark: ClassVar[str] = Client.PATH
    tells_timeouts: ClassVar[bool] = True
    tells_cpu: ClassVar[bool] = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        report = self._report = typed.read(folder, Client)
        spec, self._is_open = report.spec, report.loop.kind == "open"
        self.is_closed = not self._is_open
        self.timeouts = report.errors.timeout
        self.refused = report.errors.total
        self.arrivals = report.open_loop
        self.censored = report.censored.total
        self.answers = report.answers
        self.bodies = report.bodies.digests
        # Without a warm-up, the first request of each connection is sent without an answer.
        unasked = 0 if spec.warmup_s else spec.connections
        self.sampled = Sampled(report.window.seconds, self._is_open, unasked)

    @property
    def figures(self) -> GeneratorFigures:
        """With the response times of an open loop, and the service times of a closed one."""
        report = self._report
        bins = latency.read_hdr(self.folder / ("response.hdr" if self._is_open else "service.hdr"))
        failed, ratio, mean_us = report.errors.by_kind, None, latency.mean(bins)
        if self.is_closed and mean_us and report.throughput:
            ratio = littles_law(report.throughput, mean_us / 1e6, report.spec.connections)
        broken = Problem("request-errors", f"requests failed: {failed}")
        return GeneratorFigures(
            requests=report.requests_in_window,
            errors=report.errors.total,
            window_s=report.window.seconds,
            bins=bins,
            kind=OPEN if self._is_open else CLOSED,
            littles_ratio=ratio,
            connections=report.spec.connections,
            span_ns=report.window.span_ns,
            problems=(broken,) if failed else (),
        )

    def edge(self, window: Window | None) -> float:
        """Its samples are the requests sent in the window, some of which end after it."""
        del window
        report = self._report
        # An answer in the window may be to a request before it, one on each connection.
        more = report.spec.connections / max(1, report.requests_in_window)
        return (1 + more) * (1 + self._overhang) - 1

    @property
    def _overhang(self) -> float:
        """How long requests of the window waited after its end, of what its connections waited."""
        stop_ns = self._report.window.seconds * _NS
        if not (stop_ns and (self.folder / _SAMPLES).exists()):
            return 0.0
        end = tables.read(self.folder / _SAMPLES, columns=["end_ns"]).column("end_ns").to_numpy()
        return float(np.maximum(end - stop_ns, 0).sum()) / (self._report.spec.connections * stop_ns)

    @property
    def reached(self) -> float | None:
        """By its report."""
        return self._report.throughput

    @cached_property
    def histograms(self) -> Mapping[str, Histogram]:
        """Those that its report names."""
        return {
            name: Histogram.of(latency.read_hdr(self.folder / f"{name}.hdr"))
            for name in self._report.histograms
        }

    @property
    def unrecorded(self) -> dict[str, int]:
        """Against the rows of its samples."""
        rows = self._report.samples.rows
        kept = {"service": rows - self._report.censored.unsent}
        if self.arrivals is not None:
            kept |= {"response": rows, "dispatch": rows}
        return {name: rows - self.histograms[name].total for name, rows in kept.items()}

    def busiest(self, cpus: int) -> float | None:
        """Of its processes."""
        used = [process.cpu_s for process in self._report.processes]
        return busiest(used, self._report.window.seconds, cpus)

    def silence(self, readings: TrialReadings, course: Callable[[], Course]) -> Silence:
        """By the samples, which say when each answer came."""
        del readings, course
        names = ["intended_ns", "end_ns", "status", "operation"]
        table = tables.read(self.folder / _SAMPLES, columns=names)
        due, end, status, operation = (table.column(name).to_numpy() for name in names)
        if self._is_open:
            gap = silence.waiting_for_answers(due, end, status != 0)
        else:
            stop_ns = round(self._report.window.seconds * _NS)
            gap = silence.without_answers(due, end, status != 0, stop_ns)
        connections = self._report.spec.connections
        allowed_s = max(
            silence.allowed_s(latency.read_hdr(self.folder / "service.hdr"), connections),
            silence.USUAL * silence.slowest_usual_s(operation, end - due, connections),
        )
        return silence.Silence(gap.seconds, gap.begins_s, allowed_s, "by the client's samples")

    def contradictions(self, trial: Trial, *, faults: bool) -> Iterator[Contradiction]:
        """Between the report, the samples and the histograms."""
        told, folder = self._report, self.folder
        errors = told.errors.by_kind
        if errors and not (trial.record.status == "failed" or faults):
            yield Contradiction("trial-status", Client.PATH, f"requests failed: {errors}")
        seconds, in_window, throughput = (
            told.window.seconds,
            told.requests_in_window,
            told.throughput,
        )
        if seconds and (throughput is None or not _close(throughput, in_window / seconds)):
            what = f"throughput {throughput}, but {in_window} requests in {seconds} s"
            yield Contradiction("generator-mismatch", Client.PATH, what)
        overrun = 0.0
        if (folder / _SAMPLES).exists():
            counted = count_samples(folder / _SAMPLES, seconds)
            yield from by_samples(folder, told, counted)
            if self.is_closed:
                yield from _in_window(told, counted)
            mean_us = latency.mean(tuple(counted.durations_us["service"].items()))
            overrun = max(0.0, counted.last_ns / _NS / seconds - 1) if seconds else 0.0
        else:
            mean_us = latency.mean(latency.read_hdr(folder / "service.hdr"))
        if self.is_closed and mean_us and in_window:
            ratio = littles_law(in_window / seconds, mean_us / 1e6, told.spec.connections)
            # On every connection the last request of the window may end after it, at the latest
            # with the last of all, and one more may have ended inside.
            edge = (1 + told.spec.connections / in_window) * (1 + overrun) - 1
            yield from littles_contradictions(ratio, edge, Client.PATH)


def busiest(used_s: Sequence[float], seconds: float, cpus: int) -> float | None:
    """CPU time of the busiest process, or of the CPUs that all of them share, in percent."""
    if not (seconds and used_s and cpus):
        return None
    shared = sum(used_s) / min(len(used_s), cpus)
    return 100 * max(*used_s, shared) / seconds


def _close(said: float, due: float) -> bool:
    return abs(said - due) <= _ROUNDING * said


def by_samples(
    folder: Path, told: Client | OpenSwitchback, counted: Counted
) -> Iterator[Contradiction]:
    """Hold the counts against the samples, and fill the histograms again from them."""
    answers: dict[str, dict[str, int]] = {name: {} for name in told.operations}
    for (operation, status), count in sorted(counted.answers.items()):
        if status:
            answers[told.operations[operation]][str(status)] = count
    if told.answers != answers:
        what = f"answers: {told.answers}, not {answers}"
        yield Contradiction("samples-mismatch", told.PATH, what)
    said, here = (told.censored.total, told.censored.unsent), (counted.censored, counted.unsent)
    if said != here:
        what = f"without an answer, and never sent: {said}, not {here}"
        yield Contradiction("samples-mismatch", told.PATH, what)
    for name, durations in counted.durations_us.items():
        path = folder / f"{name}.hdr"
        if path.exists() and not latency.is_filled_by(path, durations):
            what = "the samples fill the histogram in another way"
            yield Contradiction("samples-mismatch", path.name, what)


def _in_window(told: Client, counted: Counted) -> Iterator[Contradiction]:
    # Each connection may bring in the answer to one request that was sent before the window.
    most = counted.inside + told.spec.connections
    if not counted.inside <= told.requests_in_window <= most:
        what = f"{told.requests_in_window} in the window, the samples give {counted.inside}"
        yield Contradiction("samples-mismatch", Client.PATH, what)


class Counted:
    """What the samples of a trial add up to.

    Attributes:
        answers: rows by operation index and status; status 0 is no answer.
        censored: rows without an answer.
        unsent: those of them that were never sent.
        inside: answers that came in before the window's end.
        last_ns: when the last request that was sent ended, from the window's beginning.
        durations_us: whole microseconds and count by histogram.
    """

    def __init__(self) -> None:
        self.answers: Counter[tuple[int, int]] = Counter()
        self.censored = 0
        self.unsent = 0
        self.inside = 0
        self.last_ns = 0
        self.durations_us: dict[HistogramName, Counter[int]] = {
            "service": Counter(),
            "response": Counter(),
            "dispatch": Counter(),
        }


def count_samples(path: Path, seconds: float) -> Counted:
    """Add up the samples of a window of so many seconds."""
    counted = Counted()
    with tables.opened(path) as table:
        for group in range(table.num_row_groups):
            rows = table.read_row_group(group, columns=list(_COLUMNS))
            columns = {name: rows.column(name).to_numpy() for name in _COLUMNS}
            _add(counted, columns, seconds)
    return counted


def _add(counted: Counted, rows: dict[str, NDArray[np.int64]], seconds: float) -> None:
    intended, sent, end, operation, status = (rows[name] for name in _COLUMNS)
    pairs, counts = np.unique(np.stack([operation, status]), axis=1, return_counts=True)
    for (kind, code), count in zip(pairs.T.tolist(), counts.tolist(), strict=True):
        counted.answers[kind, code] += count
    answered = status != 0
    was_sent = answered | (end != sent)
    counted.censored += int((~answered).sum())
    counted.unsent += int((~was_sent).sum())
    counted.inside += int((answered & (end < seconds * _NS)).sum())
    counted.last_ns = max(counted.last_ns, int(end[was_sent].max(initial=0)))
    durations: dict[HistogramName, NDArray[np.int64]] = {
        "service": (end - sent)[was_sent],
        "response": end - intended,
        "dispatch": sent - intended,
    }
    for name, each in durations.items():
        values, numbers = np.unique(each // 1000, return_counts=True)
        counted.durations_us[name].update(dict(zip(values.tolist(), numbers.tolist(), strict=True)))


OUTPUT = _Client
