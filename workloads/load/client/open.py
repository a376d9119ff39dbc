"""The open loop: requests are sent when they are due, whether or not earlier answers are in."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from time import monotonic_ns
from typing import TYPE_CHECKING

from workloads.load.client.driver import Driver, Window

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator

    from bundle.generators.client import Spec
    from workloads.load.client.connection import Connection
    from workloads.load.client.rows import Row


class OpenLoop(Driver):
    """Sends at instants drawn before the trial, by one absolute timer.

    A request that finds no idle connection waits for one; the wait is part of its response time
    and shows as dispatch delay. The timer is a timerfd because the event loop's own timers have
    a resolution of 1 ms.
    """

    def __init__(self, spec: Spec, rows: Iterator[Row], arrivals: array[int]) -> None:
        """Prepare; ``arrivals`` are nanoseconds from the beginning of the load, ascending."""
        super().__init__(spec, rows)
        self._arrivals = arrivals
        self._next = 0
        self._origin = 0
        self._idle: deque[Connection] = deque()
        self._queue: deque[int] = deque()
        self._timer = -1

    async def run(self, window: Window) -> None:
        """Load the service, with the timer open as long as that takes."""
        self._origin = window.begin
        self._timer = os.timerfd_create(
            time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC
        )
        try:
            await super().run(window)
        finally:
            asyncio.get_running_loop().remove_reader(self._timer)
            os.close(self._timer)

    def begin(self) -> None:
        """Arm the timer for the first arrival."""
        self._idle.extend(self._connections)
        asyncio.get_running_loop().add_reader(self._timer, self._ring)
        self._arm()

    def free(self, connection: Connection, now: int) -> None:  # noqa: ARG002 - shared signature
        """Send what has waited longest, or keep the connection for what comes."""
        connection.sent = 0
        if self._queue:
            self._dispatch(connection, self._queue.popleft())
        else:
            self._idle.append(connection)
            if self._stopping:
                self.settle()

    def lost(self, connection: Connection) -> None:
        """Replace a connection that is gone."""
        if connection in self._idle:
            self._idle.remove(connection)
        super().lost(connection)

    def stop(self) -> None:
        """Nothing to do: every arrival lies before the end of the window."""

    def waiting(self) -> list[tuple[int, int]]:
        """Take the arrivals that found no connection until the deadline."""
        due = [*self._queue, *(self._origin + each for each in self._arrivals[self._next :])]
        self._queue.clear()
        self._next = len(self._arrivals)
        rows = iter(self._next_row, None)  # may end before ``due`` does, in a trial that failed
        return [(intended, row[1]) for intended, row in zip(due, rows, strict=False)]

    @property
    def pending(self) -> bool:
        """Whether an arrival is due or an answer is awaited."""
        return bool(self._queue) or self._next < len(self._arrivals) or self.under_way

    def _ring(self) -> None:
        os.read(self._timer, 8)
        arrivals, position, origin = self._arrivals, self._next, self._origin
        elapsed = monotonic_ns() - origin
        while position < len(arrivals) and arrivals[position] <= elapsed:
            intended = origin + arrivals[position]
            if self._idle:
                # The one that has been idle longest: all connections carry their share.
                self._dispatch(self._idle.popleft(), intended)
            else:
                self._queue.append(intended)
            position += 1
        self._next = position
        self._arm()

    def _arm(self) -> None:
        if self._next < len(self._arrivals):
            # An instant that has passed meanwhile fires at once.
            due = self._origin + self._arrivals[self._next]
            os.timerfd_settime_ns(self._timer, flags=os.TFD_TIMER_ABSTIME, initial=due)

    def _dispatch(self, connection: Connection, intended: int) -> None:
        try:
            row = self._next_row()
        except StopIteration:
            self.exhausted()
            return
        connection.send(row, intended, monotonic_ns())
