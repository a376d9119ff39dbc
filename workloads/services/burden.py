"""A slowdown of known size: the positive control.

A harness that does not find a difference which was put there on purpose could not have found one
that was not.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    Handler = Callable[[web.Request], Awaitable[web.Response]]

_REQUESTS_A_READING = 128


class Burden:
    """Adds CPU time to every request, as a fraction of what the request itself needs.

    What a request needs is measured all along, as the mean over the last 128 requests of this
    process, so the fraction holds on a machine whose speed wanders. The time is spent, not slept:
    a sleep lets other requests run and leaves the throughput of a busy process as it was. It is
    spun by the clock, which costs no system call, and booked as CPU time: what the process did not
    get of it, because it had to wait for its core, the next request makes up for.

    The first 128 requests carry nothing; let a warm-up have them.
    """

    def __init__(self, fraction: float) -> None:
        self._fraction = fraction
        self._requests = 0
        self._own_ns = 0
        self._added_ns = 0
        self._each_ns = 0.0
        self._owed_ns = 0.0
        self._read_ns = 0
        self._added_at_reading_ns = 0

    def on(self, handler: Handler) -> Handler:
        """Return the handler with the burden on its shoulders."""

        async def burdened(request: web.Request) -> web.Response:
            try:
                return await handler(request)
            finally:
                self._carry()

        return burdened

    def told(self) -> dict[str, Any]:
        """What was added until the last reading: the requests' own CPU time, and that beyond it."""
        return {
            "fraction": self._fraction,
            "requests": self._requests,
            "own_cpu_ns": self._own_ns,
            "added_cpu_ns": self._added_at_reading_ns,
        }

    def _carry(self) -> None:
        if self._requests % _REQUESTS_A_READING == 0:
            self._read()
        self._requests += 1
        self._owed_ns += self._fraction * self._each_ns
        used_ns = time.thread_time_ns()
        until_ns = time.perf_counter_ns() + self._owed_ns
        while time.perf_counter_ns() < until_ns:
            pass
        spent_ns = time.thread_time_ns() - used_ns
        self._owed_ns -= spent_ns
        self._added_ns += spent_ns

    def _read(self) -> None:
        """Bring up to date what one request needs, without what was added to it."""
        now_ns = time.process_time_ns()
        if self._requests:
            added_ns = self._added_ns - self._added_at_reading_ns
            own_ns = now_ns - self._read_ns - added_ns
            self._own_ns += own_ns
            self._each_ns = own_ns / _REQUESTS_A_READING
        self._read_ns = now_ns
        self._added_at_reading_ns = self._added_ns
