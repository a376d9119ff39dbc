"""How many statements an operation costs, counted between the service and the server.

Every driver here executes each parameterised statement with one Execute message of PostgreSQL's
extended query protocol; BEGIN, ROLLBACK and the reset of a session are simple queries.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import product

import pytest

from tests.services.running import SHARED, serving, settings
from workloads.databases.postgresql.proxy import Proxy

STACKS = ("current", "published-py312")
UNRESET = {"reset_on_return": False}
STATEMENTS = {
    "/users/1": 1,
    "/users?limit=100": 1,
    "/orders/1": 1,
    "/orders?limit=100": 1,
    "/users/1/orders": 1,
    "/users-with-orders?loading=join&limit=7": 1,
    "/users-with-orders?loading=prefetch&limit=1": 2,
    "/users-with-orders?loading=prefetch&limit=7": 2,
    "/users-with-orders?loading=lazy&limit=1": 2,
    "/users-with-orders?loading=lazy&limit=7": 8,
}


@contextmanager
def counted(psql, folder, python, wanted):
    """Runs a service on one connection; gives what sends a request and counts its messages."""
    with Proxy(psql.host, psql.port) as proxy:
        wanted["database"] |= {"port": proxy.port}
        wanted["pool"] = {"size": 1, "overflow": 0}
        with serving(folder, wanted, python=python) as running:

            def send(path):
                running.get(path)  # to have every statement prepared
                running.get(path)  # ... and the connection handed back
                before = proxy.counts
                running.get(path)
                return proxy.counts - before

            yield send
            running.process.terminate()
            assert running.wait() == 0


SUBJECTS = pytest.mark.parametrize("subject", list(product(STACKS, SHARED)), ids="-".join)


@SUBJECTS
def test_what_each_read_costs(psql, database, tmp_path, stack_python, subject):
    stack, service = subject
    wanted = settings(psql, database, service=service)
    with counted(psql, tmp_path, stack_python(stack), wanted) as send:
        costs = {path: send(path) for path in STATEMENTS}
    assert {path: cost.executes for path, cost in costs.items()} == STATEMENTS
    # The reset of asyncpg's pool, once for each time a connection is handed back; BEGIN and
    # ROLLBACK around SQLAlchemy's session.
    assert costs["/users/1"].queries == (2 if service == "sqlalchemy" else 1)


@pytest.mark.parametrize("stack", [*STACKS, "tortoise-0.20.0"])
def test_a_pinned_connection_is_reset_once_a_request(psql, database, tmp_path, stack_python, stack):
    options = {"pin_connection": True}
    wanted = settings(psql, database, service="tortoise", options=options)
    with counted(psql, tmp_path, stack_python(stack), wanted) as send:
        cost = send("/users-with-orders?loading=lazy&limit=7")
    assert (cost.executes, cost.queries) == (8, 1)


@SUBJECTS
def test_what_a_read_costs_beside_its_statement_is_an_option(
    psql, database, tmp_path, stack_python, subject
):
    stack, service = subject
    saving = {"isolation_level": "AUTOCOMMIT"} if service == "sqlalchemy" else UNRESET
    wanted = settings(psql, database, service=service, options=saving)
    with counted(psql, tmp_path, stack_python(stack), wanted) as send:
        cost = send("/users/1")
    assert (cost.executes, cost.queries) == (1, 0)
