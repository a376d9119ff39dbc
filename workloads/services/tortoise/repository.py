"""Models, loaded and stored one statement at a time, each in its own transaction."""

from __future__ import annotations

from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from tortoise import Tortoise, connections
from tortoise.backends.asyncpg.client import TransactionWrapper
from tortoise.exceptions import IntegrityError
from tortoise.expressions import Subquery
from tortoise.query_utils import Prefetch

from workloads.contract.fields import ORDER_COLUMNS, USER_COLUMNS
from workloads.databases.mariadb import codes, drivers
from workloads.databases.postgresql import by_asyncpg, libpq
from workloads.services.errors import conflict
from workloads.services.repository import by_user
from workloads.services.settings import SettingsError
from workloads.services.tortoise.models import Order, User

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from workloads.services.repository import Fields, Row
    from workloads.services.settings import Database, Pool

    type Model = type[User | Order]
    type Read = Callable[[int], Awaitable[Row | None]]
    type Connection = Callable[[], AbstractAsyncContextManager[None]]

_BACKENDS = {"asyncpg": "asyncpg", "psycopg": "psycopg", "asyncmy": "mysql"}


@dataclass(frozen=True, kw_only=True)
class Options(by_asyncpg.Options):
    """Options of this service; those that it has from asyncpg hold for that driver."""

    #: what carries the SQL; asyncmy to MariaDB
    driver: Literal["asyncpg", "psycopg", "asyncmy"] = "asyncpg"
    #: how a row is read by its id: as an ``entity`` by a query that is built for each request; as a
    #: plain ``row`` by hand-written SQL; or as a ``record``, by asyncpg without Tortoise's client
    read_as: Literal["entity", "row", "record"] = "entity"
    #: where a record's connection comes from: asyncpg's ``pool``, or a ``queue`` of connections
    record_over: Literal["pool", "queue"] = "pool"
    #: keep one connection for all statements of a request; without it each statement takes one from
    #: the pool and gives it back, which resets it (Tortoise's way outside a transaction)
    pin_connection: bool = False

    def __post_init__(self) -> None:
        if self.driver != "asyncpg" and (self.read_as == "record" or self.pin_connection):
            raise SettingsError("read_as 'record' and pin_connection are for asyncpg alone")


class ActiveRepository:
    """Both tables over Tortoise's one connection, which is a pool."""

    def __init__(self, database: Database, pool: Pool, options: Options) -> None:
        self._database = database
        self._pool = pool
        self._options = options
        self._connection = _one_connection if options.pin_connection else nullcontext
        self._queue = None
        if options.read_as == "record" and options.record_over == "queue":
            self._queue = by_asyncpg.ConnectionQueue(database)

    async def open(self) -> None:
        """Open ``size`` connections; the pool may grow by ``overflow``.

        If a queue reads, its connections are opened, and those of the pool when a request needs it.
        """
        credentials: dict[str, object] = {
            "host": self._database.host,
            "port": self._database.port,
            "user": self._database.user,
            "password": self._password(),
            "database": self._database.database,
            "minsize": self._pool.size,
            "maxsize": self._pool.size + self._pool.overflow,
        }
        if self._options.driver == "asyncpg":
            reset = self._options.reset_on_return
            credentials |= {
                "statement_cache_size": self._options.statement_cache_size,
                "connection_class": by_asyncpg.connection_class(reset_on_return=reset),
            }
        elif self._options.driver == "asyncmy":
            credentials |= drivers.session("asyncmy")
        else:
            from workloads.databases.postgresql import by_psycopg  # noqa: PLC0415 - not every stack has psycopg

            by_psycopg.require(self._database, self._pool.size)
        engine = f"tortoise.backends.{_BACKENDS[self._options.driver]}"
        await Tortoise.init(
            config={
                "connections": {"default": {"engine": engine, "credentials": credentials}},
                "apps": {"models": {"models": [User.__module__], "default_connection": "default"}},
                "use_tz": True,
                "timezone": "UTC",
            }
        )
        if self._queue:
            await self._queue.open(self._pool.size)
        else:
            # The first statement makes the pool, which then opens its minimum.
            await connections.get("default").execute_query("SELECT 1")
        self.users = _Table(User, self._reader(User, USER_COLUMNS), self._connection)
        self.orders = _Table(Order, self._reader(Order, ORDER_COLUMNS), self._connection)

    def _password(self) -> str | None:
        """The password, where the driver does not read it itself."""
        if self._options.driver == "asyncmy":
            return drivers.password(self._database)
        libpq.prepare(self._database)
        return None

    async def close(self) -> None:
        """Close the pool, and the queue."""
        await connections.close_all()
        if self._queue:
            await self._queue.close()

    def _reader(self, model: Model, columns: tuple[str, ...]) -> Read:
        if self._options.read_as == "entity":
            return _entity(model)
        # The text has only names of the schema; values are parameters.
        place = "%s" if self._options.driver == "asyncmy" else "$1"
        sql = f"SELECT {', '.join(columns)} FROM {model.Meta.table} WHERE id = {place}"  # noqa: S608
        if self._options.read_as == "row":
            return _row(sql)
        return partial(self._queue.read, sql) if self._queue else _record(sql)

    async def orders_of(self, user_id: int, limit: int, offset: int) -> list[Row]:
        """Return orders of a user, each with the user's name: one join."""
        orders = (
            await Order.filter(user_id=user_id)
            .select_related("user")
            .order_by("id")
            .limit(limit)
            .offset(offset)
        )
        return [{**order.row(), "username": order.user.username} for order in orders]

    async def users_with_orders(self, loading: str, limit: int, offset: int) -> list[Row]:
        """Return users with their orders, by one of the three kinds of loading."""
        if loading == "join":
            if self._options.driver == "asyncmy":
                return await _joined_by_hand(limit, offset)
            return await _joined(limit, offset)
        async with self._connection():
            return await _each_with_orders(limit, offset, prefetch=loading == "prefetch")


class _Table:
    """The five operations on one table."""

    def __init__(self, model: Model, read: Read, connection: Connection) -> None:
        self._model = model
        self.read = read
        self._connection = connection

    async def page(self, limit: int, offset: int) -> list[Row]:
        entities = await self._model.all().order_by("id").limit(limit).offset(offset)
        return [entity.row() for entity in entities]

    async def create(self, fields: Fields) -> Row:
        async with _refusing():
            entity = await self._model.create(**fields)
        return entity.row()

    async def update(self, row_id: int, fields: Fields) -> Row | None:
        async with self._connection():
            return await self._update(row_id, fields)

    async def _update(self, row_id: int, fields: Fields) -> Row | None:
        entity = await self._model.get_or_none(id=row_id)
        if entity is None:
            return None
        entity.update_from_dict(dict(fields))
        async with _refusing():
            try:
                await entity.save(update_fields=list(fields), force_update=True)
            except IntegrityError as problem:
                if _of_driver(problem) is None:  # another request has deleted the row since
                    return None
                raise
        return entity.row()

    async def delete(self, row_id: int) -> bool:
        async with _refusing(deleting=True):
            return bool(await self._model.filter(id=row_id).delete())


def _entity(model: Model) -> Read:
    async def read(row_id: int) -> Row | None:
        entity = await model.get_or_none(id=row_id)
        return None if entity is None else entity.row()

    return read


def _row(sql: str) -> Read:
    async def read(row_id: int) -> Row | None:
        rows: list[Row] = await connections.get("default").execute_query_dict(sql, [row_id])
        return rows[0] if rows else None

    return read


def _record(sql: str) -> Read:
    client: Any = connections.get("default")
    pool = client._pool  # noqa: SLF001 - what Tortoise's client does around it is left out

    async def read(row_id: int) -> Row | None:
        async with pool.acquire() as connection:
            record = await connection.fetchrow(sql, row_id)
        return by_asyncpg.row(record)

    return read


async def _each_with_orders(limit: int, offset: int, *, prefetch: bool) -> list[Row]:
    query = User.all().order_by("id").limit(limit).offset(offset)
    if prefetch:
        query = query.prefetch_related(Prefetch("orders", Order.all().order_by("id")))
    rows = []
    for user in await query:
        orders = user.orders if prefetch else await user.orders.order_by("id")
        rows.append({**user.row(), "orders": [order.row() for order in orders]})
    return rows


async def _joined(limit: int, offset: int) -> list[Row]:
    """Read columns over an outer join, because Tortoise loads no reverse relation with a join."""
    chosen = Subquery(User.all().order_by("id").limit(limit).offset(offset).values("id"))
    columns = (*USER_COLUMNS, *(f"orders__{name}" for name in ORDER_COLUMNS))
    query = User.filter(id__in=chosen).order_by("id", "orders__id")
    return by_user(await query.values_list(*columns))


async def _joined_by_hand(limit: int, offset: int) -> list[Row]:
    """The same by hand-written SQL: MariaDB takes no LIMIT in a subquery of IN."""
    users = [f"u.{name} AS u_{name}" for name in USER_COLUMNS]
    orders = [f"o.{name} AS o_{name}" for name in ORDER_COLUMNS]
    # The text has only names of the schema; values are parameters.
    sql = (
        f"SELECT {', '.join([*users, *orders])} "  # noqa: S608
        "FROM (SELECT * FROM users ORDER BY id LIMIT %s OFFSET %s) u "
        "LEFT JOIN orders o ON o.user_id = u.id ORDER BY u.id, o.id"
    )
    rows = await connections.get("default").execute_query_dict(sql, [limit, offset])
    return by_user(tuple(row.values()) for row in rows)


@asynccontextmanager
async def _one_connection() -> AsyncIterator[None]:
    """Keep one connection of the pool for every statement within, and begin no transaction.

    Tortoise's own way to keep one is a transaction, which costs BEGIN and COMMIT. A query must be
    made within too, because it takes the connection of the time at which it is made.
    """
    client: Any = connections.get("default")
    async with client.acquire_connection() as connection:
        kept = TransactionWrapper(client)
        kept._connection = connection  # noqa: SLF001 - as Tortoise sets it to begin a transaction
        token = connections.set("default", kept)
        try:
            yield
        finally:
            connections.reset(token)


@asynccontextmanager
async def _refusing(*, deleting: bool = False) -> AsyncIterator[None]:
    """Turn an error of the database into the contract's refusal, if there is one."""
    try:
        yield
    except Exception as violation:  # Tortoise lets some errors of each driver pass
        own = _of_driver(violation)
        if codes.number(own) is not None:  # a driver of MariaDB
            refusal = codes.refusal(own, deleting=deleting)
        else:
            refusal = conflict(getattr(own, "sqlstate", None), deleting=deleting)
        raise refusal or violation from violation


def _of_driver(problem: Exception) -> BaseException | None:
    """The driver's error that Tortoise wrapped or let pass; None for one of its own."""
    wrapped = problem.__cause__ or next(iter(problem.args), None)
    for each in (problem, wrapped):
        if isinstance(each, BaseException) and hasattr(each, "sqlstate"):
            return each
    return None
