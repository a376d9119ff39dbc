"""The connections to one subject, which send in its turns only and count from answer to answer.

A turn is a ramp, a slice and a drain. All three end with a batch: the answers that one iteration of
the event loop takes in. What a turn needs to know is looked up at the end of a batch, so that an
answer in a slice costs no more than one of the client's closed loop.

Batches seen with 64 connections on a crowded two-core VM: 41 to 60 % had one answer of SQLAlchemy
or Tortoise, the mean was 2 to 3.4, and the largest, after the generator had waited for its CPU, 44.
An instant within a batch says when the generator came to an answer; the batch as a whole had
arrived before. So a slice holds whole batches.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import monotonic_ns
from typing import TYPE_CHECKING

from workloads.load.client.connections import NS, ClosedSet
from workloads.load.client.failure import LoadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bundle.generators.client import Spec
    from workloads.load.client.connection import Connection
    from workloads.load.client.rows import Row
    from workloads.load.switchback.hosts import Asked


@dataclass(frozen=True, slots=True)
class Mark:
    """One end of a slice."""

    at: int  #: its instant, monotonic nanoseconds: in a closed loop that of an answer
    reading: Asked  #: what had been used by then


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a subject; instants in monotonic nanoseconds."""

    asked: int  #: when its first request was sent
    start: Mark  #: beginning of the slice
    stop: Mark  #: end of the slice
    drained: int  #: when nothing was awaited any more
    rows: tuple[int, int]  #: of the samples that are the slice's: the first, and the one after

    @property
    def answers(self) -> int:
        """In the slice."""
        first, stop = self.rows
        return stop - first

    @property
    def seconds(self) -> float:
        """Length of the slice."""
        return (self.stop.at - self.start.at) / NS


class Subject(ClosedSet):
    """Sends, measures and drains in each of its turns, and rests in between.

    ``errors`` holds what happens from the first round on, ``warmup_errors`` what was before.
    """

    def __init__(
        self,
        name: str,
        spec: Spec,
        rows: Iterator[Row],
        read: Callable[[], Asked],
        over: asyncio.Future[LoadError],
    ) -> None:
        """Prepare; ``read`` is called at both ends of a slice, ``over`` takes the first failure."""
        super().__init__(spec, rows, f"{name} at {spec.host}:{spec.port}")
        self.name = name
        self._rows = self._next_row
        self._next_row = _nothing
        self._read = read
        self._over = over
        self._loop = asyncio.get_running_loop()
        self._turn: asyncio.Future[Turn] | None = None
        self._at_batch = self._ramp
        self._looking = False
        self._limit = 0
        self._asked = self._ramp_ns = self._slice_ns = 0
        self._awaited: dict[Connection, int] = {}
        self._kept = self._first = 0

    def turn(self, *, ramp_ns: int, slice_ns: int) -> asyncio.Future[Turn]:
        """Begin a turn; the subject must rest.

        The slice begins with the first batch after which every connection has had an answer and
        ``ramp_ns`` have passed; it ends with the first batch after ``slice_ns``.
        """
        self._turn = self._loop.create_future()
        self._ramp_ns, self._slice_ns = ramp_ns, slice_ns
        self._awaited.clear()
        self._at_batch = self._ramp
        self._next_row = self._rows
        self._asked = monotonic_ns()
        # A connection that times out is replaced, and the new one has its time too.
        self._limit = self._asked + ramp_ns + 2 * self._timeout_ns
        for connection in list(self._connections):
            self.join(connection)
            self._awaited[connection] = connection.sent
        self._loop.call_later(ramp_ns / NS, self._watch_batch)
        return self._turn

    def forget(self) -> None:
        """Forget the turns so far, and count errors apart from now on."""
        self._kept = 0
        self.failed = 0
        self.warmup_errors = self.errors.copy()
        self.errors.clear()

    def join(self, connection: Connection) -> None:
        """Send the connection's first request of the turn, if it is the subject's.

        The ramp does not wait for a connection that replaces another one: a service that closes
        connections after each answer has nothing but such.
        """
        self.free(connection, monotonic_ns())

    def lost(self, connection: Connection) -> None:
        """Replace a connection that is gone."""
        self._awaited.pop(connection, None)
        super().lost(connection)

    def settle(self) -> None:
        """Look after this batch whether it was the last answer of the turn."""
        if self._turn is not None and self._next_row is _nothing:
            self._look_once()

    def count(self, kind: str, connection: Connection) -> None:
        """Count an error that took a connection, and the answer of the request under way."""
        self.errors[kind] += 1
        self.failed += bool(connection.sent)

    def expired(self, connection: Connection, instant: int) -> None:  # noqa: ARG002 - shared
        """Count a request that was given up; only answers are samples."""
        self.failed += 1

    def end(self, failure: LoadError) -> None:
        """End the whole load."""
        if not self._over.done():
            self._over.set_result(failure)

    def watch(self, now: int) -> None:
        """Give up what is late, and end the load if the service is gone or does not answer."""
        super().watch(now)
        if self._turn is not None and self._next_row is not _nothing and now > self._limit:
            self.end(
                LoadError(
                    "unanswered",
                    f"no slice could be measured, for want of answers within "
                    f"{self._spec.timeout_s:g} s",
                    where=self._where,
                    hint="see the service's log; timeout_s of the load is the limit",
                )
            )

    @property
    def _timeout_ns(self) -> int:
        return round(self._spec.timeout_s * NS)

    def dry(self) -> None:
        """Notice that the subject's turn is over, or that the table is used up."""
        if self._next_row is _nothing:
            self.settle()
            return
        self.end(
            LoadError(
                "table-exhausted",
                f"{self.name} had sent the whole request table before its last slice ended",
                where=self._spec.table,
                hint="draw a longer table: its requests may not be repeated",
            )
        )

    def _watch_batch(self) -> None:
        """Look at the end of the batch that has the next answer."""
        self._next_row = self._seen

    def _seen(self) -> Row:
        self._next_row = self._rows
        self._look_once()
        return self._rows()

    def _look_once(self) -> None:
        # uvloop calls this when it has handed on all answers that one call of epoll_wait(2)
        # reported, before it waits again.
        if not self._looking:
            self._looking = True
            self._loop.call_soon(self._look)

    def _look(self) -> None:
        self._looking = False
        self._at_batch()

    def _ramp(self) -> None:
        end = self.samples.last_end
        for connection, first in list(self._awaited.items()):
            if connection.sent != first:
                del self._awaited[connection]
        if self._awaited or end - self._asked < self._ramp_ns:
            self._watch_batch()
            return
        self._start = Mark(end, self._read())
        self.samples.keep(self._kept)
        self._limit = end + self._slice_ns + self._timeout_ns
        self._at_batch = self._slice
        self._loop.call_later(self._slice_ns / NS, self._watch_batch)

    def _slice(self) -> None:
        end = self.samples.last_end
        if end - self._start.at < self._slice_ns:  # timers have a resolution of 1 ms
            self._watch_batch()
            return
        self._stop = Mark(end, self._read())
        self._first, self._kept = self._kept, len(self.samples)
        self._next_row = _nothing
        self._at_batch = self._drain
        self._look_once()

    def _drain(self) -> None:
        if self.under_way or self._turn is None:
            return
        turn, self._turn = self._turn, None
        if not turn.done():
            rows = self._first, self._kept
            turn.set_result(Turn(self._asked, self._start, self._stop, monotonic_ns(), rows))


def _nothing() -> Row:
    raise StopIteration
