"""What both loops share: the window, what counts in it, the end."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from asyncio import FIRST_COMPLETED
from collections import Counter
from dataclasses import dataclass
from time import monotonic_ns
from typing import TYPE_CHECKING

from workloads.load.client.connections import NS, ConnectionSet, noticed, tick
from workloads.load.client.failure import LoadError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.generators.client import Spec
    from workloads.load.client.connection import Connection
    from workloads.load.client.rows import Row


@dataclass(frozen=True, slots=True)
class Window:
    """The instants of a load, in monotonic nanoseconds."""

    begin: int
    start: int
    stop: int
    deadline: int

    @classmethod
    def of(cls, spec: Spec, begin: int) -> Window:
        """Lay out the window of a spec from the instant its load begins."""
        start = begin + round(spec.warmup_s * NS)
        stop = start + round(spec.duration_s * NS)
        return cls(begin, start, stop, stop + round(spec.timeout_s * NS))


class Driver(ConnectionSet):
    """Drives the connections of one process through one window.

    ``errors`` holds what happens inside the window and after it, ``warmup_errors`` what was before.

    Attributes:
        failure: why the window ended early; None if it did not.
        stopped: when it ended, in monotonic nanoseconds.
        cpu_s: CPU seconds of this process inside the window.
        lags_ns: how late the event loop was at each tick; see `tick`.
    """

    def __init__(self, spec: Spec, rows: Iterator[Row]) -> None:
        super().__init__(spec, rows, f"{spec.host}:{spec.port}")
        self.failure: LoadError | None = None
        self.stopped = 0
        self.cpu_s = 0.0
        self.lags_ns: list[int] = []
        self._begun = self._stopping = False
        loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = loop.create_future()
        self._drained: asyncio.Future[None] = loop.create_future()

    @abstractmethod
    def begin(self) -> None:
        """Start to send."""

    @abstractmethod
    def stop(self) -> None:
        """Send nothing that is not already due."""

    @abstractmethod
    def waiting(self) -> list[tuple[int, int]]:
        """Take what is due but not sent: intended instant and operation of each."""

    @property
    @abstractmethod
    def pending(self) -> bool:
        """Whether something is due or under way."""

    async def run(self, window: Window) -> None:
        """Load the service from the beginning of the warm-up to the last awaited answer."""
        self._window = window
        asyncio.get_running_loop().set_exception_handler(
            lambda _loop, context: self.fault(noticed(context))
        )
        self.spawn(tick(self.watch, self.lags_ns))
        await self._until(window.begin)
        self._begun = True
        self.begin()
        await self._until(window.start)
        self.samples.forget_before(window.start)
        self.warmup_errors, self.errors = self.errors, Counter()
        cpu_s = time.process_time()
        await self._until(window.stop)
        self.cpu_s = time.process_time() - cpu_s
        self.stopped = min(monotonic_ns(), window.stop)
        self._stopping = True
        self.stop()
        if not self._over.done():
            self.settle()
            await self._wait(window.deadline, self._drained)
        self.expire(monotonic_ns())
        self._censor(min(monotonic_ns(), window.deadline))
        await self.close()

    def count(self, kind: str, connection: Connection) -> None:
        """Count an error that took a connection, and the answer of the request under way."""
        self.errors[kind] += 1
        if connection.sent and self._window.start <= connection.intended < self._window.stop:
            self.failed += 1

    def join(self, connection: Connection) -> None:
        """Send on a connection that replaces a lost one, if the load has begun."""
        if self._begun:
            self.free(connection, monotonic_ns())

    def settle(self) -> None:
        """Notice that the last answer after the window is in."""
        if self._stopping and not self._drained.done() and not self.pending:
            self._drained.set_result(None)

    def end(self, failure: LoadError | None = None) -> None:
        """End the window early, for a reason or because all requests are done."""
        if not self._over.done():
            self.failure = failure
            self._over.set_result(None)

    def exhausted(self) -> None:
        """End the window because the table is used up and may not be repeated."""
        self.end(
            LoadError(
                "table-exhausted",
                "the request table was used up before the window ended",
                where=self._spec.table,
                hint="draw a longer table: its requests may not be repeated",
            )
        )

    def expired(self, connection: Connection, instant: int) -> None:
        """Keep a request that was given up as one without an answer."""
        self.samples.censor(connection.intended, connection.sent, instant, connection.operation)

    def _censor(self, instant: int) -> None:
        for connection in self._connections:
            if connection.sent:
                # One that a late process sent only after the instant was still waiting at it.
                connection.sent = min(connection.sent, instant)
                self.expired(connection, instant)
                connection.sent = 0
        for intended, operation in self.waiting():
            self.samples.censor(intended, instant, instant, operation)

    async def _until(self, instant: int) -> None:
        await self._wait(instant, self._over)

    async def _wait(self, instant: int, ended: asyncio.Future[None]) -> None:
        # The loop's timers have a resolution of 1 ms and may fire early.
        while (left := instant - monotonic_ns()) > 0 and not (ended.done() or self._over.done()):
            await asyncio.wait({ended, self._over}, timeout=left / NS, return_when=FIRST_COMPLETED)
