"""Entities, loaded and stored in one session for each request; a delete needs no entity."""

from __future__ import annotations

from asyncio import gather
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from sqlalchemy import URL, delete, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import joinedload, selectinload
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.orm.exc import StaleDataError

from workloads.contract.fields import ORDER_COLUMNS, USER_COLUMNS
from workloads.services import postgres
from workloads.services.errors import conflict
from workloads.services.sqlalchemy.models import Order, User
from workloads.services.sqlalchemy.reading import ReadAs, ReadStatement, reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import CursorResult
    from sqlalchemy.orm import Session

    from workloads.services.repository import Fields, Row
    from workloads.services.settings import Database, Pool
    from workloads.services.sqlalchemy.reading import Model, Read, Sessions

IsolationLevel = Literal["AUTOCOMMIT", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] | None


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of this service alone; all names but the last two are SQLAlchemy's."""

    pool_pre_ping: bool = False  #: test a connection each time it leaves the pool
    #: ``AUTOCOMMIT`` saves BEGIN and ROLLBACK around a read; null keeps the transaction that a
    #: session opens by itself
    isolation_level: IsolationLevel = None
    #: ``rollback``, or null to return connections without a reset
    reset_on_return: Literal["rollback", "commit"] | None = "rollback"
    prepared_statement_cache_size: int = 100  #: prepared statements kept by each connection
    #: how a row is read by its id: as an ``entity`` in a session, as a plain ``row`` over a
    #: connection, or as a ``record`` by the driver
    read_as: ReadAs = "entity"
    #: whether the statement for that is built for ``each`` request or ``once``
    read_statement: ReadStatement = "each"


class MappedRepository:
    """Both tables over one engine."""

    def __init__(self, database: Database, pool: Pool, options: Options) -> None:
        postgres.use_passfile(database)
        url = URL.create(
            "postgresql+asyncpg",
            username=database.user,
            host=database.host,
            port=database.port,
            database=database.database,
        )
        level = {"isolation_level": options.isolation_level} if options.isolation_level else {}
        self._engine = create_async_engine(
            url,
            pool_size=pool.size,
            max_overflow=pool.overflow,
            pool_pre_ping=options.pool_pre_ping,
            pool_reset_on_return=options.reset_on_return,
            connect_args={"prepared_statement_cache_size": options.prepared_statement_cache_size},
            **level,
        )
        self._size = pool.size
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self.users = self._table(User, USER_COLUMNS, options)
        self.orders = self._table(Order, ORDER_COLUMNS, options)

    async def open(self) -> None:
        """Open ``size`` connections by holding all of them at once."""
        first = await self._engine.connect()
        others = await gather(*(self._engine.connect() for _ in range(self._size - 1)))
        for connection in (first, *others):
            await connection.close()

    async def close(self) -> None:
        """Close the pool."""
        await self._engine.dispose()

    def _table(self, model: Model, columns: tuple[str, ...], options: Options) -> _Table:
        read = reader(
            self._engine,
            self._sessions,
            model,
            columns,
            read_as=options.read_as,
            statement=options.read_statement,
        )
        return _Table(self._sessions, model, read)

    async def orders_of(self, user_id: int, limit: int, offset: int) -> list[Row]:
        """Return orders of a user, each with the user's name: one join."""
        statement = (
            select(Order)
            .options(joinedload(Order.user, innerjoin=True).load_only(User.username))
            .where(Order.user_id == user_id)
            .order_by(Order.id)
            .limit(limit)
            .offset(offset)
        )
        async with self._sessions() as session:
            orders = await session.scalars(statement)
            return [{**order.row(), "username": order.user.username} for order in orders]

    async def users_with_orders(self, loading: str, limit: int, offset: int) -> list[Row]:
        """Return users with their orders, by one of the three kinds of loading."""
        statement = select(User).order_by(User.id).limit(limit).offset(offset)
        if loading == "prefetch":
            statement = statement.options(selectinload(User.orders))
        elif loading == "join":
            statement = statement.options(joinedload(User.orders))
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
        model = self._model
        statement = select(model).order_by(model.id).limit(limit).offset(offset)
        async with self._sessions() as session:
            return [entity.row() for entity in await session.scalars(statement)]

    async def create(self, fields: Fields) -> Row:
        entity = self._model(**fields)
        async with _refusing(), self._sessions() as session:
            session.add(entity)
            await session.commit()
        return entity.row()

    async def update(self, row_id: int, fields: Fields) -> Row | None:
        # As the article's code and Tortoise do: read, change, write.
        async with _refusing(), self._sessions() as session:
            entity = await session.get(self._model, row_id)
            if entity is None:
                return None
            for name, value in fields.items():
                setattr(entity, name, value)
                flag_modified(entity, name)  # written even if the value is the same
            try:
                await session.commit()
            except StaleDataError:  # another request has deleted the row since it was read
                return None
        return entity.row()

    async def delete(self, row_id: int) -> bool:
        statement = delete(self._model).where(self._model.id == row_id)
        async with _refusing(deleting=True), self._sessions() as session:
            outcome = cast("CursorResult[Any]", await session.execute(statement))
            await session.commit()
        return bool(outcome.rowcount)


@asynccontextmanager
async def _refusing(*, deleting: bool = False) -> AsyncIterator[None]:
    """Turn an error of the database into the contract's refusal, if there is one."""
    try:
        yield
    except DBAPIError as violation:
        sqlstate = getattr(violation.orig, "sqlstate", None)
        raise conflict(sqlstate, deleting=deleting) or violation from violation
