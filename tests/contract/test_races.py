"""Requests for the same rows at once: every service answers as one after the other would be.

Each race is held at its start: a transaction of the test's own locks what the requests want, until
all of them wait in the database. So they meet there in every run of the test, and any order in
which they go on gives one of the outcomes that are named.
"""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from host.environment import environment
from tests.services.running import SERVICES, settings, started, until
from tests.services.stacks import python_for
from workloads.contract.client import Client

NEW = {"profile": "", "created_at": "2025-02-28T00:00:00Z"}
ORDER = {"user_id": 1, "total": 1, "status": "new", "created_at": "2025-02-28T00:00:00Z"}
SUBJECTS = {name: {"service": name} for name in SERVICES} | {
    "sqlalchemy-sync": {
        "service": "sqlalchemy",
        "options": {"driver": "psycopg", "engine": "sync"},
    }
}
# As in the dataset: 102 users have orders, the others have none.
ALONE, OTHER, BUSY, FREE = 300, 301, 302, 303


@dataclass(frozen=True)
class Race:
    """Requests at once, and how they may end.

    Attributes:
        hold: what the test's own transaction does before they are sent.
        requests: method, path and body of each, in the order in which they come to wait.
        outcomes: the statuses that they may get, in that order.
        release: how the test's transaction ends.
    """

    hold: str
    requests: tuple[tuple[str, str, object], ...]
    outcomes: frozenset[tuple[int, ...]]
    release: str = "ROLLBACK"


def lock(*ids):
    return f"SELECT 1 FROM users WHERE id IN ({', '.join(map(str, ids))}) FOR UPDATE"


def either(*outcomes):
    return frozenset(outcomes)


def user(name):
    return {"username": name, "email": f"{name}@example.net", **NEW}


RACES = {
    "update-of-what-is-deleted": Race(
        f"DELETE FROM users WHERE id = {ALONE}",
        (("PATCH", f"/users/{ALONE}", {"profile": "late"}),),
        either((404,)),
        release="COMMIT",
    ),
    "update-of-an-order-that-is-deleted": Race(
        "DELETE FROM orders WHERE id = 7",
        (("PATCH", "/orders/7", {"total": 5}),),
        either((404,)),
        release="COMMIT",
    ),
    "delete-and-updates": Race(
        lock(OTHER),
        (
            ("PATCH", f"/users/{OTHER}", {"profile": "first"}),
            ("DELETE", f"/users/{OTHER}", None),
            ("PATCH", f"/users/{OTHER}", {"profile": "last"}),
        ),
        either((200, 204, 404), (404, 204, 404), (200, 204, 200), (404, 204, 200)),
    ),
    "two-deletes": Race(
        lock(BUSY),
        (("DELETE", f"/users/{BUSY}", None), ("DELETE", f"/users/{BUSY}", None)),
        either((204, 404), (404, 204)),
    ),
    "two-updates": Race(
        lock(FREE),
        (
            ("PATCH", f"/users/{FREE}", {"profile": "one"}),
            ("PATCH", f"/users/{FREE}", {"email": "two@example.net"}),
        ),
        either((200, 200)),
    ),
    "one-name-for-two-users": Race(
        lock(304, 305),
        (
            ("PATCH", "/users/304", {"username": "wanted"}),
            ("PATCH", "/users/305", {"username": "wanted"}),
        ),
        either((200, 409), (409, 200)),
    ),
    # Each has changed its row when it waits for the other's: PostgreSQL ends one of them.
    "two-users-exchange-names": Race(
        lock(306, 307),
        (
            ("PATCH", "/users/306", {"username": "user-0000000307"}),
            ("PATCH", "/users/307", {"username": "user-0000000306"}),
        ),
        either((409, 409)),
    ),
    "two-new-users-of-one-name": Race(
        "INSERT INTO users (username, email, profile, created_at)"
        " VALUES ('twin', 'twin@example.net', '', now())",
        (("POST", "/users", user("twin")), ("POST", "/users", user("twin"))),
        either((201, 409), (409, 201)),
    ),
    "an-order-of-a-user-that-is-deleted": Race(
        "DELETE FROM users WHERE id = 308",
        (("POST", "/orders", ORDER | {"user_id": 308}), ("PATCH", "/orders/8", {"user_id": 308})),
        either((409, 409)),
        release="COMMIT",
    ),
    "an-order-and-the-end-of-its-user": Race(
        lock(309),
        (("POST", "/orders", ORDER | {"user_id": 309}), ("DELETE", "/users/309", None)),
        either((201, 409), (409, 204)),
    ),
    "an-order-moves-and-the-end-of-its-user": Race(
        lock(310),
        (("DELETE", "/users/310", None), ("PATCH", "/orders/9", {"user_id": 310})),
        either((204, 409), (409, 200)),
    ),
}


@pytest.fixture(scope="module")
def services(psql, fresh_clone, tmp_path_factory):
    """Gives the process and the database of each subject."""
    folder = tmp_path_factory.mktemp("races")
    with ExitStack() as stack:
        processes = {}
        for name, subject in SUBJECTS.items():
            database = fresh_clone()
            # The exchange of names is found to be a deadlock at once instead of after a second.
            psql.run(f"ALTER DATABASE {database} SET deadlock_timeout = '20ms'")
            wanted = settings(psql, database, **subject)
            python = python_for("psycopg" if "options" in subject else subject["service"])
            running = stack.enter_context(started(folder, wanted, python=python))
            processes[name] = (running, database)
        for running, _ in processes.values():
            running.await_ready()
        yield processes


@contextmanager
def transaction(psql, database, statement, end):
    """A transaction that has done something and does not end before the block does."""
    holder = subprocess.Popen(
        [psql.binary, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database],
        env=environment("psql", psql.variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        holder.stdin.write(f"BEGIN; {statement}; SELECT 'held';\n")
        holder.stdin.flush()
        while (line := holder.stdout.readline()) != "held\n":
            assert line, "the transaction has failed"
        try:
            yield
        finally:
            holder.stdin.write(f"{end};\n")
            holder.stdin.close()
        assert holder.wait(timeout=30) == 0


def send(running, method, path, body):
    with Client(running.url) as client:
        return client.send(method, path, None if body is None else json.dumps(body).encode())


def waiting(psql, database):
    question = (
        "SELECT count(*) FROM pg_stat_activity "
        f"WHERE datname = '{database}' AND wait_event_type = 'Lock'"
    )
    return int(psql.run(question))


@pytest.mark.parametrize("service", SUBJECTS)
@pytest.mark.parametrize("name", RACES)
def test_at_once_is_as_one_after_the_other(psql, services, name, service):
    race, (running, database) = RACES[name], services[service]
    with ThreadPoolExecutor(len(race.requests)) as threads:
        with transaction(psql, database, race.hold, race.release):
            answers = []
            for request in race.requests:
                answers.append(threads.submit(send, running, *request))
                until(lambda: waiting(psql, database) == len(answers))
        answered = [answer.result() for answer in answers]
    assert tuple(answer.status for answer in answered) in race.outcomes
    # A row that is gone has no body, and no status of success.
    assert all(answer.body or answer.status == 204 for answer in answered)
    assert running.stderr == ""


@pytest.mark.parametrize("service", SUBJECTS)
def test_an_update_that_has_found_its_row_gone_has_written_nothing(psql, services, service):
    running, database = services[service]
    with ThreadPoolExecutor(1) as threads:
        with transaction(psql, database, "DELETE FROM users WHERE id = 311", "COMMIT"):
            body = {"username": "ghost"}
            answer = threads.submit(send, running, "PATCH", "/users/311", body)
            until(lambda: waiting(psql, database) == 1)
        assert answer.result().body == b'{"error":"not_found"}'
    ghosts = "SELECT count(*) FROM users WHERE username = 'ghost' OR id = 311"
    assert psql.run(ghosts, database=database) == "0"
    # ... and its connection is fit for the next request.
    assert send(running, "POST", "/users", user("after")).status == 201
