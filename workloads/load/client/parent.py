"""The parent of the generator processes: one begin for all, one summary from each."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from host import signals
from workloads.load.client import sample_file
from workloads.load.client.connections import NS
from workloads.load.client.driver import Window
from workloads.load.client.failure import LoadError
from workloads.load.client.process import pin
from workloads.load.client.worker import work

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection as Pipe
    from multiprocessing.context import ForkProcess
    from pathlib import Path

    from bundle.generators.client import Spec
    from workloads.load.client.summary import Summary

_HEADSTART_NS = NS // 50  # for the begin to reach every process


def measure(spec: Spec, folder: Path) -> tuple[Window, list[Summary]]:
    """Measure one window with all generator processes; their samples lie in ``folder`` then.

    Raises:
        LoadError: no window was measured at all. One that ended early is no exception: the
            summaries say so.
    """
    if spec.cpus is not None:
        pin(spec.cpus)
    with _workers(spec, folder) as workers:
        _receive(workers)
        window = Window.of(spec, _begin(spec))
        for each in workers:
            each.send(window)
        rows = _receive(workers)
        sample_file.create(folder, sum(rows))
        for index, each in enumerate(workers):
            each.send((sum(rows[:index]), sum(rows)))
        return window, _receive(workers)


def _begin(spec: Spec) -> int:
    now = time.monotonic_ns()
    if spec.start_at is None:
        return now + _HEADSTART_NS
    begin = now + round(spec.start_at * NS) - time.time_ns()
    if begin < now:
        raise LoadError(
            "late",
            f"the load was to begin {(now - begin) / NS:.3f} s ago",
            where=f"{spec.host}:{spec.port}",
            hint="set start_at later: processes and connections must be ready by then",
        )
    return begin


class _Worker:
    def __init__(self, spec: Spec, folder: Path, index: int) -> None:
        # Forking is safe, for the parent has no threads, and spares the imports.
        context = multiprocessing.get_context("fork")
        self.pipe: Pipe
        self.pipe, theirs = context.Pipe()
        self.process: ForkProcess = context.Process(
            target=work, args=(spec, folder, index, theirs, os.getpid())
        )
        self.process.start()
        theirs.close()

    def send(self, message: object) -> None:
        try:
            self.pipe.send(message)
        except BrokenPipeError:
            self.receive()

    def receive(self) -> Any:  # noqa: ANN401 - the protocol is in worker.py
        """Return what the process sent; raise LoadError if it sent that or died."""
        try:
            message = self.pipe.recv()
        except EOFError:
            self.process.join()
            raise LoadError(
                "worker-died",
                f"a generator process ended with {self.process.exitcode}",
                where=f"process {self.process.pid}",
                hint="see its traceback above, or the kernel's log for a kill",
            ) from None
        if isinstance(message, LoadError):
            raise message
        return message


def _receive(workers: list[_Worker]) -> list[Any]:
    """Return one message of each, in the order of the workers; the first failure ends it."""
    by_pipe = {each.pipe: each for each in workers}
    messages = {}
    while by_pipe:
        for pipe in wait(by_pipe):
            worker = by_pipe.pop(pipe)  # type: ignore[call-overload] # only pipes were given
            messages[worker] = worker.receive()
    return [messages[each] for each in workers]


@contextmanager
def _workers(spec: Spec, folder: Path) -> Iterator[list[_Worker]]:
    workers: list[_Worker] = []
    try:
        with signals.held(signal.SIGTERM):
            for index in range(spec.processes):
                workers.append(_Worker(spec, folder, index))  # noqa: PERF401 - to end those started
        yield workers
        for each in workers:
            each.process.join()
    finally:
        for each in workers:
            each.process.kill()
            each.process.join()
