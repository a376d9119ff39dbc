"""Models, loaded and stored one statement at a time, each in its own transaction."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from asyncpg.exceptions import DeadlockDetectedError
from tortoise import Tortoise, connections
from tortoise.exceptions import IntegrityError
from tortoise.expressions import Subquery
from tortoise.query_utils import Prefetch

from workloads.contract.fields import ORDER_COLUMNS, USER_COLUMNS
from workloads.services import postgres
from workloads.services.errors import conflict
from workloads.services.repository import by_user
from workloads.services.tortoise.models import Order, User

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from workloads.services.repository import Fields, Row
    from workloads.services.settings import Database, Pool

    type Model = type[User | Order]
    type Read = Callable[[int], Awaitable[Row | None]]


@dataclass(frozen=True, kw_only=True)
class Options(postgres.Options):
    """Options of this service."""

    #: how a row is read by its id: as an ``entity`` by a query that is built for each request, or
    #: as a plain ``row`` by hand-written SQL
    read_as: Literal["entity", "row"] = "entity"


class ActiveRepository:
    """Both tables over Tortoise's one connection, which is a pool."""

    def __init__(self, database: Database, pool: Pool, options: Options) -> None:
        self._database = database
        self._pool = pool
        self._options = options
        read = _entity if options.read_as == "entity" else _row
        self.users = _Table(User, read(User, USER_COLUMNS))
        self.orders = _Table(Order, read(Order, ORDER_COLUMNS))

    async def open(self) -> None:
        """Open ``size`` connections; the pool may grow by ``overflow``."""
        postgres.use_passfile(self._database)
        credentials = {
            "host": self._database.host,
            "port": self._database.port,
            "user": self._database.user,
            "password": None,  # asyncpg reads the passfile
            "database": self._database.database,
            "minsize": self._pool.size,
            "maxsize": self._pool.size + self._pool.overflow,
            "statement_cache_size": self._options.statement_cache_size,
            "connection_class": postgres.connection_class(
                reset_on_return=self._options.reset_on_return
            ),
        }
        engine = "tortoise.backends.asyncpg"
        await Tortoise.init(
            config={
                "connections": {"default": {"engine": engine, "credentials": credentials}},
                "apps": {"models": {"models": [User.__module__], "default_connection": "default"}},
                "use_tz": True,
                "timezone": "UTC",
            }
        )
        # The first statement makes the pool, which then opens its minimum.
        await connections.get("default").execute_query("SELECT 1")

    async def close(self) -> None:
        """Close the pool."""
        await connections.close_all()

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
            return await _joined(limit, offset)
        query = User.all().order_by("id").limit(limit).offset(offset)
        if loading == "prefetch":
            query = query.prefetch_related(Prefetch("orders", Order.all().order_by("id")))
        rows = []
        for user in await query:
            orders = user.orders if loading == "prefetch" else await user.orders.order_by("id")
            rows.append({**user.row(), "orders": [order.row() for order in orders]})
        return rows


class _Table:
    """The five operations on one table."""

    def __init__(self, model: Model, read: Read) -> None:
        self._model = model
        self.read = read

    async def page(self, limit: int, offset: int) -> list[Row]:
        entities = await self._model.all().order_by("id").limit(limit).offset(offset)
        return [entity.row() for entity in entities]

    async def create(self, fields: Fields) -> Row:
        async with _refusing():
            entity = await self._model.create(**fields)
        return entity.row()

    async def update(self, row_id: int, fields: Fields) -> Row | None:
        entity = await self._model.get_or_none(id=row_id)
        if entity is None:
            return None
        entity.update_from_dict(dict(fields))
        async with _refusing():
            try:
                await entity.save(update_fields=list(fields), force_update=True)
            except IntegrityError as problem:
                if _sqlstate(problem) is None:  # another request has deleted the row since
                    return None
                raise
        return entity.row()

    async def delete(self, row_id: int) -> bool:
        async with _refusing(deleting=True):
            return bool(await self._model.filter(id=row_id).delete())


def _entity(model: Model, _columns: tuple[str, ...]) -> Read:
    async def read(row_id: int) -> Row | None:
        entity = await model.get_or_none(id=row_id)
        return None if entity is None else entity.row()

    return read


def _row(model: Model, columns: tuple[str, ...]) -> Read:
    # The text has only names of the schema; values are parameters.
    sql = f"SELECT {', '.join(columns)} FROM {model.Meta.table} WHERE id = $1"  # noqa: S608

    async def read(row_id: int) -> Row | None:
        rows: list[Row] = await connections.get("default").execute_query_dict(sql, [row_id])
        return rows[0] if rows else None

    return read


async def _joined(limit: int, offset: int) -> list[Row]:
    """Read columns over an outer join, because Tortoise loads no reverse relation with a join."""
    chosen = Subquery(User.all().order_by("id").limit(limit).offset(offset).values("id"))
    columns = (*USER_COLUMNS, *(f"orders__{name}" for name in ORDER_COLUMNS))
    query = User.filter(id__in=chosen).order_by("id", "orders__id")
    return by_user(await query.values_list(*columns))


@asynccontextmanager
async def _refusing(*, deleting: bool = False) -> AsyncIterator[None]:
    """Turn an error of the database into the contract's refusal, if there is one."""
    try:
        yield
    except (IntegrityError, DeadlockDetectedError) as violation:
        raise conflict(_sqlstate(violation), deleting=deleting) or violation from violation


def _sqlstate(problem: Exception) -> str | None:
    """Return PostgreSQL's code of an error that Tortoise wrapped or let pass; None of its own."""
    wrapped = problem.__cause__ or problem.args[0]
    sqlstate: str | None = getattr(problem, "sqlstate", getattr(wrapped, "sqlstate", None))
    return sqlstate
