"""``client.json`` and the histogram files: what the client says about its window."""

from __future__ import annotations

import json
import statistics
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from bundle.generators import client as documents
from workloads.load.client import sample_file
from workloads.load.client.bodies import Bodies
from workloads.load.client.connections import NS
from workloads.load.client.failure import LoadError
from workloads.load.client.histograms import HIGHEST_US, Histogram
from workloads.load.client.process import peak_rss_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bundle.generators.client import Spec
    from workloads.load.client.driver import Window
    from workloads.load.client.summary import Summary

FILE = "client.json"
SCHEMA = "client/1"
ERRORS = ("connect", "read", "timeout", "parse")
_MEANING = {
    "closed": "a request is due when it is sent, so response time is service time by definition, "
    "there is no dispatch delay, and a stall shows in one request of each connection only",
    "open": "response time counts from the instant a request was due, service time from when it "
    "was sent; dispatch delay is the difference",
}


def write(spec: Spec, window: Window, parts: list[Summary], folder: Path) -> LoadError | None:
    """Write the histograms and last ``client.json``; return why the window does not count, if so.

    Raises:
        OSError: a file cannot be written.
    """
    histograms = {name: Histogram() for name in parts[0].histograms}
    for name, histogram in histograms.items():
        for part in parts:
            histogram.merge(part.histograms[name])
        (folder / f"{name}.hdr").write_bytes(histogram.encode())
    failure = _failure(parts, folder)
    report = {
        "schema": SCHEMA,
        "spec": to_builtins(spec),
        "measured": failure is None,
        "failure": failure.as_dict() if failure else None,
        **_figures(spec, window, parts),
        "histograms": {
            name: {"file": f"{name}.hdr", "total": histogram.total}
            for name, histogram in histograms.items()
        },
        "processes": [_process(each) for each in parts],
        "peak_rss_bytes": peak_rss_bytes() + sum(each.peak_rss_bytes for each in parts),
    }
    unfinished = folder / f"{FILE}.tmp"
    unfinished.write_text(json.dumps(report, indent=1) + "\n")
    unfinished.replace(folder / FILE)
    return failure


def _failure(parts: list[Summary], folder: Path) -> LoadError | None:
    early = [each.failure for each in parts if each.failure]
    refused = sum(each.refused for each in parts)
    if not early and refused:
        return LoadError(
            "histogram-range",
            f"{refused} latencies lie outside 0 to {HIGHEST_US // 1_000_000} s",
            where=str(folder),
            hint="shorten the trial or the time-out",
        )
    return early[0] if early else None


def _figures(spec: Spec, window: Window, parts: list[Summary]) -> dict[str, Any]:
    stop = max(each.stopped for each in parts)
    seconds = max(0, stop - window.start) / NS
    answers = _total(each.answers for each in parts)
    rows = answers.total()
    in_window = sum(each.answered for each in parts)
    bodies = Bodies()
    for each in parts:
        bodies.merge(each.bodies)
    return {
        "window": to_builtins(span(window.start, stop)),
        "loop": {"kind": spec.loop, "meaning": _MEANING[spec.loop]},
        "requests_in_window": in_window,
        "throughput": in_window / seconds if seconds else None,
        "completed": sum(count for (_, status), count in answers.items() if status),
        "censored": {
            "total": sum(count for (_, status), count in answers.items() if not status),
            "unsent": sum(each.unsent for each in parts),
        },
        "failed": sum(each.failed for each in parts),
        "errors": _errors(parts, answers),
        "warmup_errors": dict(_total(each.warmup_errors for each in parts)),
        "answers": _by_operation(parts[0].operations, answers),
        "open_loop": _open_loop(parts, rows, in_window),
        "operations": parts[0].operations,
        "samples": to_builtins(sample_file.describe(rows)),
        "bodies": bodies.as_dict(),
    }


def _total[T](counters: Iterable[Counter[T]]) -> Counter[T]:
    return sum(counters, Counter())


def span(start: int, stop: int) -> documents.Window:
    """Return a window between two instants of the monotonic clock as documents have it."""
    now, now_ns = datetime.now(UTC), time.monotonic_ns()

    def utc(instant: int) -> str:
        at = now - timedelta(microseconds=(now_ns - instant) / 1000)
        return at.isoformat(timespec="microseconds").replace("+00:00", "Z")

    return documents.Window(
        start_ns=start,
        stop_ns=stop,
        start_utc=utc(start),
        stop_utc=utc(stop),
        seconds=max(0, stop - start) / NS,
    )


def _errors(parts: list[Summary], answers: Counter[tuple[int, int]]) -> dict[str, int]:
    counted = _total(each.errors for each in parts)
    operations, expected = parts[0].operations, parts[0].expected
    wrong = sum(
        count
        for (operation, status), count in answers.items()
        if status not in (0, expected[operations[operation]])
    )
    return {**{kind: counted[kind] for kind in ERRORS}, "status": wrong}


def _by_operation(
    operations: list[str], answers: Counter[tuple[int, int]]
) -> dict[str, dict[str, int]]:
    table: dict[str, dict[str, int]] = {name: {} for name in operations}
    for (operation, status), count in sorted(answers.items()):
        if status:
            table[operations[operation]][str(status)] = count
    return table


def _open_loop(parts: list[Summary], rows: int, in_window: int) -> dict[str, Any] | None:
    planned = sum(each.planned or 0 for each in parts)
    if parts[0].planned is None:
        return None
    accounted = rows + sum(each.failed for each in parts)
    return {
        "planned": planned,
        "sent": accounted - sum(each.unsent for each in parts),
        "answered": in_window,
        "achieved": in_window / planned if planned else None,
        "dropped": planned - accounted,
    }


def _process(part: Summary) -> dict[str, Any]:
    lags_ms = [each / 1e6 for each in part.lags_ns]
    return {
        "pid": part.pid,
        "requests_in_window": part.answered,
        "samples": part.answers.total(),
        "cpu_s": part.cpu_s,
        "peak_rss_bytes": part.peak_rss_bytes,
        "loop_lag_ms": {
            "median": statistics.median(lags_ms) if lags_ms else None,
            "max": max(lags_ms, default=None),
        },
    }
