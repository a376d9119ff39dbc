"""Whether somebody still waits for an order, and whether it has time left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agent.failure import Failure

if TYPE_CHECKING:
    from pathlib import Path


class Heartbeat:
    """Notices that the orchestrator is gone, by this host's own monotonic clock.

    Only movement counts, never the time stamp itself: a stepped wall clock neither kills a trial
    nor keeps a forgotten one alive.

    Args:
        path: a file whose modification time the orchestrator keeps moving.
        timeout_s: it is gone when that has not moved for so long.
        deadline_s: of the order, from now.

    Attributes:
        told: whether `check` has raised.
    """

    def __init__(self, path: Path, *, timeout_s: float, deadline_s: float) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + deadline_s
        self._deadline_s = deadline_s
        self._seen = self._stamp()
        self._moved = time.monotonic()
        self.told = False

    def _stamp(self) -> int | None:
        try:
            return self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return None

    @property
    def deadline(self) -> float:
        """The order's last instant, of time.monotonic()."""
        return self._deadline

    def check(self) -> None:
        """Raise when the orchestrator is gone or the order has run out of time.

        Raises:
            Failure: ``abandoned`` or ``deadline``.
        """
        now = time.monotonic()
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen, self._moved = stamp, now
        if now - self._moved > self._timeout_s:
            self.told = True
            raise Failure(
                "abandoned",
                f"the orchestrator gave no sign of life for {self._timeout_s:g} s",
                where=str(self._path),
                hint="start the run again; what was closed is kept",
            )
        if now > self._deadline:
            self.told = True
            raise Failure(
                "deadline",
                f"the order was not finished within {self._deadline_s:g} s",
                hint="a hanging service or generator is the usual cause; see the logs beside it",
            )
