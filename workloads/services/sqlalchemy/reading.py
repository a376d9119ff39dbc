"""Variants of reading one row by its id, all with the same rows.

The first is what SQLAlchemy's documentation shows. Each of the others leaves out one thing that the
first does in every request, so that a run can measure what that thing costs.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol

from sqlalchemy import bindparam, select

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy import ColumnElement, Dialect, Select
    from sqlalchemy.ext.asyncio import AsyncSession

    from workloads.services.repository import Row
    from workloads.services.sqlalchemy.models import Order, User
    from workloads.services.sqlalchemy.records import Connect, Fetch

    type Sessions = Callable[[], AbstractAsyncContextManager[AsyncSession]]
    type Model = type[User | Order]
    type Columns = Sequence[ColumnElement[object]]
    type Read = Callable[[int], Awaitable[Row | None]]

ReadAs = Literal["entity", "row", "record"]
ReadStatement = Literal["each", "once"]
ReadClosesIn = Literal["task", "request"]


class _Opened[T](Protocol):
    """A session or a connection of SQLAlchemy."""

    def __aenter__(self) -> Coroutine[Any, Any, T]: ...

    def close(self) -> Coroutine[Any, Any, None]: ...


class InRequest[T]:
    """A session or a connection that is closed where its request runs.

    At the end of ``async with`` SQLAlchemy closes it in a task of its own and shields the task from
    a cancellation of the request.
    """

    def __init__(self, opened: _Opened[T]) -> None:
        self._opened = opened

    # Not coroutines themselves, so that nothing is added.
    def __aenter__(self) -> Coroutine[Any, Any, T]:
        return self._opened.__aenter__()

    def __aexit__(self, *_: object) -> Coroutine[Any, Any, None]:
        return self._opened.close()


def reader(
    sessions: Sessions,
    connect: Connect,
    fetch: Fetch,
    model: Model,
    columns: Sequence[str],
    *,
    dialect: Dialect,
    read_as: ReadAs,
    statement: ReadStatement,
) -> Read:
    """Return a function that reads a row of a model by its id, or None if there is none.

    Args:
        sessions: for the variants with a session.
        connect: for those with a connection alone.
        fetch: for a record.
        model: the model.
        columns: columns of a row in the contract's order.
        dialect: makes the SQL of a record.
        read_as: ``entity``, in a session; ``row``, over a connection; or ``record``, by the driver,
            with SQLAlchemy's SQL for the row, but without its knowledge and therefore without a
            transaction.
        statement: built for ``each`` request, or ``once``; a record needs only its SQL.
    """
    if read_as == "entity":
        return _by_get(sessions, model) if statement == "each" else _entity(sessions, model)
    chosen = [model.__table__.c[name] for name in columns]
    if read_as == "record":
        return partial(fetch, str(_by_id(model, chosen).compile(dialect=dialect)))
    each = statement == "each"
    return _row_each(connect, model, chosen) if each else _row(connect, _by_id(model, chosen))


def _by_id(model: Model, chosen: Columns) -> Select[*tuple[Any, ...]]:
    return select(*chosen).where(model.id == bindparam("row_id"))


def _by_get(sessions: Sessions, model: Model) -> Read:
    async def read(row_id: int) -> Row | None:
        async with sessions() as session:
            entity = await session.get(model, row_id)
        return None if entity is None else entity.row()

    return read


def _entity(sessions: Sessions, model: Model) -> Read:
    statement = select(model).where(model.id == bindparam("row_id"))

    async def read(row_id: int) -> Row | None:
        async with sessions() as session:
            entity = await session.scalar(statement, {"row_id": row_id})
        return None if entity is None else entity.row()

    return read


def _row_each(connect: Connect, model: Model, columns: Columns) -> Read:
    async def read(row_id: int) -> Row | None:
        statement = select(*columns).where(model.id == row_id)
        async with connect() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else row._asdict()

    return read


def _row(connect: Connect, statement: Select[*tuple[Any, ...]]) -> Read:
    async def read(row_id: int) -> Row | None:
        async with connect() as connection:
            row = (await connection.execute(statement, {"row_id": row_id})).one_or_none()
        return None if row is None else row._asdict()

    return read
