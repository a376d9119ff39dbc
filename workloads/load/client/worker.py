"""One generator process: measures one window, then writes its samples and sums them up.

It talks with its parent over a pipe: it sends None when every connection is open; receives the
``Window``; sends the number of its samples; receives its first row in the file and the rows of
all; sends its ``Summary``. Wherever it sends, it may send a ``LoadError`` instead, and end.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from contextlib import closing
from typing import TYPE_CHECKING

import uvloop

from workloads.load.client import arrivals, rows
from workloads.load.client.closed import ClosedLoop
from workloads.load.client.failure import LoadError, unwritable
from workloads.load.client.open import OpenLoop
from workloads.load.client.process import die_with_parent, peak_rss_bytes
from workloads.load.client.sample_file import Writer
from workloads.load.client.summary import Summary, Tally

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator
    from multiprocessing.connection import Connection as Pipe
    from pathlib import Path

    from bundle.generators.client import Spec
    from workloads.load.client.driver import Driver, Window
    from workloads.load.client.rows import Row


def work(spec: Spec, folder: Path, index: int, pipe: Pipe, parent: int) -> None:
    """Be generator process ``index``; return when everything is written and told."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # the parent held it back
    die_with_parent(signal.SIGKILL, parent)
    if spec.cpus is not None:
        os.sched_setaffinity(0, {spec.cpus[index]})
    gc.disable()  # nothing here makes cycles, and a pause would pass for the service's
    try:
        _work(spec, folder, index, pipe)
    except LoadError as failure:
        pipe.send(failure)
    except OSError as refused:
        pipe.send(unwritable(refused, folder))


def _work(spec: Spec, folder: Path, index: int, pipe: Pipe) -> None:
    table = rows.load(spec, index)
    due = _arrivals(spec, index)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        driver, window = runner.run(_measure(spec, index, table.rows, due, pipe))
    start, stop = window.start, driver.stopped
    summary = Summary(
        pid=os.getpid(),
        operations=table.operations,
        expected=table.expected,
        failure=driver.failure,
        stopped=stop,
        answered=driver.samples.answered_between(start, stop),
        planned=None if due is None else sum(start <= window.begin + at < stop for at in due),
        failed=driver.failed,
        errors=driver.errors,
        warmup_errors=driver.warmup_errors,
        bodies=driver.bodies.as_dict(),
        cpu_s=driver.cpu_s,
        lags_ns=driver.lags_ns,
    )
    _write(driver, start, summary, folder, pipe)
    summary.peak_rss_bytes = peak_rss_bytes()
    pipe.send(summary)


def _arrivals(spec: Spec, index: int) -> array[int] | None:
    if spec.rate is None:
        return None
    return arrivals.draw(
        spec.arrivals,
        rate=spec.rate,
        seconds=spec.warmup_s + spec.duration_s,
        seed=spec.seed,
        process=index,
        processes=spec.processes,
    )


async def _measure(
    spec: Spec, index: int, table: Iterator[Row], due: array[int] | None, pipe: Pipe
) -> tuple[Driver, Window]:
    driver = ClosedLoop(spec, table) if due is None else OpenLoop(spec, table, due)
    await driver.open(len(range(index, spec.connections, spec.processes)))
    gc.freeze()
    pipe.send(None)
    window: Window = pipe.recv()
    await driver.run(window)
    return driver, window


def _write(driver: Driver, start: int, summary: Summary, folder: Path, pipe: Pipe) -> None:
    samples = driver.samples
    samples.close()
    pipe.send(samples.due_between(start, summary.stopped))
    first_row, all_rows = pipe.recv()
    tally = Tally(open_loop=summary.planned is not None)
    with closing(Writer(folder, first_row=first_row, rows=all_rows)) as writer:
        for chunk in samples.chunks(start, summary.stopped):
            writer.write(chunk)
            tally.add(chunk)
    tally.into(summary)
