"""Hand-written SQL over an asyncpg pool; asyncpg prepares and keeps each statement by its text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
from asyncpg.exceptions import PostgresError

from workloads.contract import fields
from workloads.databases.postgresql import by_asyncpg, libpq
from workloads.services.asyncpg import statements
from workloads.services.errors import conflict
from workloads.services.repository import by_user

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workloads.contract.fields import Field
    from workloads.services.asyncpg.statements import Statements
    from workloads.services.repository import Fields, Row
    from workloads.services.settings import Database, Pool


class PlainRepository:
    """Both tables over one pool."""

    def __init__(self, database: Database, pool: Pool, options: by_asyncpg.Options) -> None:
        self._database = database
        self._size = pool
        self._options = options

    async def open(self) -> None:
        """Open ``size`` connections; the pool may grow by ``overflow``."""
        libpq.prepare(self._database)
        self._pool = await asyncpg.create_pool(
            host=self._database.host,
            port=self._database.port,
            user=self._database.user,
            database=self._database.database,
            min_size=self._size.size,
            max_size=self._size.size + self._size.overflow,
            statement_cache_size=self._options.statement_cache_size,
            connection_class=by_asyncpg.connection_class(
                reset_on_return=self._options.reset_on_return
            ),
        )
        self.users = _Table(self._pool, statements.USERS, fields.USER)
        self.orders = _Table(self._pool, statements.ORDERS, fields.ORDER)

    async def close(self) -> None:
        """Close the pool."""
        await self._pool.close()

    async def orders_of(self, user_id: int, limit: int, offset: int) -> list[Row]:
        """Return orders of a user, each with the user's name: one join."""
        rows = await self._pool.fetch(statements.ORDERS_WITH_USERNAME, user_id, limit, offset)
        return [dict(row) for row in rows]

    async def users_with_orders(self, loading: str, limit: int, offset: int) -> list[Row]:
        """Return users with their orders, by one of the three kinds of loading."""
        load = {"lazy": self._lazy, "prefetch": self._prefetch, "join": self._join}[loading]
        return await load(limit, offset)

    async def _lazy(self, limit: int, offset: int) -> list[Row]:
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(statements.USERS.page, limit, offset)
            users = [dict(row) for row in rows]
            for user in users:
                orders = await connection.fetch(statements.ORDERS_OF_USER, user["id"])
                user["orders"] = [dict(order) for order in orders]
        return users

    async def _prefetch(self, limit: int, offset: int) -> list[Row]:
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(statements.USERS.page, limit, offset)
            users = {row["id"]: dict(row, orders=[]) for row in rows}
            orders = await connection.fetch(statements.ORDERS_OF_USERS, list(users))
        for order in orders:
            users[order["user_id"]]["orders"].append(dict(order))
        return list(users.values())

    async def _join(self, limit: int, offset: int) -> list[Row]:
        rows = await self._pool.fetch(statements.USERS_JOIN_ORDERS, limit, offset)
        return by_user(map(tuple, rows))


class _Table:
    """The five operations on one table."""

    def __init__(self, pool: Any, sql: Statements, known: Mapping[str, Field]) -> None:  # noqa: ANN401 - asyncpg ships no types
        self._pool = pool
        self._sql = sql
        self._known = known

    async def read(self, row_id: int) -> Row | None:
        row = await self._pool.fetchrow(self._sql.read, row_id)
        return None if row is None else dict(row)

    async def page(self, limit: int, offset: int) -> list[Row]:
        return [dict(row) for row in await self._pool.fetch(self._sql.page, limit, offset)]

    async def create(self, fields: Fields) -> Row:
        try:
            row = await self._pool.fetchrow(self._sql.create, *self._values(fields))
        except PostgresError as violation:
            raise conflict(violation.sqlstate) or violation from violation
        return dict(row)

    async def update(self, row_id: int, fields: Fields) -> Row | None:
        try:
            row = await self._pool.fetchrow(self._sql.update, row_id, *self._values(fields))
        except PostgresError as violation:
            raise conflict(violation.sqlstate) or violation from violation
        return None if row is None else dict(row)

    async def delete(self, row_id: int) -> bool:
        try:
            outcome: str = await self._pool.execute(self._sql.delete, row_id)
        except PostgresError as violation:
            raise conflict(violation.sqlstate, deleting=True) or violation from violation
        return outcome != "DELETE 0"

    def _values(self, fields: Fields) -> list[Any]:
        return [fields.get(name) for name in self._known]
