"""The query cache on a real service: what it answers from memory, and what ends that."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from tests.services.running import serving, settings
from workloads.services import cache
from workloads.services.cache import CachedRepository
from workloads.services.settings import Cache

PAGES = ("/users/2", "/users?limit=3", "/users/2/orders", "/users-with-orders?loading=join&limit=3")


def change(psql, database, name):
    """Change user 2 behind the back of the service."""
    psql.run(f"UPDATE users SET username = '{name}' WHERE id = 2", database=database)


def ask(running, method, path, body=None):
    connection = running.connect()
    connection.request(method, path, body)
    answer = connection.getresponse().read()
    connection.close()
    return answer


@pytest.mark.parametrize("path", PAGES)
def test_what_was_asked_before_is_answered_from_memory(psql, fresh_clone, tmp_path, path):
    database = fresh_clone()
    with serving(tmp_path, settings(psql, database, cache={"ttl_s": 60.0})) as running:
        before = ask(running, "GET", path)
        change(psql, database, "behind")
        assert ask(running, "GET", path) == before
        # A write through the service drops its row and every list.
        ask(running, "PATCH", "/users/2", b'{"email":"new@example.org"}')
        after = ask(running, "GET", path)
    assert b"behind" in after
    assert b"behind" not in before


def test_without_a_cache_every_request_asks_the_database(psql, fresh_clone, tmp_path):
    database = fresh_clone()
    with serving(tmp_path, settings(psql, database)) as running:
        ask(running, "GET", "/users/2")
        change(psql, database, "behind")
        assert b"behind" in ask(running, "GET", "/users/2")


class Rows:
    """A repository that counts what it is asked."""

    def __init__(self, *, holds=True):
        self.users = self.orders = self
        self.asked = []
        self.holds = holds

    async def read(self, row_id):
        self.asked.append(row_id)
        return {"id": row_id} if self.holds else None


@pytest.fixture
def at(monkeypatch):
    """Sets the clock."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(cache, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return lambda seconds: setattr(clock, "now", seconds)


def read(cached, *ids):
    async def all_of_them():
        return [await cached.users.read(row_id) for row_id in ids]

    return asyncio.run(all_of_them())


def test_what_is_kept_leaves_after_its_time(at):
    rows = Rows()
    cached = CachedRepository(rows, Cache(ttl_s=2.0))
    read(cached, 1, 1)
    at(1.9)
    read(cached, 1)
    at(2.0)
    assert read(cached, 1, 1) == [{"id": 1}] * 2
    assert rows.asked == [1, 1]


def test_the_oldest_leaves_when_there_are_too_many():
    rows = Rows()
    cached = CachedRepository(rows, Cache(ttl_s=60.0, entries=2))
    read(cached, 1, 2, 3, 3, 2, 1)
    assert rows.asked == [1, 2, 3, 1]


def test_a_row_that_is_not_there_is_kept_as_such():
    rows = Rows(holds=False)
    cached = CachedRepository(rows, Cache(ttl_s=60.0))
    assert read(cached, 1, 1) == [None, None]
    assert rows.asked == [1]
