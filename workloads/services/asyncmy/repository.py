"""Hand-written SQL over asyncmy's pool; every statement but an update is its own transaction."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncmy
from asyncmy.cursors import DictCursor
from asyncmy.errors import MySQLError

from workloads.contract import fields
from workloads.databases.mariadb import codes, drivers
from workloads.services.asyncmy import statements
from workloads.services.repository import by_user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from workloads.contract.fields import Field
    from workloads.services.asyncmy.statements import Statements
    from workloads.services.repository import Fields, Row
    from workloads.services.settings import Database, Pool


@dataclass(frozen=True, kw_only=True)
class Options:
    """This service has no options."""


class PlainRepository:
    """Both tables over one pool."""

    def __init__(self, database: Database, pool: Pool, options: Options) -> None:  # noqa: ARG002 - as every service
        self._database = database
        self._size = pool

    async def open(self) -> None:
        """Open ``size`` connections; the pool may grow by ``overflow``."""
        self._pool = await asyncmy.create_pool(
            host=self._database.host,
            port=self._database.port,
            user=self._database.user,
            password=drivers.password(self._database),
            db=self._database.database,
            **drivers.session("asyncmy"),
            minsize=self._size.size,
            maxsize=self._size.size + self._size.overflow,
            autocommit=True,
        )
        self.users = _Table(self._pool, statements.USERS, fields.USER)
        self.orders = _Table(self._pool, statements.ORDERS, fields.ORDER)

    async def close(self) -> None:
        """Close the pool."""
        self._pool.close()
        await self._pool.wait_closed()

    async def orders_of(self, user_id: int, limit: int, offset: int) -> list[Row]:
        """Return orders of a user, each with the user's name: one join."""
        async with _rows(self._pool) as cursor:
            return await _all(cursor, statements.ORDERS_WITH_USERNAME, (user_id, limit, offset))

    async def users_with_orders(self, loading: str, limit: int, offset: int) -> list[Row]:
        """Return users with their orders, by one of the three kinds of loading."""
        load = {"lazy": self._lazy, "prefetch": self._prefetch, "join": self._join}[loading]
        return await load(limit, offset)

    async def _lazy(self, limit: int, offset: int) -> list[Row]:
        async with _rows(self._pool) as cursor:
            users = await _all(cursor, statements.USERS.page, (limit, offset))
            for user in users:
                user["orders"] = await _all(cursor, statements.ORDERS_OF_USER, (user["id"],))
        return users

    async def _prefetch(self, limit: int, offset: int) -> list[Row]:
        async with _rows(self._pool) as cursor:
            page = await _all(cursor, statements.USERS.page, (limit, offset))
            users = {row["id"]: row | {"orders": []} for row in page}
            # An empty list is no SQL; no user has the id 0.
            chosen = (tuple(users) or (0,),)
            orders = await _all(cursor, statements.ORDERS_OF_USERS, chosen)
        for order in orders:
            users[order["user_id"]]["orders"].append(order)
        return list(users.values())

    async def _join(self, limit: int, offset: int) -> list[Row]:
        # Names of columns stand twice in these rows, so they are read by position.
        async with self._pool.acquire() as connection, connection.cursor() as cursor:
            await cursor.execute(statements.USERS_JOIN_ORDERS, (limit, offset))
            return by_user(await cursor.fetchall())


@asynccontextmanager
async def _rows(pool: Any) -> AsyncIterator[Any]:  # noqa: ANN401 - asyncmy ships no types
    """A cursor of a connection of the pool, whose rows are dictionaries."""
    async with pool.acquire() as connection, connection.cursor(DictCursor) as cursor:
        yield cursor


async def _all(cursor: Any, sql: str, values: tuple[object, ...]) -> list[Row]:  # noqa: ANN401 - asyncmy ships no types
    await cursor.execute(sql, values)
    return list(await cursor.fetchall())


class _Table:
    """The five operations on one table."""

    def __init__(self, pool: Any, sql: Statements, known: Mapping[str, Field]) -> None:  # noqa: ANN401 - asyncmy ships no types
        self._pool = pool
        self._sql = sql
        self._known = known

    async def read(self, row_id: int) -> Row | None:
        async with _rows(self._pool) as cursor:
            await cursor.execute(self._sql.read, (row_id,))
            row: Row | None = await cursor.fetchone()
        return row

    async def page(self, limit: int, offset: int) -> list[Row]:
        async with _rows(self._pool) as cursor:
            return await _all(cursor, self._sql.page, (limit, offset))

    async def create(self, fields: Fields) -> Row:
        async with _refusing(), _rows(self._pool) as cursor:
            await cursor.execute(self._sql.create, self._values(fields))
            row: Row = await cursor.fetchone()
        return row

    async def update(self, row_id: int, fields: Fields) -> Row | None:
        async with _refusing(), self._pool.acquire() as connection:
            await connection.begin()
            try:
                async with connection.cursor(DictCursor) as cursor:
                    found = await cursor.execute(self._sql.update, (*self._values(fields), row_id))
                    await cursor.execute(self._sql.read, (row_id,))
                    row: Row | None = await cursor.fetchone() if found else None
            except BaseException:
                await connection.rollback()
                raise
            await connection.commit()
        return row

    async def delete(self, row_id: int) -> bool:
        async with _refusing(deleting=True), _rows(self._pool) as cursor:
            return bool(await cursor.execute(self._sql.delete, (row_id,)))

    def _values(self, fields: Fields) -> tuple[Any, ...]:
        return tuple(fields.get(name) for name in self._known)


@asynccontextmanager
async def _refusing(*, deleting: bool = False) -> AsyncIterator[None]:
    """Turn an error of the database into the contract's refusal, if there is one."""
    try:
        yield
    except MySQLError as violation:
        raise codes.refusal(violation, deleting=deleting) or violation from violation
