"""Entities, loaded and stored in one session for each request; a delete needs no entity."""

from __future__ import annotations

from asyncio import gather
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from sqlalchemy import URL, delete
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm.exc import StaleDataError

from workloads.contract.fields import ORDER_COLUMNS, USER_COLUMNS
from workloads.databases.mariadb import drivers
from workloads.databases.postgresql import by_asyncpg, libpq
from workloads.services.settings import SettingsError
from workloads.services.sqlalchemy import queries
from workloads.services.sqlalchemy.models import Order, User
from workloads.services.sqlalchemy.queries import refusing
from workloads.services.sqlalchemy.reading import (
    InRequest,
    ReadAs,
    ReadClosesIn,
    ReadStatement,
    reader,
)
from workloads.services.sqlalchemy.records import RecordOver, fetcher, pool_class
from workloads.services.sqlalchemy.threads import (
    DividedRepository,
    EngineSettings,
    ThreadedRepository,
)

if TYPE_CHECKING:
    from sqlalchemy import CursorResult
    from sqlalchemy.orm import Session

    from workloads.services.repository import Fields, Row
    from workloads.services.settings import Database, Pool
    from workloads.services.sqlalchemy.reading import Model, Read, Sessions
    from workloads.services.sqlalchemy.records import Connect

IsolationLevel = Literal["AUTOCOMMIT", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] | None


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of this service alone; SQLAlchemy has those named as its arguments."""

    #: what carries the SQL; asyncmy and aiomysql to MariaDB
    driver: Literal["asyncpg", "psycopg", "asyncmy", "aiomysql"] = "asyncpg"
    #: the ``async`` engine; the ``sync`` one, whose sessions run in threads; or ``both`` in one
    #: application, orders by the synchronous one, each with half of the pool's connections
    engine: Literal["async", "sync", "both"] = "async"
    pool_pre_ping: bool = False  #: test a connection each time it leaves the pool
    #: ``AUTOCOMMIT`` saves BEGIN and ROLLBACK around a read; null keeps the transaction that a
    #: session opens by itself
    isolation_level: IsolationLevel = None
    #: ``rollback``, or null to return connections without a reset
    reset_on_return: Literal["rollback", "commit"] | None = "rollback"
    #: prepared statements kept by each connection of asyncpg
    prepared_statement_cache_size: int = 100
    #: how a row is read by its id: as an ``entity`` in a session, as a plain ``row`` over a
    #: connection, or as a ``record`` by the driver
    read_as: ReadAs = "entity"
    #: whether the statement for that is built for ``each`` request or ``once``
    read_statement: ReadStatement = "each"
    #: what closes the session or the connection of such a read: a ``task`` of its own, which
    #: SQLAlchemy's ``async with`` makes, or the ``request`` itself
    read_closes_in: ReadClosesIn = "task"
    #: where a record's connection comes from: SQLAlchemy's ``Connection``, in a ``greenlet`` or
    #: without one (``connection``); its ``pool``, without either; or a ``queue`` of connections
    record_over: RecordOver = "greenlet"

    def __post_init__(self) -> None:
        if self.read_as == "record" and self.driver != "asyncpg":
            raise SettingsError("read_as 'record' is read by asyncpg alone")
        if self.engine != "async" and self.driver != "psycopg":
            raise SettingsError(f"engine {self.engine!r} needs the driver 'psycopg'")
        reads = (self.read_as, self.read_statement, self.read_closes_in)
        if self.engine != "async" and reads != ("entity", "each", "task"):
            raise SettingsError(f"engine {self.engine!r} reads by the defaults of read_* alone")


def create(
    database: Database, pool: Pool, options: Options
) -> MappedRepository | ThreadedRepository | DividedRepository:
    """The repository over the engines of the options."""
    url = _url(database, options)
    if options.engine == "sync":
        return ThreadedRepository(url, pool, _settings(pool, options))
    if options.engine == "async":
        return MappedRepository(url, database, pool, options)
    half = replace(pool, size=max(1, pool.size // 2), overflow=pool.overflow // 2)
    rest = replace(pool, size=max(1, pool.size - half.size), overflow=pool.overflow - half.overflow)
    return DividedRepository(
        MappedRepository(url, database, rest, options),
        ThreadedRepository(url, half, _settings(half, options)),
    )


def _url(database: Database, options: Options) -> URL:
    """Where the database is, and by which driver."""
    if options.driver in drivers.DRIVERS:
        dialect, password = "mariadb", drivers.password(database)
    else:
        dialect, password = "postgresql", None  # its drivers find the password themselves
        libpq.prepare(database)
    return URL.create(
        f"{dialect}+{options.driver}",
        username=database.user,
        password=password,
        host=database.host,
        port=database.port,
        database=database.database,
    )


def _connection(options: Options) -> dict[str, object]:
    """The arguments of a driver's connections."""
    if options.driver == "asyncpg":
        return {"prepared_statement_cache_size": options.prepared_statement_cache_size}
    if options.driver == "psycopg":
        return {}
    return {**drivers.session(options.driver)}


def _settings(pool: Pool, options: Options) -> EngineSettings:
    """The arguments of either kind of engine."""
    settings: EngineSettings = {
        "pool_size": pool.size,
        "max_overflow": pool.overflow,
        "pool_pre_ping": options.pool_pre_ping,
        "pool_reset_on_return": options.reset_on_return,
    }
    if options.isolation_level:
        settings["isolation_level"] = options.isolation_level
    return settings


class MappedRepository:
    """Both tables over one asynchronous engine."""

    def __init__(self, url: URL, database: Database, pool: Pool, options: Options) -> None:
        self._engine = create_async_engine(
            url,
            connect_args=_connection(options),
            poolclass=pool_class(options.record_over),
            **_settings(pool, options),
        )
        self._size = pool.size
        self._queue = None
        if options.read_as == "record" and options.record_over == "queue":
            self._queue = by_asyncpg.ConnectionQueue(database)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self.users = self._table(User, USER_COLUMNS, options)
        self.orders = self._table(Order, ORDER_COLUMNS, options)

    async def open(self) -> None:
        """Open ``size`` connections by holding all of them at once.

        If a queue reads, its connections are opened, and those of the pool when a request needs it.

        Raises:
            DBAPIError: the server refuses one; those that it granted are given back before.
        """
        if self._queue:
            await self._queue.open(self._size)
            return
        first = await self._engine.connect()
        others = await gather(
            *(self._engine.connect() for _ in range(self._size - 1)), return_exceptions=True
        )
        refused = [each for each in others if isinstance(each, BaseException)]
        for connection in (first, *others):
            if not isinstance(connection, BaseException):
                await connection.close()
        if refused:
            raise refused[0]

    async def close(self) -> None:
        """Close the pool, and the queue."""
        await self._engine.dispose()
        if self._queue:
            await self._queue.close()

    def _table(self, model: Model, columns: tuple[str, ...], options: Options) -> _Table:
        engine, maker = self._engine, self._sessions
        sessions: Sessions = maker
        connect: Connect = engine.connect
        if options.read_closes_in == "request":
            sessions, connect = lambda: InRequest(maker()), lambda: InRequest(engine.connect())
        read = reader(
            sessions,
            connect,
            self._queue.read if self._queue else fetcher(engine, connect, options.record_over),
            model,
            columns,
            dialect=engine.dialect,
            read_as=options.read_as,
            statement=options.read_statement,
        )
        return _Table(maker, model, read)

    async def orders_of(self, user_id: int, limit: int, offset: int) -> list[Row]:
        """Return orders of a user, each with the user's name: one join."""
        statement = queries.orders_of(user_id, limit, offset)
        async with self._sessions() as session:
            orders = await session.scalars(statement)
            return [{**order.row(), "username": order.user.username} for order in orders]

    async def users_with_orders(self, loading: str, limit: int, offset: int) -> list[Row]:
        """Return users with their orders, by one of the three kinds of loading."""
        statement = queries.users_with_orders(loading, limit, offset)
        async with self._sessions() as session:
            users = (await session.scalars(statement)).unique().all()
            if loading == "lazy":
                for user in users:
                    # As AsyncAttrs does, which SQLAlchemy 2.0.0 lacks.
                    await session.run_sync(_load_orders, user)
        return [{**user.row(), "orders": [each.row() for each in user.orders]} for user in users]


def _load_orders(_session: Session, user: User) -> None:
    _ = user.orders


class _Table:
    """The five operations on one table."""

    def __init__(self, sessions: Sessions, model: Model, read: Read) -> None:
        self._sessions = sessions
        self._model = model
        self.read = read

    async def page(self, limit: int, offset: int) -> list[Row]:
        statement = queries.page(self._model, limit, offset)
        async with self._sessions() as session:
            return [entity.row() for entity in await session.scalars(statement)]

    async def create(self, fields: Fields) -> Row:
        entity = self._model(**fields)
        async with refusing(), self._sessions() as session:
            session.add(entity)
            await session.commit()
        return entity.row()

    async def update(self, row_id: int, fields: Fields) -> Row | None:
        # As the article's code and Tortoise do: read, change, write.
        async with refusing(), self._sessions() as session:
            entity = await session.get(self._model, row_id)
            if entity is None:
                return None
            queries.change(entity, fields)
            try:
                await session.commit()
            except StaleDataError:  # another request has deleted the row since it was read
                return None
        return entity.row()

    async def delete(self, row_id: int) -> bool:
        statement = delete(self._model).where(self._model.id == row_id)
        async with refusing(deleting=True), self._sessions() as session:
            outcome = cast("CursorResult[Any]", await session.execute(statement))
            await session.commit()
        return bool(outcome.rowcount)
