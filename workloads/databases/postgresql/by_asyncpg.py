"""asyncpg, for every service that can send its SQL by it."""

from __future__ import annotations

from asyncio import Queue, gather
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg
from asyncpg.connection import Connection

from workloads.databases.postgresql import libpq

if TYPE_CHECKING:
    from workloads.services.repository import Row
    from workloads.services.settings import Database


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of a service whose pool is asyncpg's own; the names are asyncpg's."""

    statement_cache_size: int = 100  #: prepared statements kept by each connection; 0 prepares none
    #: reset a session when its connection returns to the pool, which costs a round trip (asyncpg's
    #: default)
    reset_on_return: bool = True


class UnresetConnection(Connection):  # type: ignore[misc]  # asyncpg ships no types
    """A connection that returns to its pool without a reset, which saves a round trip."""

    async def reset(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's
        """Reset only an open transaction, because no service changes the state of a session."""
        if self.is_in_transaction():
            await super().reset(timeout=timeout)


def connection_class(*, reset_on_return: bool) -> Any:  # noqa: ANN401 - asyncpg ships no types
    """Return the class of a pool's connections; asyncpg's own resets the session on return."""
    return Connection if reset_on_return else UnresetConnection


def row(record: Any) -> Row | None:  # noqa: ANN401 - asyncpg ships no types
    """Return the row of a record, or None if there is none."""
    return None if record is None else dict(record)


class ConnectionQueue:
    """asyncpg's connections in a queue: no pool and no ORM, only the wait for an idle connection.

    Whichever library a service has: if it reads by this, it runs the code that others run.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._idle: Queue[Any] = Queue()
        self._all: list[Any] = []

    async def open(self, size: int) -> None:
        """Open ``size`` connections."""
        libpq.prepare(self._database)
        where = self._database
        connections = (
            asyncpg.connect(
                host=where.host, port=where.port, user=where.user, database=where.database
            )
            for _ in range(size)
        )
        self._all = await gather(*connections)
        for connection in self._all:
            self._idle.put_nowait(connection)

    async def close(self) -> None:
        """Close all connections."""
        for connection in self._all:
            await connection.close()

    async def read(self, sql: str, row_id: int) -> Row | None:
        """Return the row of an id, or None if there is none."""
        connection = await self._idle.get()
        try:
            record = await connection.fetchrow(sql, row_id)
        finally:
            self._idle.put_nowait(connection)
        return row(record)
