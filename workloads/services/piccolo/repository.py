"""Piccolo's queries, which answer with dictionaries; each takes a connection from the pool.

Piccolo follows a foreign key in one direction. From a user to its orders there is no relation:
these are read by what its documentation has for it, a query of the other table or ``join_on``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
from asyncpg.exceptions import PostgresError
from piccolo.engine.postgres import PostgresEngine

from workloads.databases.postgresql import by_asyncpg, libpq
from workloads.services.errors import conflict
from workloads.services.piccolo.tables import Order, User
from workloads.services.repository import by_user

if TYPE_CHECKING:
    from workloads.services.repository import Fields, Row
    from workloads.services.settings import Database, Pool


class TableRepository:
    """Both tables over the engine's pool."""

    def __init__(self, database: Database, pool: Pool, options: by_asyncpg.Options) -> None:
        self._database = database
        self._size = pool
        self._options = options
        self.users = _Rows(User)
        self.orders = _Rows(Order)

    async def open(self) -> None:
        """Open ``size`` connections; the pool may grow by ``overflow``."""
        libpq.prepare(self._database)
        where = self._database
        server = {
            "host": where.host,
            "port": where.port,
            "user": where.user,
            "database": where.database,
        }
        # Where it cannot connect, an engine warns and goes on.
        await (await asyncpg.connect(**server)).close()
        self._engine = PostgresEngine(server)
        await self._engine.start_connection_pool(
            min_size=self._size.size,
            max_size=self._size.size + self._size.overflow,
            statement_cache_size=self._options.statement_cache_size,
            connection_class=by_asyncpg.connection_class(
                reset_on_return=self._options.reset_on_return
            ),
        )
        for table in (User, Order):
            table._meta.db = self._engine  # noqa: SLF001 - Piccolo's place for what is not known on import

    async def close(self) -> None:
        """Close the pool."""
        await self._engine.close_connection_pool()

    async def orders_of(self, user_id: int, limit: int, offset: int) -> list[Row]:
        """Return orders of a user, each with the user's name: one join."""
        orders: list[Row] = (
            await Order.select(*Order.all_columns(), Order.user_id.username.as_alias("username"))
            .where(Order.user_id == user_id)
            .order_by(Order.id)
            .limit(limit)
            .offset(offset)
        )
        return orders

    async def users_with_orders(self, loading: str, limit: int, offset: int) -> list[Row]:
        """Return users with their orders, by one of the three kinds of loading."""
        load = {"lazy": _lazy, "prefetch": _prefetch, "join": _join}[loading]
        return await load(limit, offset)


class _Rows:
    """The five operations on one table."""

    def __init__(self, table: Any) -> None:  # noqa: ANN401 - Piccolo adds the column id, untyped
        self._table = table

    async def read(self, row_id: int) -> Row | None:
        row: Row | None = await self._table.select().where(self._table.id == row_id).first()
        return row

    async def page(self, limit: int, offset: int) -> list[Row]:
        query = self._table.select().order_by(self._table.id).limit(limit).offset(offset)
        rows: list[Row] = await query
        return rows

    async def create(self, fields: Fields) -> Row:
        query = self._table.insert(self._table(**fields)).returning(*self._table.all_columns())
        try:
            rows: list[Row] = await query
        except PostgresError as violation:
            raise conflict(violation.sqlstate) or violation from violation
        return rows[0]

    async def update(self, row_id: int, fields: Fields) -> Row | None:
        query = (
            self._table.update(dict(fields))
            .where(self._table.id == row_id)
            .returning(*self._table.all_columns())
        )
        try:
            rows: list[Row] = await query
        except PostgresError as violation:
            raise conflict(violation.sqlstate) or violation from violation
        return rows[0] if rows else None

    async def delete(self, row_id: int) -> bool:
        query = self._table.delete().where(self._table.id == row_id).returning(self._table.id)
        try:
            return bool(await query)
        except PostgresError as violation:
            raise conflict(violation.sqlstate, deleting=True) or violation from violation


async def _lazy(limit: int, offset: int) -> list[Row]:
    users: list[Row] = await User.select().order_by(User.id).limit(limit).offset(offset)
    for user in users:
        user["orders"] = await Order.select().where(Order.user_id == user["id"]).order_by(Order.id)
    return users


async def _prefetch(limit: int, offset: int) -> list[Row]:
    rows = await User.select().order_by(User.id).limit(limit).offset(offset)
    users = {row["id"]: row | {"orders": []} for row in rows}
    if users:  # Piccolo refuses an empty list
        of_them = Order.user_id.is_in(list(users))
        for order in await Order.select().where(of_them).order_by(Order.id):
            users[order["user_id"]]["orders"].append(order)
    return list(users.values())


async def _join(limit: int, offset: int) -> list[Row]:
    chosen = User.select(User.id).order_by(User.id).limit(limit).offset(offset)
    orders = User.id.join_on(Order.user_id)
    rows = (
        await User.select(*User.all_columns(), *orders.all_columns())
        .where(User.id.is_in(chosen))
        .order_by(User.id, orders.id)
    )
    return by_user(tuple(row.values()) for row in rows)
