"""``switchback.json``, ``samples.bin`` and ``service.hdr`` of each subject.

The samples are the answers of the slices, in order of their end: a slice has those after the answer
that begins it, up to and with the one that ends it. Columns stand as in the client's file;
``sent_ns`` and ``end_ns`` count from the start of the report's window, and what was sent before the
first slice began has a ``sent_ns`` below 0.
"""

from __future__ import annotations

import os
import statistics
import time
from array import array
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from bundle.documents.failure import Failure
from bundle.generators.client import Bodies, Errors, HistogramFile, Lag, Window
from bundle.generators.slices import Slice
from bundle.generators.switchback import Process, Spec, Switchback
from bundle.storage import write_file
from workloads.load.client import sample_file
from workloads.load.client.histograms import Histogram
from workloads.load.client.process import peak_rss_bytes
from workloads.load.client.report import ERRORS, span
from workloads.load.switchback.course import described

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Literal

    from workloads.load.switchback.block import Driven, Switched
    from workloads.load.switchback.spec import BlockSpec

HISTOGRAM = "service.hdr"
_COLUMNS: Mapping[str, Literal["int64", "uint16"]] = {
    "round": "uint16",
    "sent_ns": "int64",
    "end_ns": "int64",
    "operation": "uint16",
    "status": "uint16",
}


def write(settings: BlockSpec, block: Switched, folder: Path) -> None:
    """Write the files of every subject, its report last.

    Raises:
        OSError: a file cannot be written.
    """
    window = _window(block)
    process = _process(block)
    for driven in block.driven:
        own = folder / driven.target.folder
        _write(settings, block, driven, own, window=window, process=process)


def _write(
    settings: BlockSpec,
    block: Switched,
    driven: Driven,
    folder: Path,
    *,
    window: Window,
    process: Process,
) -> None:
    subject, table = driven.subject, driven.table
    columns, service = _samples(driven, window.start_ns)
    histogram = Histogram()
    histogram.add(service)
    write_file(folder / sample_file.FILE, b"".join(each.tobytes() for each in columns))
    write_file(folder / HISTOGRAM, histogram.encode())
    _, _, ends, operation, status = columns
    answers = Counter(zip(operation, status, strict=True))
    unread: dict[str, str] = {}
    report = Switchback(
        schema="switchback/1",
        spec=settings.told(driven.target, Spec),
        measured=block.failure is None,
        failure=Failure(**block.failure.as_dict()) if block.failure else None,
        window=window,
        slice_s=block.slice_s,
        set_s=block.set_s,
        slices=[
            described(
                Slice,
                each,
                unread,
                start_ns=each.turn.start.at,
                stop_ns=each.turn.stop.at,
                answers=each.turn.answers,
                drained_ns=each.turn.drained,
            )
            for each in driven.visits
        ],
        errors=Errors(
            **{kind: subject.errors[kind] for kind in ERRORS},
            status=sum(
                count
                for (index, code), count in answers.items()
                if code != table.expected[table.operations[index]]
            ),
        ),
        warmup_errors=dict(subject.warmup_errors),
        failed=subject.failed,
        answers={
            name: {str(code): answers[at, code] for at, code in sorted(answers) if at == index}
            for index, name in enumerate(table.operations)
        },
        operations=table.operations,
        samples=sample_file.describe(len(ends), _COLUMNS),
        bodies=msgspec.convert(subject.bodies.as_dict(), Bodies),
        histograms={"service": HistogramFile(file=HISTOGRAM, total=histogram.total)},
        process=process,
        unread=unread,
        read_on=settings.read_on,
    )
    write_file(
        folder / Switchback.PATH, msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"
    )


def _window(block: Switched) -> Window:
    turns = block.turns
    now = time.monotonic_ns()
    start, stop = (turns[0].start.at, turns[-1].stop.at) if turns else (now, now)
    return span(start, stop)


def _process(block: Switched) -> Process:
    turns = block.turns
    cpu_ns = turns[-1].stop.reading.load - turns[0].start.reading.load if turns else 0
    lags_ms = [each / 1e6 for each in block.lags_ns]
    return Process(
        pid=os.getpid(),
        cpu_s=cpu_ns / 1e9,
        peak_rss_bytes=peak_rss_bytes(),
        loop_lag_ms=Lag(
            median=statistics.median(lags_ms) if lags_ms else None, max=max(lags_ms, default=None)
        ),
    )


def _samples(driven: Driven, origin: int) -> tuple[tuple[array[int], ...], list[int]]:
    """Return the columns, and the service time of each answer."""
    columns = tuple(array("H" if kind == "uint16" else "q") for kind in _COLUMNS.values())
    number, sent_ns, end_ns, operations, statuses = columns
    service: list[int] = []
    for visit in driven.visits:
        for _, sent, end, operation, status in driven.subject.samples.rows(*visit.turn.rows):
            number.append(visit.place.round)
            sent_ns.append(sent - origin)
            end_ns.append(end - origin)
            operations.append(operation)
            statuses.append(status)
            service.append(end - sent)
    return columns, service
