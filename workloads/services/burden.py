"""A slowdown of known size: the positive control.

A lab that does not find a difference that was made on purpose could not have found another one.
"""

from __future__ import annotations

import time
from collections import deque
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_REQUESTS_A_TURN = 16  # so few that a slice of load has many turns of both kinds
_TURNS = 8  # of which the first carries nothing
_REMEMBERED = 64  # turns without a burden: 8,192 requests with the others
_GAIN = 1 / 16  # share of a turn's error that the next turn corrects; most of it is noise


class Burden:
    """Makes a process use CPU time beyond its own for every request, by a fraction of that.

    One of every eight turns of 16 requests runs without the burden and measures what a request
    needs by itself. In the other seven every request spins, so long that the eight turns together
    use the fraction more. The spinning is corrected by the CPU time that the process really used.
    The fraction therefore includes the overhead of spinning and holds on a machine of varying
    speed. The burden spins because a sleep would let other requests run, which leaves the
    throughput of a busy process as it was.

    The burden is near its fraction after some 500 requests, which a warm-up should send.
    """

    def __init__(self, fraction: float) -> None:
        self._fraction = fraction
        self._own_ns: deque[float] = deque(maxlen=_REMEMBERED)  # a request, by turn without burden
        self._turn = -1  # requests before the first reading belong to no turn
        self._left = 1
        self._spin_ns = self._wanted_ns = 0.0
        self._read_ns = 0
        self._used_ns = {"burdened": 0, "unburdened": 0}
        self._requests = {"burdened": 0, "unburdened": 0}

    def on[Request, Response](
        self, handler: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return the handler with the burden before it."""

        # Not a coroutine, which would cost every request more than reading the clock does.
        def burdened(request: Request) -> Awaitable[Response]:
            self._left -= 1
            if not self._left:
                self._end_turn()
            until_ns = time.perf_counter_ns() + self._spin_ns
            while time.perf_counter_ns() < until_ns:
                pass
            return handler(request)

        return burdened

    def account(self) -> dict[str, object]:
        """CPU nanoseconds and requests of whole turns, with the burden and without.

        In the turns with it a request uses 1 + 8/7 of the fraction times what it uses without.
        """
        return {
            "fraction": self._fraction,
            **{
                name: {"requests": self._requests[name], "cpu_ns": self._used_ns[name]}
                for name in self._used_ns
            },
        }

    def _end_turn(self) -> None:
        """Book what the turn has used, and decide how long requests of the next turn spin."""
        now_ns = time.process_time_ns()
        used_ns, self._read_ns = now_ns - self._read_ns, now_ns
        self._left = _REQUESTS_A_TURN
        each_ns = used_ns / _REQUESTS_A_TURN
        if self._turn == 0:
            if not self._own_ns:
                self._wanted_ns = each_ns * self._added
            elif self._requests["unburdened"] == _REQUESTS_A_TURN:
                self._own_ns.clear()  # the first turn of a process costs more than any other
            self._own_ns.append(each_ns)
            self._book("unburdened", used_ns)
        elif self._turn > 0:
            self._book("burdened", used_ns)
            error_ns = fmean(self._own_ns) * (1 + self._added) - each_ns
            self._wanted_ns = max(0.0, self._wanted_ns + _GAIN * error_ns)
        self._turn = (self._turn + 1) % _TURNS
        self._spin_ns = self._wanted_ns if self._turn else 0.0

    @property
    def _added(self) -> float:
        """The fraction in the turns with the burden, which make up for the turn without."""
        return self._fraction * _TURNS / (_TURNS - 1)

    def _book(self, name: str, used_ns: int) -> None:
        self._used_ns[name] += used_ns
        self._requests[name] += _REQUESTS_A_TURN
