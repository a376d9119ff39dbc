"""Whether the orchestrator still waits for an order, and whether the order has time left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agent.failure import Failure

if TYPE_CHECKING:
    from pathlib import Path


class Heartbeat:
    """Notices by this host's monotonic clock that the orchestrator is gone.

    Only a change of the modification time counts, not its value: a stepped wall clock neither kills
    a trial nor keeps a forgotten one alive.

    Args:
        path: a file whose modification time the orchestrator keeps changing.
        timeout_s: the orchestrator counts as gone after so long without a change.
        deadline_s: of the order, from now.
    """

    def __init__(self, path: Path, *, timeout_s: float, deadline_s: float) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self.deadline = time.monotonic() + deadline_s  #: the order's last instant
        self._deadline_s = deadline_s
        self._seen = self._stamp()
        self._moved = time.monotonic()
        self.raised = False  #: whether `check` has raised

    def _stamp(self) -> int | None:
        try:
            return self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def check(self) -> None:
        """Make sure that the orchestrator waits and that there is time left.

        Raises:
            Failure: ``abandoned`` or ``deadline``.
        """
        now = time.monotonic()
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen, self._moved = stamp, now
        if now - self._moved > self._timeout_s:
            self.raised = True
            raise Failure(
                "abandoned",
                f"the orchestrator gave no sign of life for {self._timeout_s:g} s",
                where=str(self._path),
                hint="start the run again; closed trials are kept",
            )
        if now > self.deadline:
            self.raised = True
            raise Failure(
                "deadline",
                f"the agent did not finish the order within {self._deadline_s:g} s",
                hint="a hanging service or generator is the usual cause; see the logs of the order",
            )
