"""The synchronous engine in an asynchronous application: each request's session runs in a thread.

There are as many threads as connections. So a request waits for a thread, in the order of the
requests, and a thread never waits for a connection.
"""

from __future__ import annotations

from asyncio import get_running_loop
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NotRequired, Protocol, TypedDict, cast

from sqlalchemy import create_engine, delete
from sqlalchemy.orm import sessionmaker
from sqlalchemy.orm.exc import StaleDataError

from workloads.services.sqlalchemy import queries
from workloads.services.sqlalchemy.models import Order, User
from workloads.services.sqlalchemy.queries import refusing

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import URL, CursorResult
    from sqlalchemy.orm import Session

    from workloads.services.repository import Fields, Row
    from workloads.services.settings import Pool
    from workloads.services.sqlalchemy.queries import Model
    from workloads.services.sqlalchemy.repository import MappedRepository


class EngineSettings(TypedDict):
    """Arguments that either kind of engine takes, as SQLAlchemy names them."""

    pool_size: int
    max_overflow: int
    pool_pre_ping: bool
    pool_reset_on_return: str | None
    isolation_level: NotRequired[str]


class _InSession(Protocol):
    """Does something in a session of its own, in a thread."""

    async def __call__[T](self, work: Callable[[Session], T]) -> T: ...


class ThreadedRepository:
    """Both tables over one synchronous engine."""

    def __init__(self, url: URL, pool: Pool, settings: EngineSettings) -> None:
        self._engine = create_engine(url, **settings)
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)
        self._size = pool.size
        self._threads = ThreadPoolExecutor(pool.size + pool.overflow)
        self.users = _Table(self._in_session, User)
        self.orders = _Table(self._in_session, Order)

    async def open(self) -> None:
        """Open ``size`` connections by holding all of them at once."""
        await get_running_loop().run_in_executor(self._threads, self._fill)

    async def close(self) -> None:
        """End the threads, and close the pool."""
        self._threads.shutdown()
        self._engine.dispose()

    async def orders_of(self, user_id: int, limit: int, offset: int) -> list[Row]:
        """Return orders of a user, each with the user's name: one join."""

        def load(session: Session) -> list[Row]:
            orders = session.scalars(queries.orders_of(user_id, limit, offset))
            return [{**order.row(), "username": order.user.username} for order in orders]

        return await self._in_session(load)

    async def users_with_orders(self, loading: str, limit: int, offset: int) -> list[Row]:
        """Return users with their orders, by one of the three kinds of loading."""

        def load(session: Session) -> list[Row]:
            users = session.scalars(queries.users_with_orders(loading, limit, offset)).unique()
            # Loaded lazily, the orders of each user are a query of their own here.
            return [user.row() | {"orders": [each.row() for each in user.orders]} for user in users]

        return await self._in_session(load)

    async def _in_session[T](self, work: Callable[[Session], T]) -> T:
        def carry_out() -> T:
            with self._sessions() as session:
                return work(session)

        return await get_running_loop().run_in_executor(self._threads, carry_out)

    def _fill(self) -> None:
        with ExitStack() as held:
            for _ in range(self._size):
                held.enter_context(self._engine.connect())


class DividedRepository:
    """One application with both engines: users by the asynchronous, orders by the synchronous one.

    A request that is about both belongs to the table whose rows it returns.
    """

    def __init__(self, of_users: MappedRepository, of_orders: ThreadedRepository) -> None:
        self._both = (of_users, of_orders)
        self.users, self.users_with_orders = of_users.users, of_users.users_with_orders
        self.orders, self.orders_of = of_orders.orders, of_orders.orders_of

    async def open(self) -> None:
        """Open both pools."""
        for each in self._both:
            await each.open()

    async def close(self) -> None:
        """Close both pools."""
        for each in self._both:
            await each.close()


class _Table:
    """The five operations on one table."""

    def __init__(self, in_session: _InSession, model: Model) -> None:
        self._in_session = in_session
        self._model = model

    async def read(self, row_id: int) -> Row | None:
        def load(session: Session) -> Row | None:
            entity = session.get(self._model, row_id)
            return None if entity is None else entity.row()

        return await self._in_session(load)

    async def page(self, limit: int, offset: int) -> list[Row]:
        def load(session: Session) -> list[Row]:
            statement = queries.page(self._model, limit, offset)
            return [entity.row() for entity in session.scalars(statement)]

        return await self._in_session(load)

    async def create(self, fields: Fields) -> Row:
        def insert(session: Session) -> Row:
            entity = self._model(**fields)
            session.add(entity)
            session.commit()
            return entity.row()

        async with refusing():
            return await self._in_session(insert)

    async def update(self, row_id: int, fields: Fields) -> Row | None:
        def change(session: Session) -> Row | None:
            entity = session.get(self._model, row_id)
            if entity is None:
                return None
            queries.change(entity, fields)
            try:
                session.commit()
            except StaleDataError:  # another request has deleted the row since it was read
                return None
            return entity.row()

        async with refusing():
            return await self._in_session(change)

    async def delete(self, row_id: int) -> bool:
        def remove(session: Session) -> bool:
            statement = delete(self._model).where(self._model.id == row_id)
            outcome = cast("CursorResult[Any]", session.execute(statement))
            session.commit()
            return bool(outcome.rowcount)

        async with refusing(deleting=True):
            return await self._in_session(remove)
