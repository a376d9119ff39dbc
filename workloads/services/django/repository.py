"""Models, through Django's asynchronous queries, each of which runs in a thread.

Django's asynchronous methods hand their work to threads (asgiref's ``sync_to_async``), and a
connection belongs to the thread that took it. So a request has a thread and a connection of its
own, as under Django's handler for ASGI. Without that all requests of the process would wait for
one thread. Sources: Django 6.1 documentation, "Asynchronous support" (async adapter functions) and
"Databases" (persistent connections); asgiref 3.13, ``ThreadSensitiveContext``.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import DatabaseError, close_old_connections, connection
from django.db.models import Prefetch

from workloads.contract.fields import ORDER_COLUMNS, USER_COLUMNS
from workloads.databases.postgresql import by_psycopg
from workloads.services.django.models import Order, User
from workloads.services.errors import conflict
from workloads.services.repository import by_user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from workloads.services.repository import Fields, Row
    from workloads.services.settings import Database, Pool

    type Model = type[User | Order]

_OPEN_S = 10.0


@asynccontextmanager
async def _request(*, deleting: bool = False) -> AsyncIterator[None]:
    """Give a request its own thread, and its connection back to the pool at the end.

    Raises:
        Refusal: the database refused what the contract refuses.
    """
    try:
        async with ThreadSensitiveContext():
            try:
                yield
            finally:
                await sync_to_async(close_old_connections)()
    except DatabaseError as violation:
        sqlstate = getattr(violation.__cause__, "sqlstate", None)
        raise conflict(sqlstate, deleting=deleting) or violation from violation


class ModelRepository:
    """Both tables over psycopg's pool, which Django opens and keeps."""

    def __init__(self, database: Database, pool: Pool) -> None:
        self._database = database
        self._size = pool
        self.users = _Table(User)
        self.orders = _Table(Order)

    async def open(self) -> None:
        """Open all connections that the pool has at least."""
        await sync_to_async(self._open)()

    def _open(self) -> None:
        by_psycopg.require(self._database, self._size.size)
        connection.pool.open(wait=True, timeout=_OPEN_S)

    async def close(self) -> None:
        """Close the pool."""
        await sync_to_async(_close_pool)()

    @_request()
    async def orders_of(self, user_id: int, limit: int, offset: int) -> list[Row]:
        """Return orders of a user, each with the user's name: one join."""
        orders = Order.objects.filter(user_id=user_id).select_related("user").order_by("id")
        return [
            {**order.row(), "username": order.user.username}
            async for order in orders[offset : offset + limit]
        ]

    @_request()
    async def users_with_orders(self, loading: str, limit: int, offset: int) -> list[Row]:
        """Return users with their orders, by one of the three kinds of loading."""
        load = {"lazy": _lazy, "prefetch": _prefetch, "join": _join}[loading]
        return await load(slice(offset, offset + limit))


class _Table:
    """The five operations on one table."""

    def __init__(self, model: Model) -> None:
        self._model: Any = model

    @_request()
    async def read(self, row_id: int) -> Row | None:
        entity = await self._found(row_id)
        return None if entity is None else entity.row()

    @_request()
    async def page(self, limit: int, offset: int) -> list[Row]:
        entities = self._model.objects.order_by("id")[offset : offset + limit]
        return [entity.row() async for entity in entities]

    @_request()
    async def create(self, fields: Fields) -> Row:
        entity: User | Order = await self._model.objects.acreate(**fields)
        return entity.row()

    @_request()
    async def update(self, row_id: int, fields: Fields) -> Row | None:
        entity = await self._found(row_id)
        if entity is None:
            return None
        for name, value in fields.items():
            setattr(entity, name, value)
        try:
            await entity.asave(update_fields=list(fields))
        except self._model.NotUpdated:  # another request has deleted the row since
            return None
        return entity.row()

    @_request(deleting=True)
    async def delete(self, row_id: int) -> bool:
        deleted, _ = await self._model.objects.filter(id=row_id).adelete()
        return bool(deleted)

    async def _found(self, row_id: int) -> User | Order | None:
        try:
            entity: User | Order = await self._model.objects.aget(id=row_id)
        except self._model.DoesNotExist:
            return None
        return entity


async def _lazy(page: slice) -> list[Row]:
    return [
        {**user.row(), "orders": [order.row() async for order in user.orders.order_by("id")]}
        async for user in User.objects.order_by("id")[page]
    ]


async def _prefetch(page: slice) -> list[Row]:
    orders = Prefetch("orders", Order.objects.order_by("id"))
    return [
        {**user.row(), "orders": [order.row() for order in user.orders.all()]}
        async for user in User.objects.order_by("id").prefetch_related(orders)[page]
    ]


async def _join(page: slice) -> list[Row]:
    """Read columns over an outer join, because Django loads no reverse relation with a join."""
    chosen = User.objects.order_by("id").values("id")[page]
    columns = (*USER_COLUMNS, *(f"orders__{name}" for name in ORDER_COLUMNS))
    rows = User.objects.filter(id__in=chosen).order_by("id", "orders__id").values_list(*columns)
    return by_user([row async for row in rows])


def _close_pool() -> None:
    connection.close_pool()
