"""Someone's project: two tables, and the address of the proxy for every driver."""

from __future__ import annotations

import psycopg
import pytest

TABLES = """
CREATE TABLE author (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE book (id int PRIMARY KEY, author_id int REFERENCES author, title text NOT NULL);
INSERT INTO author SELECT g, 'author ' || g FROM generate_series(1, 5) g;
INSERT INTO book SELECT g, 1 + g % 5, 'book ' || g FROM generate_series(1, 20) g;
"""


@pytest.fixture(scope="session")
def ormlab_server(worker_id, pytestconfig):
    """A database for each worker of pytest-xdist, so the address that was given is not enough."""
    given = pytestconfig.getoption("--ormlab-server")
    name = f"books_{worker_id}"
    with psycopg.connect(given, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = given.rpartition("/")[0] + f"/{name}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLES)
    yield url
    with psycopg.connect(given, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
