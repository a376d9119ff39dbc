"""Do the files that a trial's generator left agree with each other?

Part of level L2 of `ormlab verify`. What a trial says twice must be the same twice: wrk's text and
its dump, the client's samples and its counts and histograms. A closed loop obeys Little's law.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from hdrh.histogram import HdrHistogram

from analysis import latency, wrk
from bundle import outside, tables, typed
from bundle.documents.generators import Client, HistogramName

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from bundle.read import Trial

_COLUMNS = ("intended_ns", "sent_ns", "end_ns", "operation", "status")
# What wrk's problems are called here; the others mean that requests failed.
_CODES = {
    "empty-output": "generator-unreadable",
    "malformed-output": "generator-unreadable",
    "text-json-mismatch": "generator-mismatch",
    "sum": "generator-mismatch",
    "negative-bins": "generator-mismatch",
}
_NS = 1e9
_ROUNDING = 1e-9  # of binary fractions


class Contradiction(NamedTuple):
    """Something that cannot be so.

    Attributes:
        code: a key of `bundle.codes.CODES`.
        file: name in the trial's folder.
        what: one clause.
    """

    code: str
    file: str
    what: str


def check(trial: Trial, *, faults: bool = False) -> Iterator[Contradiction]:
    """Look at the generator's files of one trial; a failed one may lack any of them.

    Args:
        trial: of a bundle.
        faults: whether its load ends connections on purpose, so that requests fail.
    """
    failed = trial.record.status == "failed"
    try:
        if (trial.path / "wrk.stdout.txt").exists():
            found = list(_wrk(trial, failed=failed, faults=faults))
        elif (trial.path / "client.json").exists():
            found = list(_client(trial.path, failed=failed, faults=faults))
        else:
            found = []
    except Exception as wrong:  # noqa: BLE001 - whatever a stranger's files make the readers raise
        if failed:
            return
        found = [Contradiction("generator-unreadable", "trial.json", repr(wrong)[:200])]
    yield from found


def _wrk(trial: Trial, *, failed: bool, faults: bool) -> Iterator[Contradiction]:
    folder = trial.path
    dump = folder / "wrk.json"
    text = outside.text_of(folder / "wrk.stdout.txt")
    reading = wrk.read(text, outside.bytes_of(dump) if dump.exists() else None)
    for problem in reading.problems:
        code = _CODES.get(problem.code, "trial-status")
        lacking = code in ("generator-unreadable", "trial-status")
        meant = (failed and lacking) or (faults and code == "trial-status")
        if not meant:
            yield Contradiction(code, "wrk.json", problem.what)
    if reading.littles_ratio is not None and reading.dump:
        window = trial.record.readings.window
        if window is None:
            raise ValueError("trial.json lacks the window")
        edge = wrk.head_start(window, reading.dump.duration_us / 1e6)
        yield from _littles_law(reading.littles_ratio, edge, "wrk.json")


def _client(folder: Path, *, failed: bool, faults: bool) -> Iterator[Contradiction]:
    told = typed.read(folder, Client)
    errors = told.errors.by_kind
    if errors and not (failed or faults):
        yield Contradiction("trial-status", "client.json", f"requests failed: {errors}")
    seconds, in_window, throughput = told.window.seconds, told.requests_in_window, told.throughput
    if seconds and (throughput is None or not _close(throughput, in_window / seconds)):
        what = f"throughput {throughput}, but {in_window} requests in {seconds} s"
        yield Contradiction("generator-mismatch", "client.json", what)
    overrun = 0.0
    if (folder / "samples.parquet").exists():
        counted = _count(folder / "samples.parquet", seconds)
        yield from _samples(folder, told, counted)
        mean_us = latency.mean(tuple(counted.durations_us["service"].items()))
        overrun = max(0.0, counted.last_ns / _NS / seconds - 1) if seconds else 0.0
    else:
        mean_us = latency.mean(latency.read_hdr(folder / "service.hdr"))
    if told.loop.kind == "closed" and mean_us and in_window:
        ratio = wrk.littles_law(in_window / seconds, mean_us / 1e6, told.spec.connections)
        # Samples are the requests sent in the window. On every connection the last of them may end
        # after it, at the latest with the last of all, and one more may have ended inside.
        edge = (1 + told.spec.connections / in_window) * (1 + overrun) - 1
        yield from _littles_law(ratio, edge, "client.json")


def _close(said: float, due: float) -> bool:
    return abs(said - due) <= _ROUNDING * said


def _littles_law(ratio: float, edge: float, file: str) -> Iterator[Contradiction]:
    """A loop that is less busy than its connections is a doubt; one that is busier, a lie."""
    for problem in wrk.littles_problems(ratio, edge=edge):
        low = ratio < wrk.LITTLES_BAND[0]
        yield Contradiction("littles-law-low" if low else "littles-law", file, problem.what)


def _samples(folder: Path, told: Client, counted: _Counted) -> Iterator[Contradiction]:
    """Hold the counts against the samples, and fill the histograms again from them."""
    answers: dict[str, dict[str, int]] = {name: {} for name in told.operations}
    for (operation, status), count in sorted(counted.answers.items()):
        if status:
            answers[told.operations[operation]][str(status)] = count
    if told.answers != answers:
        what = f"answers: {told.answers}, not {answers}"
        yield Contradiction("samples-mismatch", "client.json", what)
    said, here = (told.censored.total, told.censored.unsent), (counted.censored, counted.unsent)
    if said != here:
        what = f"without an answer, and never sent: {said}, not {here}"
        yield Contradiction("samples-mismatch", "client.json", what)
    if told.loop.kind == "closed":
        # Each connection may bring in the answer to one request that was sent before the window.
        most = counted.inside + told.spec.connections
        if not counted.inside <= told.requests_in_window <= most:
            what = f"{told.requests_in_window} in the window, the samples give {counted.inside}"
            yield Contradiction("samples-mismatch", "client.json", what)
    for name, durations in counted.durations_us.items():
        path = folder / f"{name}.hdr"
        if path.exists() and not _same(path, durations):
            what = "the samples fill the histogram in another way"
            yield Contradiction("samples-mismatch", path.name, what)


class _Counted:
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


def _count(path: Path, seconds: float) -> _Counted:
    counted = _Counted()
    with tables.opened(path) as table:
        for group in range(table.num_row_groups):
            rows = table.read_row_group(group, columns=list(_COLUMNS))
            columns = {name: rows.column(name).to_numpy() for name in _COLUMNS}
            _add(counted, columns, seconds)
    return counted


def _add(counted: _Counted, rows: dict[str, NDArray[np.int64]], seconds: float) -> None:
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


def _same(path: Path, durations: Counter[int]) -> bool:
    """Whether durations fill a histogram as the one in a file is filled."""
    told = latency.histogram_of(outside.bytes_of(path), where=path.name)
    again = HdrHistogram(
        told.lowest_trackable_value, told.highest_trackable_value, told.significant_figures
    )
    for value, count in durations.items():
        again.record_value(value, count)
    return bool(told.encode() == again.encode())
