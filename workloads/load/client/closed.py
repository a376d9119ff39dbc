"""The closed loop: each connection sends when its last answer is in."""

from __future__ import annotations

from time import monotonic_ns

from workloads.load.client.connections import ClosedSet
from workloads.load.client.driver import Driver
from workloads.load.client.failure import LoadError


class ClosedLoop(ClosedSet, Driver):
    """A fixed number of requests under way: a slow answer delays the next request.

    So a request is due when it is sent: response equals service time by definition, and a stall
    of the service is seen by one request of each connection only.
    """

    def begin(self) -> None:
        """Send the first request of every connection."""
        for connection in list(self._connections):
            self.free(connection, monotonic_ns())

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

    def dry(self) -> None:
        """Notice that the table has ended, or that nothing more is to be sent."""
        if self._stopping:
            self.settle()
        elif self._spec.requests_total is None:
            self.exhausted()
        elif not self.under_way:
            self.end()
