"""A query cache: answers of reading queries, kept in the process for some time.

Wrapped around any repository, so a service is the same with it and without. A write drops what its
own worker has kept of the row and every list; what other workers keep, or a query under way reads,
may be as old as its time to live. That is what such a cache is.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from workloads.services.repository import Fields, Repository, Row, Table
    from workloads.services.settings import Cache


class _Kept:
    """Values by key, each until its time is over; the oldest leave when there are too many."""

    def __init__(self, cache: Cache) -> None:
        self._ttl_s = cache.ttl_s
        self._most = cache.entries
        # In the order in which they came, which is the order in which they expire.
        self._values: dict[Hashable, tuple[float, Any]] = {}

    async def get[Value](self, key: Hashable, query: Callable[[], Awaitable[Value]]) -> Value:
        """Return what is kept, or else what the query gives."""
        found = self._values.get(key)
        if found is not None and found[0] > time.monotonic():
            value: Value = found[1]
            return value
        value = await query()
        self._values.pop(key, None)
        self._values[key] = (time.monotonic() + self._ttl_s, value)
        if len(self._values) > self._most:
            del self._values[next(iter(self._values))]
        return value

    def drop(self, key: Hashable) -> None:
        """Keep this one no longer."""
        self._values.pop(key, None)

    def clear(self) -> None:
        """Keep none of them any longer."""
        self._values.clear()


class CachedRepository:
    """A repository whose reads are answered from memory where they can be."""

    def __init__(self, repository: Repository, cache: Cache) -> None:
        self._repository = repository
        self._lists = _Kept(cache)
        # A repository may have its tables only once it is open.
        self.users = _CachedTable(lambda: repository.users, _Kept(cache), self._lists)
        self.orders = _CachedTable(lambda: repository.orders, _Kept(cache), self._lists)

    async def open(self) -> None:
        """Open the pool below."""
        await self._repository.open()

    async def close(self) -> None:
        """Close the pool below."""
        await self._repository.close()

    async def orders_of(self, user_id: int, limit: int, offset: int) -> list[Row]:
        """Return orders of a user, each with the user's name."""
        key = ("orders-of", user_id, limit, offset)
        return await self._lists.get(
            key, lambda: self._repository.orders_of(user_id, limit, offset)
        )

    async def users_with_orders(self, loading: str, limit: int, offset: int) -> list[Row]:
        """Return users with their orders."""
        key = ("users-with-orders", loading, limit, offset)
        return await self._lists.get(
            key, lambda: self._repository.users_with_orders(loading, limit, offset)
        )


class _CachedTable:
    """The five operations on one table; rows are kept by their id, pages with all other lists."""

    def __init__(self, table: Callable[[], Table], rows: _Kept, lists: _Kept) -> None:
        self._table = table
        self._rows = rows
        self._lists = lists

    async def read(self, row_id: int) -> Row | None:
        return await self._rows.get(row_id, lambda: self._table().read(row_id))

    async def page(self, limit: int, offset: int) -> list[Row]:
        key = (id(self), limit, offset)
        return await self._lists.get(key, lambda: self._table().page(limit, offset))

    async def create(self, fields: Fields) -> Row:
        row = await self._table().create(fields)
        self._forget(row["id"])
        return row

    async def update(self, row_id: int, fields: Fields) -> Row | None:
        row = await self._table().update(row_id, fields)
        self._forget(row_id)
        return row

    async def delete(self, row_id: int) -> bool:
        deleted = await self._table().delete(row_id)
        self._forget(row_id)
        return deleted

    def _forget(self, row_id: int) -> None:
        self._rows.drop(row_id)
        self._lists.clear()
