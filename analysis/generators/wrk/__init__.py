"""What wrk left: its text and its dump, which must agree."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from msgspec import structs

from analysis.generators.base import (
    CLOSED,
    Contradiction,
    GeneratorFigures,
    Output,
    littles_contradictions,
)
from analysis.generators.wrk import dump
from analysis.generators.wrk.text import WrkOutputError
from bundle import outside
from bundle.generators.wrk import Wrk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.documents.readings import Window
    from bundle.read import Trial

# What verification calls the problems; the others mean that requests failed.
CODES = {
    "empty-output": "generator-unreadable",
    "malformed-output": "generator-unreadable",
    "text-json-mismatch": "generator-mismatch",
    "sum": "generator-mismatch",
    "negative-bins": "generator-mismatch",
}


class _Wrk(Output):
    name: ClassVar[str] = "wrk"
    mark: ClassVar[str] = "wrk.stdout.txt"
    flaws: ClassVar[frozenset[str]] = frozenset({*CODES, "table-exhausted"})
    tells_timeouts: ClassVar[bool] = True
    tells_opened: ClassVar[bool] = True
    is_closed = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        # The dump's counters without its histogram, which is large to keep; None if unreadable.
        self._counters: Wrk | None = None
        with suppress(FileNotFoundError, WrkOutputError):
            whole = dump.parse_dump(outside.bytes_of(folder / Wrk.PATH))
            self._counters = structs.replace(whole, latency_us=())
            self.timeouts = whole.errors.timeout

    @property
    def _reading(self) -> dump.Reading:
        file = self.folder / Wrk.PATH
        text = outside.text_of(self.folder / self.mark)
        return dump.read(text, outside.bytes_of(file) if file.exists() else None)

    @property
    def figures(self) -> GeneratorFigures:
        """Without the samples that wrk added."""
        reading = self._reading
        if reading.dump is None or reading.recovered is None:
            return GeneratorFigures(
                requests=0, errors=0, window_s=0.0, bins=(), kind=CLOSED, problems=reading.problems
            )
        return GeneratorFigures(
            requests=reading.dump.requests,
            errors=reading.dump.errors.total,
            window_s=reading.dump.duration_us / 1e6,
            bins=reading.recovered.bins,
            kind=CLOSED,
            littles_ratio=reading.littles_ratio,
            connections=reading.dump.connections_opened,
            span_ns=reading.dump.span_ns,
            problems=reading.problems,
        )

    def edge(self, window: Window | None) -> float | None:
        """What its threads did before its clock began."""
        if window is None or self._counters is None:
            return None
        return dump.head_start(window, self._counters.duration_us / 1e6)

    @property
    def reached(self) -> float | None:
        """By the dump alone."""
        return self._counters.throughput if self._counters and self._counters.duration_us else None

    def contradictions(self, trial: Trial, *, faults: bool) -> Iterator[Contradiction]:
        """Between text and dump, and within the dump."""
        failed, reading = trial.record.status == "failed", self._reading
        for problem in reading.problems:
            code = CODES.get(problem.code, "trial-status")
            lacking = code in ("generator-unreadable", "trial-status")
            meant = (failed and lacking) or (faults and code == "trial-status")
            if not meant:
                yield Contradiction(code, Wrk.PATH, problem.what)
        if reading.littles_ratio is not None and reading.dump:
            edge = self.edge(trial.record.readings.window)
            if edge is None:
                raise ValueError("trial.json lacks the window")
            yield from littles_contradictions(reading.littles_ratio, edge, Wrk.PATH)


OUTPUT = _Wrk
