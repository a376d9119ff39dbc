"""What both loops share: connections and their replacement, the window, time-outs, the end."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from asyncio import FIRST_COMPLETED
from collections import Counter
from dataclasses import dataclass
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from workloads.load.client.bodies import Bodies
from workloads.load.client.connection import Connection
from workloads.load.client.failure import LoadError
from workloads.load.client.samples import Samples

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from bundle.generators.client import Spec
    from workloads.load.client.rows import Row

NS = 1_000_000_000
_TICK_NS = NS // 10
_RETRY_S = 0.1
_GONE_NS = NS  # so long without any connection: the service is gone


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


class Driver(ABC):
    """Drives the connections of one process through one window.

    Attributes:
        samples: what was measured.
        bodies: digests of sampled bodies.
        errors: by kind (connect, read, timeout, parse), inside the window and after it.
        warmup_errors: the same before it.
        failed: requests due in the window whose answer an error took away.
        failure: why the window ended early; None if it did not.
        stopped: when it ended, in monotonic nanoseconds.
        cpu_s: CPU seconds of this process inside the window.
        lags_ns: how late the event loop was at each tick of a tenth of a second, to 1 ms.
    """

    def __init__(self, spec: Spec, rows: Iterator[Row]) -> None:
        self.samples = Samples()
        self.bodies = Bodies()
        self.errors: Counter[str] = Counter()
        self.warmup_errors: Counter[str] = Counter()
        self.failed = 0
        self.failure: LoadError | None = None
        self.stopped = 0
        self.cpu_s = 0.0
        self.lags_ns: list[int] = []
        self._spec = spec
        self._where = f"{spec.host}:{spec.port}"
        self._next_row = rows.__next__
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._begun = self._stopping = self._closing = False
        self._connected_ns = monotonic_ns()
        loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = loop.create_future()
        self._drained: asyncio.Future[None] = loop.create_future()

    @abstractmethod
    def begin(self) -> None:
        """Start to send."""

    @abstractmethod
    def free(self, connection: Connection, now: int) -> None:
        """Take a connection whose answer is in, or a new one."""

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

    async def open(self, connections: int) -> None:
        """Open all connections.

        Raises:
            LoadError: code ``connect``.
        """
        for number in range(connections):
            try:
                self._connections.add(await self._connect())
            except OSError as refused:
                raise LoadError(
                    "connect",
                    f"connection {number + 1} of {connections} was refused: {refused}",
                    where=self._where,
                    hint="is the service up, and is its backlog long enough?",
                ) from None

    async def run(self, window: Window) -> None:
        """Load the service from the beginning of the warm-up to the last awaited answer."""
        self._window = window
        asyncio.get_running_loop().set_exception_handler(self._notice)
        self._spawn(self._tick())
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
        self._expire(monotonic_ns())
        self._censor(min(monotonic_ns(), window.deadline))
        await self._close()

    def count(self, kind: str, connection: Connection) -> None:
        """Count an error that took a connection, and the answer of the request under way."""
        self.errors[kind] += 1
        if connection.sent and self._window.start <= connection.intended < self._window.stop:
            self.failed += 1

    def lost(self, connection: Connection) -> None:
        """Replace a connection that is gone."""
        self._connections.discard(connection)
        if not self._closing:
            self._spawn(self._replace())
            self.settle()

    def settle(self) -> None:
        """Notice that the last answer after the window is in."""
        if self._stopping and not self._drained.done() and not self.pending:
            self._drained.set_result(None)

    def end(self, failure: LoadError | None = None) -> None:
        """End the window early, for a reason or because all requests are done."""
        if not self._over.done():
            self.failure = failure
            self._over.set_result(None)

    def fault(self, problem: BaseException) -> None:
        """End the window because the client itself does not work as it should."""
        self.end(
            LoadError(
                "client-fault",
                f"the client failed: {type(problem).__name__}: {problem}",
                where=self._where,
                hint="this is a fault of the lab: please report it with the spec of the load",
            )
        )

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

    @property
    def under_way(self) -> bool:
        """Whether any connection waits for an answer."""
        return any(connection.sent for connection in self._connections)

    async def _connect(self) -> Connection:
        loop, spec = asyncio.get_running_loop(), self._spec
        async with asyncio.timeout(spec.timeout_s):
            _, connection = await loop.create_connection(
                lambda: Connection(self), spec.host, spec.port
            )
        return connection

    async def _replace(self) -> None:
        while not self._closing:
            try:
                connection = await self._connect()
            except OSError:
                self.errors["connect"] += 1
                await asyncio.sleep(_RETRY_S)
                continue
            self._connections.add(connection)
            if self._begun:
                self.free(connection, monotonic_ns())
            return

    async def _tick(self) -> None:
        due = monotonic_ns()
        while True:
            due += _TICK_NS
            await asyncio.sleep(max(0, due - monotonic_ns()) / NS)
            now = monotonic_ns()
            self.lags_ns.append(max(0, now - due))
            self._expire(now)
            if self._connections:
                self._connected_ns = now
            elif now - self._connected_ns > _GONE_NS:
                self.end(
                    LoadError(
                        "server-gone",
                        "every connection was lost and none could be opened again for 1 s",
                        where=self._where,
                        hint="the service died under load: see its log",
                    )
                )

    def _expire(self, now: int) -> None:
        limit = round(self._spec.timeout_s * NS)
        for connection in list(self._connections):
            if connection.sent and now - connection.sent > limit:
                self._censor_one(connection, connection.sent + limit)
                self.errors["timeout"] += 1
                connection.sent = 0
                connection.close()

    def _censor(self, instant: int) -> None:
        for connection in self._connections:
            if connection.sent:
                self._censor_one(connection, instant)
                connection.sent = 0
        for intended, operation in self.waiting():
            self.samples.censor(intended, instant, instant, operation)

    def _censor_one(self, connection: Connection, instant: int) -> None:
        self.samples.censor(connection.intended, connection.sent, instant, connection.operation)

    async def _until(self, instant: int) -> None:
        await self._wait(instant, self._over)

    async def _wait(self, instant: int, ended: asyncio.Future[None]) -> None:
        # The loop's timers have a resolution of 1 ms and may fire early.
        while (left := instant - monotonic_ns()) > 0 and not (ended.done() or self._over.done()):
            await asyncio.wait({ended, self._over}, timeout=left / NS, return_when=FIRST_COMPLETED)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (problem := task.exception()):
            self.fault(problem)

    def _notice(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.fault(context.get("exception") or RuntimeError(context["message"]))

    async def _close(self) -> None:
        self._closing = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in self._connections:
            connection.close()
