"""A query cache: rows and lists that queries returned, kept in the process for a time to live.

It wraps any repository, so a service is otherwise the same with it and without. A write drops the
row and every list from the cache of its own worker. Other workers may answer with values as old as
the time to live, as with any such cache.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from workloads.services.repository import Fields, Repository, Row, Table
    from workloads.services.settings import Cache


class _Kept:
    """Values by key, each for its time to live; the oldest goes when there are too many."""

    def __init__(self, cache: Cache) -> None:
        self._ttl_s = cache.ttl_s
        self._most = cache.entries
        # The order of insertion is the order in which the values expire.
        self._values: dict[Hashable, tuple[float, Any]] = {}

    async def get[Value](self, key: Hashable, query: Callable[[], Awaitable[Value]]) -> Value:
        """Return the kept value, or else the result of the query."""
        entry = self._values.get(key)
        if entry is not None and entry[0] > time.monotonic():
            value: Value = entry[1]
            return value
        value = await query()
        self._values.pop(key, None)
        self._values[key] = (time.monotonic() + self._ttl_s, value)
        if len(self._values) > self._most:
            del self._values[next(iter(self._values))]
        return value

    def drop(self, key: Hashable) -> None:
        """Drop one value."""
        self._values.pop(key, None)

    def clear(self) -> None:
        """Drop all values."""
        self._values.clear()


class CachedRepository:
    """A repository that answers reads from the cache if it can."""

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
    """The five operations on one table: rows are kept by id, pages with all other lists."""

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
