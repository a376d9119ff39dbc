"""The connections to one service: opened, replaced when lost, given up after the time-out."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from workloads.load.client.bodies import Bodies
from workloads.load.client.connection import Connection
from workloads.load.client.failure import LoadError
from workloads.load.client.samples import Samples

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from bundle.generators.client import Spec
    from workloads.load.client.rows import Row

NS = 1_000_000_000
_TICK_NS = NS // 10
_RETRY_S = 0.1
_GONE_NS = NS  # so long without any connection: the service is gone


class ConnectionSet(ABC):
    """What every load does with its connections; when to send is up to the load.

    Attributes:
        samples: what was measured.
        bodies: digests of sampled bodies.
        errors: by kind (connect, read, timeout, parse), since they were last moved away.
        warmup_errors: the same before it.
        failed: requests of the measurement whose answer an error took away.
    """

    def __init__(self, spec: Spec, rows: Iterator[Row], where: str) -> None:
        """Prepare; ``where`` is what a failure calls the service."""
        self.samples = Samples()
        self.bodies = Bodies()
        self.errors: Counter[str] = Counter()
        self.warmup_errors: Counter[str] = Counter()
        self.failed = 0
        self._spec = spec
        self._where = where
        self._next_row = rows.__next__
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._connected_ns = monotonic_ns()

    @abstractmethod
    def free(self, connection: Connection, now: int) -> None:
        """Take a connection whose answer is in, or a new one."""

    @abstractmethod
    def join(self, connection: Connection) -> None:
        """Take a connection that replaces a lost one."""

    @abstractmethod
    def settle(self) -> None:
        """Notice that a connection no longer awaits an answer."""

    @abstractmethod
    def count(self, kind: str, connection: Connection) -> None:
        """Count an error that took a connection, and the answer of the request under way."""

    @abstractmethod
    def expired(self, connection: Connection, instant: int) -> None:
        """Count a request that was given up at an instant."""

    @abstractmethod
    def end(self, failure: LoadError) -> None:
        """End the measurement early, for a reason."""

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

    def lost(self, connection: Connection) -> None:
        """Replace a connection that is gone."""
        self._connections.discard(connection)
        if not self._closing:
            self.spawn(self._replace())
            self.settle()

    def watch(self, now: int) -> None:
        """Give up what is late, and end the measurement if the service is gone."""
        self.expire(now)
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

    def expire(self, now: int) -> None:
        """Give up the requests that have waited longer than the time-out."""
        limit = round(self._spec.timeout_s * NS)
        for connection in list(self._connections):
            if connection.sent and now - connection.sent > limit:
                self.expired(connection, connection.sent + limit)
                self.errors["timeout"] += 1
                connection.sent = 0
                connection.close()

    def fault(self, problem: BaseException) -> None:
        """End the measurement because the client itself does not work as it should."""
        self.end(client_fault(problem, self._where))

    @property
    def under_way(self) -> bool:
        """Whether any connection waits for an answer."""
        return any(connection.sent for connection in self._connections)

    async def close(self) -> None:
        """Close all connections for good, whatever they wait for."""
        self._closing = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in self._connections:
            connection.sent = 0  # that it gets no answer is no error of the service
            connection.close()

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run a task until all connections are closed; its failure ends the measurement."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (problem := task.exception()):
            self.fault(problem)

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
            self.join(connection)
            return


class ClosedSet(ConnectionSet):
    """Connections of a closed loop: each sends its next request when its last answer is in."""

    @abstractmethod
    def dry(self) -> None:
        """Notice that there is nothing more to send."""

    def free(self, connection: Connection, now: int) -> None:
        """Send the next request at once, as long as there is one."""
        try:
            row = self._next_row()
        except StopIteration:
            connection.sent = 0
            self.dry()
            return
        connection.send(row, now, now)


def client_fault(problem: BaseException, where: str) -> LoadError:
    """The failure of a client that does not work as it should."""
    return LoadError(
        "client-fault",
        f"the client failed: {type(problem).__name__}: {problem}",
        where=where,
        hint="this is a fault of the lab: please report it with the spec of the load",
    )


def noticed(context: dict[str, Any]) -> BaseException:
    """What the event loop could not hand to anybody, from the context of its handler."""
    problem: BaseException | None = context.get("exception")
    return problem or RuntimeError(context["message"])


async def tick(watch: Callable[[int], None], lags_ns: list[int]) -> None:
    """Call ``watch`` with the time, ten times a second; add how late the event loop was each time.

    The lags are exact to 1 ms, the resolution of the loop's timers.
    """
    due = monotonic_ns()
    while True:
        due += _TICK_NS
        await asyncio.sleep(max(0, due - monotonic_ns()) / NS)
        now = monotonic_ns()
        lags_ns.append(max(0, now - due))
        watch(now)
