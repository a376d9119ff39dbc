"""The proxy against a real server, whose answers it must not change."""

from copy import replace
from pathlib import Path

import asyncpg
import pytest

from workloads.databases.postgresql.proxy import Proxy
from workloads.databases.postgresql.psql import PsqlError


@pytest.fixture
def proxy(psql):
    with Proxy(psql.host, psql.port) as proxy:
        yield proxy


def test_a_simple_query_is_one_round_trip(psql, proxy):
    through = replace(psql, port=proxy.port)
    through.run("SELECT 1")
    before = proxy.counts
    assert through.run("SELECT g FROM generate_series(1, 3) g; SELECT 7") == "1\n2\n3\n7"
    told = proxy.counts - before
    # The ReadyForQuery that ends the connection's start is one more.
    assert (told.queries, told.executes, told.ready, told.rows) == (2, 0, 3, 4)
    assert told.statements == 2


def test_an_error_passes_and_is_a_round_trip_too(psql, proxy):
    through = replace(psql, port=proxy.port)
    with pytest.raises(PsqlError, match="division by zero"):
        through.run("SELECT 1/0")
    assert proxy.counts.ready == 2


@pytest.fixture
def password(psql):
    return Path(psql.passfile).read_text().strip().rpartition(":")[2]


@pytest.mark.asyncio
async def test_what_is_pipelined_up_to_one_sync_is_one_round_trip(psql, proxy, password):
    connection = await asyncpg.connect(
        host="127.0.0.1", port=proxy.port, user=psql.user, password=password, database="postgres"
    )
    statement = await connection.prepare("SELECT $1::int")
    before = proxy.counts
    assert await statement.fetchval(5) == 5
    one = proxy.counts - before
    assert (one.executes, one.ready, one.flushes, one.round_trips) == (1, 1, 0, 1)
    before = proxy.counts
    # Parse, Describe and Flush first: the client waits once more than there are ReadyForQuery.
    await connection.fetchval("SELECT $1::int + 1", 5)
    unprepared = proxy.counts - before
    assert unprepared.round_trips == unprepared.ready + unprepared.flushes == 2
    await connection.close()


@pytest.mark.asyncio
async def test_an_empty_statement_is_a_round_trip_and_no_statement(psql, proxy, password):
    # This is how SQLAlchemy tries a connection of asyncpg, and no server logs it.
    connection = await asyncpg.connect(
        host="127.0.0.1", port=proxy.port, user=psql.user, password=password, database="postgres"
    )
    before = proxy.counts
    await connection.fetchrow(";")
    told = proxy.counts - before
    assert (told.statements, told.empty, told.queries + told.executes) == (0, 1, 1)
    assert told.round_trips >= 1
    await connection.close()


def test_clients_that_ask_for_encryption_are_served_without(psql, proxy, monkeypatch):
    monkeypatch.setenv("PGSSLMODE", "prefer")
    assert replace(psql, port=proxy.port).run("SELECT 1") == "1"
