"""A fault put into a trial on purpose: connections of the service that the server ends under it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agent.failure import Failure
from bundle.documents.readings import Kill
from workloads.psql import PsqlError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.orders import KillSpec
    from workloads.psql import Psql

# Of the trial's own database, where nobody but the service is connected, and so many at the most.
_END = """
select count(*) filter (where pg_terminate_backend(pid)) from (
    select pid from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend'
    and pid <> pg_backend_pid() order by pid limit {connections}) as victims
"""


class Kills:
    """The kills of one window, each at its time.

    Attributes:
        record: of those that are done.
    """

    def __init__(self, psql: Psql, database: str, planned: Iterable[KillSpec]) -> None:
        self._psql = psql
        self._database = database
        self._planned = sorted(planned, key=lambda kill: kill.at_s)
        self._started: float | None = None
        self.record: list[Kill] = []

    def do_what_is_due(self) -> None:
        """End connections if it is time; it takes as long as psql does.

        The first call starts the clock.

        Raises:
            Failure: ``not-killed``, the server refused.
        """
        if self._started is None:
            self._started = time.monotonic()
        while self._planned and self._planned[0].at_s <= time.monotonic() - self._started:
            kill = self._planned.pop(0)
            try:
                said = self._psql.run(
                    _END.format(connections=kill.connections), database=self._database
                )
            except PsqlError as refused:
                raise Failure(
                    "not-killed",
                    f"the connections could not be ended: {refused}",
                    where=f"{self._psql.host}:{self._psql.port}/{self._database}",
                    hint="without the fault that the plan declares this trial is another one",
                ) from None
            done_s = round(time.monotonic() - self._started, 4)
            done = Kill(
                at_s=kill.at_s, connections=kill.connections, done_s=done_s, ended=int(said)
            )
            self.record.append(done)

    def require_all(self) -> None:
        """Make sure that none is left undone.

        Raises:
            Failure: ``not-killed``, the window was over before.
        """
        if self._planned:
            raise Failure(
                "not-killed",
                "the window was over before connections were to be ended, at "
                f"{', '.join(f'{kill.at_s:g} s' for kill in self._planned)}",
                hint="the generator ended early; see its log",
            )
