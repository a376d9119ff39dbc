"""Trials of load that switches between services, made from a model of a closed loop."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from heapq import heapify, heapreplace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from bundle.codec import serialise
from bundle.generators.client import Bodies, HistogramFile, Lag, Samples, Window
from bundle.generators.slices import Slice
from bundle.generators.switchback import Process, Spec, Switchback
from tests.generators import NO_ERRORS, NS
from workloads.load.client.histograms import Histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_REST_NS = 1_000_000


@dataclass
class Block:
    """A block of subjects that answer at known rates.

    Attributes:
        rates: answers per second by subject.
        speed: what a subject's rate is multiplied by in a round, after another subject.
        readings: more fields of a slice, by subject and round.
    """

    rates: Mapping[str, float]
    count: int = 8
    slice_s: float = 0.1
    connections: int = 4
    seed: int = 1
    begin_s: float = 1000.0
    speed: Callable[..., float] = lambda *_, **__: 1.0
    readings: Callable[[str, int], Mapping[str, Any]] = lambda _subject, _round: {}
    reports: dict[str, Switchback] = field(default_factory=dict, init=False)

    def write(self, folder: Path) -> dict[str, Path]:
        """Write each subject's trial into a folder of its name."""
        draw, now, after = random.Random(self.seed), round(self.begin_s * NS), None
        slices: dict[str, list[Slice]] = {name: [] for name in self.rates}
        rows: dict[str, list[tuple[int, int, int]]] = {name: [] for name in self.rates}
        drained = dict.fromkeys(self.rates, now - NS // 10)
        for number in range(1, self.count + 1):
            # A round begins with the subject that ended the one before.
            first = [] if after is None else [after]
            others = [name for name in self.rates if name != after]
            names = first + draw.sample(others, len(others))
            for position, name in enumerate(names, start=1):
                each_ns = NS / self.rates[name] / self.speed(name, number, after=after)
                asked = now + _REST_NS
                start, stop, end, answers = _slice(
                    draw, asked, each_ns, self.connections, self.slice_s
                )
                rows[name] += [(number, *answer) for answer in answers]
                length = stop - start
                given = {
                    "service_ns": length,
                    "database_ns": length // 2,
                    "load_ns": length // 4,
                    "delay_ns": 0,
                    "steal_ns": 0,
                    "foreign_ns": 0,
                    "rested_ns": asked - drained[name],
                    "rest_ns": 0,
                }
                slices[name].append(
                    Slice(
                        round=number,
                        position=position,
                        after=after,
                        start_ns=start,
                        stop_ns=stop,
                        answers=len(answers),
                        drained_ns=end,
                        **(given | self.readings(name, number)),
                    )
                )
                drained[name], now, after = end, end, name
        every = [each for several in slices.values() for each in several]
        window = _window(min(each.start_ns for each in every), max(each.stop_ns for each in every))
        folders = {}
        for name in self.rates:
            folders[name] = folder / name
            folders[name].mkdir(parents=True)
            self.reports[name] = self._write(folders[name], name, window, slices[name], rows[name])
        return folders

    def _write(
        self,
        folder: Path,
        name: str,
        window: Window,
        slices: list[Slice],
        rows: list[tuple[int, int, int]],
    ) -> Switchback:
        histogram = Histogram()
        histogram.add([end - sent for _, sent, end in rows])
        (folder / "service.hdr").write_bytes(histogram.encode())
        write_samples(
            folder, [(n, sent - window.start_ns, end - window.start_ns) for n, sent, end in rows]
        )
        lag = Lag(median=None, max=None)
        report = Switchback(
            schema="switchback/1",
            spec=Spec(
                subject=name,
                subjects=list(self.rates),
                host="127.0.0.1",
                port=8080,
                connections=self.connections,
                warmup_s=0.1,
                duration_s=self.count * self.slice_s,
                slice_s=self.slice_s,
                seed=self.seed,
                table="requests.tsv",
                repeatable=True,
                timeout_s=10.0,
                hash_fraction=0.0,
            ),
            measured=True,
            failure=None,
            window=window,
            slice_s=self.slice_s,
            set_s=self.connections / min(self.rates.values()),
            slices=slices,
            errors=NO_ERRORS,
            warmup_errors={},
            failed=0,
            answers={"read-user": {"200": len(rows)}},
            operations=["read-user"],
            samples=Samples(file="samples.bin", rows=len(rows), columns=[], bytes=28 * len(rows)),
            bodies=Bodies(hashed=0, unlisted=0, digests={}),
            histograms={"service": HistogramFile(file="service.hdr", total=histogram.total)},
            process=Process(pid=1, cpu_s=window.seconds / 4, peak_rss_bytes=1, loop_lag_ms=lag),
            unread={},
        )
        (folder / report.PATH).write_bytes(serialise(report))
        return report


def _slice(
    draw: random.Random, asked: int, each_ns: float, connections: int, slice_s: float
) -> tuple[int, int, int, list[tuple[int, int]]]:
    """One server that answers the connections in turn: start, stop, drained, and the answers."""
    sent, now, answers = [asked] * connections, float(asked), []
    heapify(sent)
    start = stop = None
    while stop is None:
        now += each_ns * draw.uniform(0.5, 1.5)
        end = round(now)
        answers.append((sent[0], end))
        heapreplace(sent, end)
        if len(answers) == connections:
            start = end
        elif start is not None and end - start >= slice_s * NS:
            stop = end
    drained = round(now + (connections - 1) * each_ns)
    return start, stop, drained, [each for each in answers if start < each[1]]


def _window(start_ns: int, stop_ns: int) -> Window:
    return Window(
        start_ns=start_ns,
        stop_ns=stop_ns,
        start_utc="2026-11-23T03:15:00Z",
        stop_utc="2026-11-23T03:15:01Z",
        seconds=(stop_ns - start_ns) / NS,
    )


def write_samples(folder: Path, rows: list[tuple[int, int, int]]) -> None:
    """Write rows of round, sent and end, each answered with status 200."""
    number, sent, end = map(list, zip(*rows, strict=True))
    columns = {
        "round": pa.array(number, pa.int64()),
        "sent_ns": pa.array(sent, pa.int64()),
        "end_ns": pa.array(end, pa.int64()),
        "operation": pa.array([0] * len(rows), pa.uint16()),
        "status": pa.array([200] * len(rows), pa.uint16()),
    }
    pq.write_table(pa.table(columns), folder / "samples.parquet", write_page_checksum=True)
