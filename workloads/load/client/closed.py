"""The closed loop: each connection sends when its last answer is in."""

from __future__ import annotations

from time import monotonic_ns
from typing import TYPE_CHECKING

from workloads.load.client.driver import Driver
from workloads.load.client.failure import LoadError

if TYPE_CHECKING:
    from workloads.load.client.connection import Connection


class ClosedLoop(Driver):
    """A fixed number of requests under way: a slow answer delays the next request.

    So a request is due when it is sent: response equals service time by definition, and a stall
    of the service is seen by one request of each connection only.
    """

    def begin(self) -> None:
        """Send the first request of every connection."""
        for connection in list(self._connections):
            self.free(connection, monotonic_ns())

    def free(self, connection: Connection, now: int) -> None:
        """Send the next request at once."""
        try:
            row = self._next_row()
        except StopIteration:
            connection.sent = 0
            self._dry()
            return
        connection.send(row, now, now)

    def stop(self) -> None:
        """Send nothing more."""
        total = self._spec.requests_total
        if total is not None:
            self.end(
                LoadError(
                    "unfinished",
                    f"the {total} requests were not done within {self._spec.duration_s} s",
                    where=f"{self._spec.host}:{self._spec.port}",
                    hint="raise duration_s, which limits a load of requests_total requests",
                )
            )
        self._next_row = iter(()).__next__

    def waiting(self) -> list[tuple[int, int]]:
        """Nothing ever waits."""
        return []

    @property
    def pending(self) -> bool:
        """Whether an answer is awaited."""
        return self.under_way

    def _dry(self) -> None:
        if self._stopping:
            self.settle()
        elif self._spec.requests_total is None:
            self.exhausted()
        elif not self.under_way:
            self.end()
