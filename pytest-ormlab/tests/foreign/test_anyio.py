"""asyncpg, psycopg, SQLAlchemy and Tortoise on an event loop."""

from __future__ import annotations

from contextlib import asynccontextmanager

import asyncpg
import psycopg
import pytest
from models import Author, TortoiseAuthor
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import selectinload
from tortoise import Tortoise

AUTHORS = 5
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


@asynccontextmanager
async def engine_at(url):
    engine = create_async_engine(url)
    async with engine.connect():
        pass  # what SQLAlchemy asks a new server is not part of any test
    yield engine
    await engine.dispose()


async def sqlalchemy_titles(engine):
    async with AsyncSession(engine) as session:
        authors = await session.scalars(select(Author).options(selectinload(Author.books)))
        return [book.title for author in authors for book in author.books]


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
async def test_sqlalchemy(ormlab_proxy, assert_num_queries, driver):
    async with engine_at(ormlab_proxy.url_for(f"postgresql+{driver}")) as engine:
        await sqlalchemy_titles(engine)
        with assert_num_queries(2):
            await sqlalchemy_titles(engine)


async def test_tortoise(ormlab_proxy, assert_num_queries):
    url = ormlab_proxy.url_for("asyncpg")
    await Tortoise.init(db_url=url, modules={"models": ["models"]})
    try:
        with assert_num_queries(1 + AUTHORS):
            for author in await TortoiseAuthor.all():
                assert len(await author.books.all()) == 4
        with assert_num_queries(2) as captured:
            await TortoiseAuthor.all().prefetch_related("books")
        assert '"book"' in captured.queries[1].text
    finally:
        await Tortoise.close_connections()


async def test_asyncpg(ormlab_proxy, assert_num_queries):
    connection = await asyncpg.connect(ormlab_proxy.url)
    with assert_num_queries(3) as captured:
        for number in range(3):
            await connection.fetchval("SELECT name FROM author WHERE id = $1", number)
    assert {query.text for query in captured.queries} == {"SELECT name FROM author WHERE id = $1"}
    await connection.close()


async def test_psycopg(ormlab_proxy, assert_max_num_queries):
    async with await psycopg.AsyncConnection.connect(ormlab_proxy.url) as connection:
        with assert_max_num_queries(2):
            await connection.execute("SELECT name FROM author WHERE id = %s", [1])


async def test_speed(ormlab_proxy, compare_async):
    async with asyncpg.create_pool(ormlab_proxy.url, min_size=1, max_size=1) as pool:

        async def all_at_once():
            await pool.fetch("SELECT * FROM author JOIN book ON author.id = author_id")

        found = await compare_async(
            all_at_once, lambda: pool.fetch("SELECT 1"), margin=1000.0, blocks=6
        )
    assert 0 < found.low <= found.ratio <= found.high
