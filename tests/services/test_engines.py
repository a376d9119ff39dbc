"""SQLAlchemy's synchronous engine in threads, alone and beside the asynchronous one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.test_races import lock, send, transaction, waiting
from tests.services.parts import database, fresh_clone, template
from tests.services.running import serving, settings, until
from tests.services.stacks import python_of
from workloads.services.settings import SettingsError
from workloads.services.sqlalchemy import Options

__all__ = ["database", "fresh_clone", "template"]
SIZE = 4


@pytest.fixture
def run(psql, fresh_clone, tmp_path):
    """Starts the service with an engine; gives its process and its database."""

    def start(engine, size=SIZE):
        own = fresh_clone()
        wanted = settings(
            psql,
            own,
            service="sqlalchemy",
            options={"driver": "psycopg", "engine": engine},
            pool={"size": size, "overflow": 0},
        )
        return serving(tmp_path, wanted, python=python_of("psycopg")), own

    return start


@pytest.mark.parametrize(
    ("engine", "size", "opened"),
    [("async", SIZE, SIZE), ("sync", SIZE, SIZE), ("both", SIZE, SIZE), ("both", 1, 2)],
)
def test_the_engines_have_opened_the_whole_pool_when_they_are_ready(
    psql, run, engine, size, opened
):
    starting, own = run(engine, size)
    with starting:
        found = psql.run(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{own}'")
        assert int(found) == opened


@pytest.mark.parametrize("engine", ["sync", "both"])
def test_a_session_that_waits_for_the_database_holds_up_its_own_request_alone(psql, run, engine):
    starting, own = run(engine)
    held = "SELECT 1 FROM orders WHERE id = 7 FOR UPDATE"
    with starting as running, ThreadPoolExecutor(1) as threads:
        with transaction(psql, own, held, "ROLLBACK"):
            answer = threads.submit(send, running, "PATCH", "/orders/7", {"total": 5})
            until(lambda: waiting(psql, own) == 1)
            assert running.get("/users/1")["id"] == 1
            assert running.get("/orders/8")["id"] == 8
            assert not answer.done()
        assert answer.result().status == 200


def test_more_requests_than_threads_wait_for_a_thread_and_are_all_answered(psql, run):
    starting, own = run("sync")
    users = range(300, 300 + 3 * SIZE)
    with starting as running, ThreadPoolExecutor(len(users)) as threads:
        with transaction(psql, own, lock(*users), "ROLLBACK"):
            answers = [
                threads.submit(send, running, "PATCH", f"/users/{user}", {"profile": "new"})
                for user in users
            ]
            until(lambda: waiting(psql, own) == SIZE)
        assert [answer.result().status for answer in answers] == [200] * len(users)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"engine": "sync"}, "needs the driver 'psycopg'"),
        ({"engine": "both"}, "needs the driver 'psycopg'"),
        ({"engine": "sync", "driver": "psycopg", "read_as": "row"}, "defaults of read_"),
        ({"engine": "both", "driver": "psycopg", "read_statement": "once"}, "defaults of read_"),
        ({"engine": "sync", "driver": "psycopg", "read_closes_in": "request"}, "defaults of read_"),
    ],
)
def test_what_the_synchronous_engine_cannot_do_is_refused(options, said):
    with pytest.raises(SettingsError, match=said):
        Options(**options)
