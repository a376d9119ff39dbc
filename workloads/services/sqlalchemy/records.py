"""One row by the driver, on a connection with less and less of SQLAlchemy around it.

Every variant sends the same SQL and gives the same row. Each leaves out one thing that the one
before it does in every request.
"""

from __future__ import annotations

from asyncio import wait_for
from typing import TYPE_CHECKING, Any, Final, Literal

import sqlalchemy
from sqlalchemy import AsyncAdaptedQueuePool

from workloads.databases.postgresql.by_asyncpg import row

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
    from sqlalchemy.pool import ConnectionPoolEntry

    from workloads.services.repository import Row

    type Fetch = Callable[[str, int], Awaitable[Row | None]]
    type Connect = Callable[[], AbstractAsyncContextManager[AsyncConnection]]

RecordOver = Literal["greenlet", "connection", "pool", "queue"]

# Since 2.1 a queue that holds a connection gives it without `wait_for`.
_GIVES_AT_ONCE: Final = tuple(map(int, sqlalchemy.__version__.split(".")[:2])) >= (2, 1)


class HandingPool(AsyncAdaptedQueuePool):
    """SQLAlchemy's pool, whose connections can be waited for without a greenlet."""

    _handed: ConnectionPoolEntry | None = None

    async def hand[C](self, connect: Callable[[], C]) -> C:
        """Wait as SQLAlchemy's queue does, but in no greenlet; then connect, which waits no more.

        Only for connections that are open: a pool opens others in a greenlet.

        Args:
            connect: takes a connection from this pool.
        """
        waiting: Any = self._pool
        queue = waiting._queue  # noqa: SLF001 - SQLAlchemy waits on it in a greenlet only
        if _GIVES_AT_ONCE and not queue.empty():
            self._handed = queue.get_nowait()
        else:
            self._handed = await wait_for(queue.get(), self.timeout())
        return connect()

    def _do_get(self) -> ConnectionPoolEntry:
        handed, self._handed = self._handed, None
        return super()._do_get() if handed is None else handed


def pool_class(over: RecordOver) -> type[HandingPool] | None:
    """Return the class of the engine's pool; None for SQLAlchemy's own choice."""
    return HandingPool if over in {"connection", "pool"} else None


def fetcher(engine: AsyncEngine, connect: Connect, over: RecordOver) -> Fetch:
    """Return a function that fetches a row by the text of a SELECT and the row's id.

    Args:
        engine: its pool is of `pool_class`.
        connect: gives an open connection, and closes it.
        over: ``greenlet``: SQLAlchemy's connection, which a greenlet takes and another returns;
            ``connection``: the same without greenlets; ``pool``: what the pool gives, without the
            connection. A ``queue`` needs nothing of SQLAlchemy.
    """
    if over == "connection":
        return _over_connection(engine)
    return _over_pool(engine) if over == "pool" else _over_greenlet(connect)


def _over_greenlet(connect: Connect) -> Fetch:
    async def fetch(sql: str, row_id: int) -> Row | None:
        async with connect() as connection:
            # `get_raw_connection` would do this in a greenlet, which no read of an entity needs.
            own: Any = connection.sync_connection
            record = await own.connection.driver_connection.fetchrow(sql, row_id)
        return row(record)

    return fetch


def _over_connection(engine: AsyncEngine) -> Fetch:
    pool, own = _handing(engine), engine.sync_engine

    async def fetch(sql: str, row_id: int) -> Row | None:
        connection = await pool.hand(own.connect)
        try:
            driver: Any = connection.connection.driver_connection
            record = await driver.fetchrow(sql, row_id)
        finally:
            connection.close()
        return row(record)

    return fetch


def _over_pool(engine: AsyncEngine) -> Fetch:
    pool = _handing(engine)

    async def fetch(sql: str, row_id: int) -> Row | None:
        pooled = await pool.hand(pool.connect)
        try:
            driver: Any = pooled.driver_connection
            record = await driver.fetchrow(sql, row_id)
        finally:
            pooled.close()
        return row(record)

    return fetch


def _handing(engine: AsyncEngine) -> HandingPool:
    pool = engine.sync_engine.pool
    if not isinstance(pool, HandingPool):
        raise TypeError(f"the pool must be a {HandingPool.__name__}, not {pool!r}")
    return pool
