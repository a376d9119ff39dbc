"""The proxy between real drivers and a real server."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import asyncpg
import psycopg
import pytest

from pytest_ormlab import QueryProxy


@pytest.fixture
def proxy(server):
    with QueryProxy(server.url) as proxy:
        yield proxy


@pytest.fixture
def connection(proxy):
    with psycopg.connect(proxy.url, autocommit=True) as connection:
        yield connection


def texts(captured):
    return [query.text for query in captured.queries]


def test_a_simple_query_is_one_query_whatever_its_statements(proxy, connection):
    with proxy.queries.capture() as captured:
        connection.execute("SELECT 1; SELECT 2")
        psycopg.ClientCursor(connection).execute("SELECT %s", [3])
    assert texts(captured) == ["SELECT 1; SELECT 2", "SELECT 3"]


def test_a_prepared_statement_is_shown_with_its_text(proxy, connection):
    connection.execute("SELECT %s::int", [1], prepare=True)
    with proxy.queries.capture() as captured:
        for number in (2, 3):
            row = connection.execute("SELECT %s::int", [number], prepare=True).fetchone()
            assert row == (number,)
    assert texts(captured) == ["SELECT $1::int"] * 2


def test_a_pipeline_is_as_many_queries_as_it_executes(proxy, connection):
    with proxy.queries.capture() as captured, connection.pipeline():
        cursors = [connection.execute("SELECT %s::int", [number]) for number in range(5)]
    assert [cursor.fetchone() for cursor in cursors] == [(number,) for number in range(5)]
    assert texts(captured) == ["SELECT $1::int"] * 5


def test_an_error_passes_and_the_connection_goes_on(proxy, connection):
    with proxy.queries.capture() as captured:
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute("SELECT 1 / 0")
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert texts(captured) == ["SELECT 1 / 0", "SELECT 1"]


def test_copy_passes_both_ways_and_is_one_query_each(proxy, connection):
    connection.execute("CREATE TEMPORARY TABLE copied (text text)")
    line = "x" * 1000
    with proxy.queries.capture() as captured:
        with connection.cursor().copy("COPY copied FROM STDIN") as copy:
            for _ in range(5000):
                copy.write_row([line])
        with connection.cursor().copy("COPY copied TO STDOUT") as copy:
            rows = [row for (row,) in copy.rows()]
    assert rows == [line] * 5000
    assert texts(captured) == ["COPY copied FROM STDIN", "COPY copied TO STDOUT"]


def test_large_values_pass_both_ways(connection):
    large = "y" * 8_000_000
    assert connection.execute("SELECT %s::text", [large]).fetchone() == (large,)


def test_a_cancel_request_reaches_the_server(proxy, connection):
    """The query is cancelled as soon as another session sees it run."""
    failed = []

    def wait():
        try:
            connection.execute("SELECT pg_sleep(600)")
        except psycopg.errors.QueryCanceled as cancelled:
            failed.append(cancelled)

    waiting = threading.Thread(target=wait)
    waiting.start()
    with psycopg.connect(proxy.url, autocommit=True) as other:
        running = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND state = 'active'"
        while other.execute(running, [connection.info.backend_pid]).fetchone() != (1,):
            pass
    connection.cancel_safe()
    waiting.join()
    assert len(failed) == 1


@pytest.mark.asyncio
async def test_asyncpg_counts_each_execution_and_no_fetch_of_more_rows(proxy):
    connection = await asyncpg.connect(proxy.url)
    try:
        with proxy.queries.capture() as captured:
            assert await connection.fetchval("SELECT $1::int", 7) == 7
            async with connection.transaction():
                cursor = connection.cursor("SELECT generate_series(1, 100)", prefetch=10)
                assert len([row async for row in cursor]) == 100
            await connection.executemany("SELECT $1::int", [(1,), (2,), (3,)])
            await connection.fetchrow(";")  # a ping
    finally:
        await connection.close()
    assert texts(captured) == [
        "SELECT $1::int",
        "SELECT generate_series(1, 100)",
        *["SELECT $1::int"] * 3,
    ]
    assert {"BEGIN;", "COMMIT;"} <= {query.text for query in captured.everything}


@pytest.mark.asyncio
async def test_a_pool_of_asyncpg_resets_without_being_counted(proxy):
    async with asyncpg.create_pool(proxy.url, min_size=1, max_size=1) as pool:
        with proxy.queries.capture() as captured:
            await pool.fetchval("SELECT 1")
    assert texts(captured) == ["SELECT 1"]
    assert any("RESET ALL" in query.text for query in captured.everything)


def test_connections_are_told_apart(proxy):
    with (
        closing(psycopg.connect(proxy.url, autocommit=True)) as one,
        closing(psycopg.connect(proxy.url, autocommit=True)) as two,
        proxy.queries.capture() as captured,
    ):
        one.execute("SELECT 1")
        two.execute("SELECT 2")
    first, second = captured.queries
    assert first.connection < second.connection


def test_a_client_that_prefers_encryption_goes_on_without(proxy):
    psycopg.connect(proxy.url, sslmode="prefer").close()
    assert proxy.refusals == []


@pytest.mark.parametrize("more", [{}, {"sslnegotiation": "direct"}])
def test_a_client_that_insists_on_encryption_is_refused_and_it_is_said_why(proxy, more):
    if more and psycopg.pq.version() < 170000:
        pytest.skip("libpq before 17 cannot begin TLS directly")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(proxy.url, sslmode="require", **more)
    assert ["sslmode=disable" in refusal for refusal in proxy.refusals] == [True]


def test_a_server_that_is_not_there_is_named():
    with QueryProxy("postgresql://nobody@127.0.0.1:1/none") as proxy:
        with pytest.raises(psycopg.OperationalError, match=r"cannot reach PostgreSQL at .*:1:"):
            psycopg.connect(proxy.url, sslmode="disable")
        assert len(proxy.refusals) == 1


def test_a_server_on_a_unix_socket_has_a_proxy_on_one(server):
    with QueryProxy(server.unix_url) as proxy:
        folder = Path(proxy.host)
        with psycopg.connect(proxy.url) as connection, proxy.queries.capture() as captured:
            assert connection.info.host == str(folder)
            connection.execute("SELECT 1")
        assert texts(captured) == ["SELECT 1"]
    assert not folder.exists()


@pytest.mark.asyncio
async def test_asyncpg_takes_the_address_of_a_unix_socket(server):
    with QueryProxy(server.unix_url) as proxy:
        connection = await asyncpg.connect(proxy.url)
        with proxy.queries.capture() as captured:
            await connection.execute("SELECT 1")
        await connection.close()
    assert texts(captured) == ["SELECT 1"]


def test_it_ends_with_clients_that_are_still_connected(server):
    with QueryProxy(server.url) as proxy:
        left = psycopg.connect(proxy.url, autocommit=True)
    with pytest.raises(psycopg.OperationalError):
        left.execute("SELECT 1")
    left.close()


def test_nothing_is_left_of_connections_that_ended(proxy):
    for _ in range(20):
        psycopg.connect(proxy.url).close()
    for thread in list(proxy._threads):
        thread.join()
    assert (proxy._threads, proxy._sockets) == (set(), set())


def test_the_address_keeps_what_is_not_about_the_place():
    with QueryProxy(
        "postgresql://me:p%40ss@db.example:6000/app?sslmode=require&application_name=a%20b"
    ) as proxy:
        rest = f"me:p%40ss@127.0.0.1:{proxy.port}/app?application_name=a%20b"
        assert proxy.url == f"postgresql://{rest}"
        assert proxy.url_for("postgresql+asyncpg") == f"postgresql+asyncpg://{rest}"


@pytest.mark.parametrize("url", ["host=/tmp dbname=x", "postgresql://u:secret@a,b/x"])
def test_an_address_that_cannot_be_read_is_refused_without_its_password(url):
    with pytest.raises(ValueError, match="one server") as refused:
        QueryProxy(url)
    assert "secret" not in str(refused.value)
