"""Hand-written SQL over psycopg's pool; psycopg prepares what a connection executes often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import AsyncConnection, errors
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row, tuple_row
from psycopg.types.numeric import Int8Dumper
from psycopg_pool import AsyncConnectionPool

from workloads.contract import fields
from workloads.databases.postgresql import by_psycopg, libpq
from workloads.services.errors import conflict
from workloads.services.psycopg import statements
from workloads.services.repository import by_user

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workloads.contract.fields import Field
    from workloads.services.psycopg.statements import Statements
    from workloads.services.repository import Fields, Row
    from workloads.services.settings import Database, Pool

    type _Pool = AsyncConnectionPool[AsyncConnection[Row]]

_OPEN_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of this service alone; the names are psycopg's."""

    #: executions of a statement on a connection before it is prepared; null prepares none
    prepare_threshold: int | None = 5
    #: whether each statement is a transaction of its own, without BEGIN and COMMIT around it
    autocommit: bool = True


class PlainRepository:
    """Both tables over one pool."""

    def __init__(self, database: Database, pool: Pool, options: Options) -> None:
        self._database = database
        self._size = pool
        self._options = options

    async def open(self) -> None:
        """Open ``size`` connections; the pool may grow by ``overflow``."""
        libpq.prepare(self._database)
        by_psycopg.require(self._database, self._size.size)
        where = self._database
        self._pool: _Pool = AsyncConnectionPool(
            make_conninfo(host=where.host, port=where.port, user=where.user, dbname=where.database),
            min_size=self._size.size,
            max_size=self._size.size + self._size.overflow,
            kwargs={
                "autocommit": self._options.autocommit,
                "prepare_threshold": self._options.prepare_threshold,
                "row_factory": dict_row,
            },
            configure=_configure,
            open=False,
        )
        await self._pool.open(wait=True, timeout=_OPEN_S)
        self.users = _Table(self._pool, statements.USERS, fields.USER)
        self.orders = _Table(self._pool, statements.ORDERS, fields.ORDER)

    async def close(self) -> None:
        """Close the pool."""
        await self._pool.close()

    async def orders_of(self, user_id: int, limit: int, offset: int) -> list[Row]:
        """Return orders of a user, each with the user's name: one join."""
        async with self._pool.connection() as connection:
            found = await connection.execute(
                statements.ORDERS_WITH_USERNAME, (user_id, limit, offset)
            )
            orders: list[Row] = await found.fetchall()
        return orders

    async def users_with_orders(self, loading: str, limit: int, offset: int) -> list[Row]:
        """Return users with their orders, by one of the three kinds of loading."""
        load = {"lazy": self._lazy, "prefetch": self._prefetch, "join": self._join}[loading]
        return await load(limit, offset)

    async def _lazy(self, limit: int, offset: int) -> list[Row]:
        async with self._pool.connection() as connection:
            found = await connection.execute(statements.USERS.page, (limit, offset))
            users: list[Row] = await found.fetchall()
            for user in users:
                found = await connection.execute(statements.ORDERS_OF_USER, (user["id"],))
                user["orders"] = await found.fetchall()
        return users

    async def _prefetch(self, limit: int, offset: int) -> list[Row]:
        async with self._pool.connection() as connection:
            found = await connection.execute(statements.USERS.page, (limit, offset))
            users = {row["id"]: row | {"orders": []} for row in await found.fetchall()}
            found = await connection.execute(statements.ORDERS_OF_USERS, (list(users),))
            orders = await found.fetchall()
        for order in orders:
            users[order["user_id"]]["orders"].append(order)
        return list(users.values())

    async def _join(self, limit: int, offset: int) -> list[Row]:
        # Names of columns stand twice in these rows, so they are read by position.
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=tuple_row) as cursor,
        ):
            await cursor.execute(statements.USERS_JOIN_ORDERS, (limit, offset))
            return by_user(await cursor.fetchall())


async def _configure(connection: AsyncConnection[Row]) -> None:
    """Send every integer as one type: psycopg takes the smallest, and prepares anew for each."""
    connection.adapters.register_dumper(int, Int8Dumper)


class _Table:
    """The five operations on one table."""

    def __init__(self, pool: _Pool, sql: Statements, known: Mapping[str, Field]) -> None:
        self._pool = pool
        self._sql = sql
        self._unchanged = dict.fromkeys(known)

    async def read(self, row_id: int) -> Row | None:
        return await self._row(self._sql.read, (row_id,))

    async def page(self, limit: int, offset: int) -> list[Row]:
        async with self._pool.connection() as connection:
            found = await connection.execute(self._sql.page, (limit, offset))
            rows: list[Row] = await found.fetchall()
        return rows

    async def create(self, fields: Fields) -> Row:
        row = await self._row(self._sql.create, fields)
        assert row is not None  # noqa: S101 - INSERT ... RETURNING has a row, or raises
        return row

    async def update(self, row_id: int, fields: Fields) -> Row | None:
        return await self._row(self._sql.update, {**self._unchanged, **fields, "id": row_id})

    async def delete(self, row_id: int) -> bool:
        try:
            async with self._pool.connection() as connection:
                done = await connection.execute(self._sql.delete, (row_id,))
        except errors.Error as violation:
            raise conflict(violation.sqlstate, deleting=True) or violation from violation
        return bool(done.rowcount)

    async def _row(self, sql: str, values: Any) -> Row | None:  # noqa: ANN401 - a tuple or a mapping
        try:
            async with self._pool.connection() as connection:
                found = await connection.execute(sql, values)
                row: Row | None = await found.fetchone()
        except errors.Error as violation:
            raise conflict(violation.sqlstate) or violation from violation
        return row
