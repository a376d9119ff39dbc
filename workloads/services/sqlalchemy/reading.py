"""Variants of reading one row by its id, all with the same rows.

The first is what SQLAlchemy's documentation shows. Each of the others leaves out one thing that the
first does in every request, so that a run can measure what that thing costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import bindparam, select

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

    from workloads.services.repository import Row
    from workloads.services.sqlalchemy.models import Order, User

    type Sessions = async_sessionmaker[AsyncSession]
    type Model = type[User | Order]
    type Columns = Sequence[ColumnElement[object]]
    type Read = Callable[[int], Awaitable[Row | None]]

ReadAs = Literal["entity", "row", "record"]
ReadStatement = Literal["each", "once"]


def reader(
    engine: AsyncEngine,
    sessions: Sessions,
    model: Model,
    columns: Sequence[str],
    *,
    read_as: ReadAs,
    statement: ReadStatement,
) -> Read:
    """Return a function that reads a row of a model by its id, or None if there is none.

    Args:
        engine: for the variants without a session.
        sessions: for the variants with one.
        model: the model.
        columns: columns of a row in the contract's order.
        read_as: ``entity``, in a session; ``row``, over a connection; or ``record``, by the driver
            of a pooled connection, with SQLAlchemy's SQL for the row, but without its knowledge and
            therefore without a transaction.
        statement: built for ``each`` request, or ``once``; a record needs only its SQL.
    """
    if read_as == "entity":
        return _by_get(sessions, model) if statement == "each" else _entity(sessions, model)
    chosen = [model.__table__.c[name] for name in columns]
    if read_as == "record":
        return _record(engine, model, chosen)
    return _row_each(engine, model, chosen) if statement == "each" else _row(engine, model, chosen)


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


def _row_each(engine: AsyncEngine, model: Model, columns: Columns) -> Read:
    async def read(row_id: int) -> Row | None:
        statement = select(*columns).where(model.id == row_id)
        async with engine.connect() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else row._asdict()

    return read


def _row(engine: AsyncEngine, model: Model, columns: Columns) -> Read:
    statement = select(*columns).where(model.id == bindparam("row_id"))

    async def read(row_id: int) -> Row | None:
        async with engine.connect() as connection:
            row = (await connection.execute(statement, {"row_id": row_id})).one_or_none()
        return None if row is None else row._asdict()

    return read


def _record(engine: AsyncEngine, model: Model, columns: Columns) -> Read:
    statement = select(*columns).where(model.id == bindparam("row_id"))
    sql = str(statement.compile(dialect=engine.dialect))

    async def read(row_id: int) -> Row | None:
        async with engine.connect() as connection:
            pooled = await connection.get_raw_connection()
            driver: Any = pooled.driver_connection
            record = await driver.fetchrow(sql, row_id)
        return None if record is None else dict(record)

    return read
