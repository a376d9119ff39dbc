"""``open_switchback.json``, ``samples.bin`` and the histograms of each subject.

The samples are the requests that were due in the slices. Within a slice they stand in order of
their end, those without an answer last. Columns are those of the client's file, and the round;
instants count from the start of the report's window.
"""

from __future__ import annotations

import time
from array import array
from collections import Counter
from operator import add, sub
from typing import TYPE_CHECKING, Literal

import msgspec

from bundle.documents.failure import Failure
from bundle.generators.client import Bodies, Censored, Errors, HistogramFile, OpenLoop, Window
from bundle.generators.open_switchback import OpenSwitchback, Slice, Spec
from bundle.storage import write_file
from workloads.load.client import sample_file
from workloads.load.client.histograms import Histogram
from workloads.load.client.report import ERRORS, span
from workloads.load.switchback.course import described

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bundle.generators.client import HistogramName
    from workloads.load.open_switchback.block import (
        OpenDriven,
        OpenSettings,
        OpenSwitched,
        OpenTurn,
    )
    from workloads.load.switchback.course import Visit

COLUMNS: Mapping[str, Literal["int64", "uint16"]] = {
    "round": "uint16",
    "intended_ns": "int64",
    "sent_ns": "int64",
    "end_ns": "int64",
    "operation": "uint16",
    "status": "uint16",
}


def write(settings: OpenSettings, block: OpenSwitched, folder: Path) -> None:
    """Write the files of every subject, its report last.

    Raises:
        OSError: a file cannot be written.
    """
    window = _window(block)
    for driven in block.driven:
        _write(settings, block, driven, folder / driven.target.folder, window=window)


def _write(
    settings: OpenSettings, block: OpenSwitched, driven: OpenDriven, folder: Path, *, window: Window
) -> None:
    rows = _Rows(driven, window.start_ns)
    histograms = dict(rows.histograms())
    write_file(folder / sample_file.FILE, b"".join(each.tobytes() for each in rows.columns))
    for name, histogram in histograms.items():
        write_file(folder / f"{name}.hdr", histogram.encode())
    table, unread = driven.table, dict[str, str]()
    report = OpenSwitchback(
        schema="open-switchback/1",
        spec=settings.told(driven.target, Spec),
        measured=block.failure is None,
        failure=Failure(**block.failure.as_dict()) if block.failure else None,
        window=window,
        slice_s=settings.slice_s,
        set_s=None,
        slices=[_slice(each, unread) for each in driven.visits],
        unread=unread,
        read_on=settings.read_on,
        errors=Errors(
            **{kind: driven.errors[kind] for kind in ERRORS},
            status=sum(
                count
                for (index, code), count in rows.answers.items()
                if code not in (0, table.expected[table.operations[index]])
            ),
        ),
        warmup_errors=dict(driven.warmup_errors),
        failed=driven.failed,
        censored=Censored(total=rows.censored, unsent=rows.unsent),
        open_loop=_open_loop(driven, rows),
        answers={
            name: {
                str(code): rows.answers[at, code]
                for at, code in sorted(rows.answers)
                if at == index and code
            }
            for index, name in enumerate(table.operations)
        },
        operations=table.operations,
        samples=sample_file.describe(len(rows.status), COLUMNS),
        bodies=msgspec.convert(driven.bodies.as_dict(), Bodies),
        histograms={
            name: HistogramFile(file=f"{name}.hdr", total=each.total)
            for name, each in histograms.items()
        },
    )
    data = msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"
    write_file(folder / OpenSwitchback.PATH, data)


class _Rows:
    """The samples of a subject, column by column."""

    def __init__(self, driven: OpenDriven, origin: int) -> None:
        self.round, self.operation, self.status = array("H"), array("H"), array("H")
        self.intended, self.sent, self.end = array("q"), array("q"), array("q")
        for visit in driven.visits:
            shift = visit.turn.window.start - origin
            for chunk in visit.turn.chunks:
                self.round.extend([visit.place.round] * len(chunk.status))
                self.operation.extend(chunk.operation)
                self.status.extend(chunk.status)
                for column, values in (
                    (self.intended, chunk.intended_ns),
                    (self.sent, chunk.sent_ns),
                    (self.end, chunk.end_ns),
                ):
                    column.extend(map(add, values, [shift] * len(values)))
        self.answers = Counter(zip(self.operation, self.status, strict=True))
        self.censored = self.status.count(0)
        self.unsent = sum(not was for was in self._were_sent())

    @property
    def columns(self) -> tuple[array[int], ...]:
        """As ``COLUMNS`` names them."""
        return self.round, self.intended, self.sent, self.end, self.operation, self.status

    def histograms(self) -> Iterator[tuple[HistogramName, Histogram]]:
        """Of response, service and dispatch; what was never sent has no service time."""
        service = map(sub, self.end, self.sent)
        kept = (ns for ns, was in zip(service, self._were_sent(), strict=True) if was)
        yield "response", _histogram(map(sub, self.end, self.intended))
        yield "service", _histogram(kept)
        yield "dispatch", _histogram(map(sub, self.sent, self.intended))

    def _were_sent(self) -> Iterator[bool]:
        rows = zip(self.status, self.sent, self.end, strict=True)
        return (bool(status) or sent != end for status, sent, end in rows)


def _histogram(values_ns: Iterator[int]) -> Histogram:
    histogram = Histogram()
    histogram.add(values_ns)
    return histogram


def _window(block: OpenSwitched) -> Window:
    windows = [each.turn.window for driven in block.driven for each in driven.visits]
    now = time.monotonic_ns()
    return span(
        min((each.start for each in windows), default=now),
        max((each.stop for each in windows), default=now),
    )


def _open_loop(driven: OpenDriven, rows: _Rows) -> OpenLoop:
    planned = sum(each.turn.planned for each in driven.visits)
    answered = len(rows.status) - rows.censored
    accounted = len(rows.status) + driven.failed
    return OpenLoop(
        planned=planned,
        sent=accounted - rows.unsent,
        answered=answered,
        achieved=answered / planned if planned else None,
        dropped=planned - accounted,
    )


def _slice(visit: Visit[OpenTurn], unread: dict[str, str]) -> Slice:
    turn = visit.turn
    return described(
        Slice,
        visit,
        unread,
        start_ns=turn.window.start,
        stop_ns=turn.window.stop,
        answers=turn.answers,
        drained_ns=turn.drained,
        asked_ns=turn.asked,
        read_from_ns=turn.first.at,
        read_until_ns=turn.last.at,
        planned=turn.planned,
    )
