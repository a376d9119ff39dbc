import re
import signal
import socket
import subprocess
from contextlib import contextmanager

import psutil
import pytest

from tests.conftest import free_port
from tests.services.running import SERVICES, serving, settings, started, until
from tests.services.stacks import python_of
from workloads.services import server


@pytest.fixture(params=[*SERVICES, "fastapi"])
def service(request):
    """The settings of each service; the last is that of asyncpg under the other framework."""
    if request.param == "fastapi":
        return {"service": "asyncpg", "framework": "fastapi"}
    return {"service": request.param}


@contextmanager
def locked(psql, database):
    """Holds a lock on user 1, so that a PATCH of it waits until the end of the block."""
    holder = subprocess.Popen(
        [psql.binary, "-X", "-q", "-A", "-t", "-d", database],
        env={**psql.variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        holder.stdin.write(b"BEGIN; SELECT 'held' FROM users WHERE id = 1 FOR UPDATE;\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == b"held\n"
        yield
        holder.stdin.write(b"ROLLBACK;\n")
        holder.stdin.close()
        assert holder.wait(timeout=30) == 0


def waiting(psql, database):
    return psql.run(
        "SELECT count(*) FROM pg_stat_activity "
        f"WHERE datname = '{database}' AND wait_event_type = 'Lock'"
    )


def connections(psql, database):
    return int(psql.run(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'"))


def test_the_pool_is_open_before_the_first_request(psql, fresh_clone, tmp_path, service):
    database = fresh_clone()
    wanted = settings(psql, database, **service, pool={"size": 7, "overflow": 2})
    with serving(tmp_path, wanted):
        assert connections(psql, database) >= 7
        # Some drivers try first whether the server grants them; it forgets those in its own time.
        until(lambda: connections(psql, database) == 7)


def test_it_ends_at_once_although_a_client_keeps_its_connection(psql, database, tmp_path, service):
    with serving(tmp_path, settings(psql, database, **service)) as running:
        idle = running.connect()
        idle.request("GET", "/users/1")
        idle.getresponse().read()
        running.process.terminate()
        assert running.wait() == 0
        assert running.stderr == ""
        idle.close()


def test_it_answers_what_it_has_begun_before_it_ends(psql, fresh_clone, tmp_path, service):
    database = fresh_clone()
    with serving(tmp_path, settings(psql, database, **service)) as running:
        client = running.connect()
        with locked(psql, database):
            client.request("PATCH", "/users/1", b'{"profile":"patched"}')
            until(lambda: waiting(psql, database) == "1")
            running.process.terminate()
            until(lambda: not listening(running))
        assert client.getresponse().status == 200
        client.close()
        assert running.wait() == 0
        assert running.stderr == ""
    assert psql.run("SELECT profile FROM users WHERE id = 1", database=database) == "patched"


def listening(running):
    sockets = psutil.Process(running.process.pid).net_connections()
    return any(each.status == psutil.CONN_LISTEN for each in sockets)


def test_it_finishes_for_a_client_that_has_left(psql, fresh_clone, tmp_path, service):
    database = fresh_clone()
    with serving(tmp_path, settings(psql, database, **service)) as running:
        client = running.connect()
        with locked(psql, database):
            client.request("PATCH", "/users/1", b'{"profile":"patched"}')
            until(lambda: waiting(psql, database) == "1")
            client.close()
            running.process.terminate()
            until(lambda: not listening(running))
        assert running.wait() == 0
        assert running.stderr == ""
    assert psql.run("SELECT profile FROM users WHERE id = 1", database=database) == "patched"


def test_ctrl_c_is_a_graceful_end_too(psql, database, tmp_path):
    with serving(tmp_path, settings(psql, database)) as running:
        running.process.send_signal(signal.SIGINT)
        assert running.wait() == 0
        assert running.stderr == ""


@pytest.mark.parametrize("framework", ["aiohttp", "fastapi"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_taken_port_is_named(psql, database, tmp_path, workers, framework):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        wanted = settings(psql, database, port=port, workers=workers, framework=framework)
        with started(tmp_path, wanted) as running:
            assert running.wait() == 8
            assert f"cannot listen on 127.0.0.1:{port}" in running.stderr
            assert running.stderr.count("\n") == 1


def test_a_port_that_workers_share_is_taken_for_another_service(psql, database, tmp_path):
    with serving(tmp_path, settings(psql, database, workers=2)) as first:
        wanted = settings(psql, database, port=first.port, workers=2)
        with started(tmp_path, wanted) as second:
            assert second.wait() == 8
            assert f"cannot listen on 127.0.0.1:{first.port}" in second.stderr


def test_an_unreachable_database_is_named(psql, database, tmp_path, service):
    wanted = settings(psql, database, **service)
    wanted["database"]["port"] = 1
    with started(tmp_path, wanted) as running:
        assert running.wait() == 8
        assert f"to 127.0.0.1:1/{database} as {psql.user}: " in running.stderr
        assert running.stderr.count("\n") == 1


def test_a_database_that_does_not_exist_is_named(psql, database, tmp_path, service):
    wanted = settings(psql, database, **service)
    wanted["database"]["database"] = "no_such_database"
    with started(tmp_path, wanted) as running:
        assert running.wait() == 8
        assert '"no_such_database" does not exist' in running.stderr
        assert running.stderr.count("\n") == 1


def test_a_password_that_is_not_in_the_passfile_is_missed(psql, database, tmp_path, service):
    passfile = tmp_path / "pgpass"
    passfile.touch(mode=0o600)
    wanted = settings(psql, database, **service)
    wanted["database"]["passfile"] = str(passfile)
    with started(tmp_path, wanted) as running:
        assert running.wait() == 8
        # libpq asks for a password itself, where others let the server do it.
        assert re.search("password authentication failed|no password supplied", running.stderr)
        assert running.stderr.count("\n") == 1


def test_a_pool_larger_than_the_server_allows_is_an_error(psql, database, tmp_path, service):
    wanted = settings(psql, database, **service, pool={"size": 1000, "overflow": 0})
    with started(tmp_path, wanted) as running:
        assert refusal(running)


@pytest.mark.parametrize("service", ["sqlalchemy", "tortoise"])
def test_it_is_one_over_psycopg_too(psql, database, tmp_path, service):
    pool, options = {"size": 1000, "overflow": 0}, {"driver": "psycopg"}
    wanted = settings(psql, database, service=service, pool=pool, options=options)
    with started(tmp_path, wanted, python=python_of("psycopg")) as running:
        assert refusal(running)


def refusal(running):
    """Whether it ended with one line, in which the server says why."""
    assert running.wait() == 8
    assert "cannot open 1000 connections" in running.stderr
    assert running.stderr.count("\n") == 1
    return re.search("too many clients|remaining connection slots", running.stderr)


def test_a_database_that_dies_costs_answers_not_the_service(psql, fresh_clone, tmp_path, service):
    database = fresh_clone()
    with serving(tmp_path, settings(psql, database, **service)) as running:
        psql.run(f"DROP DATABASE {database} WITH (FORCE)")
        assert running.get("/users/1") == {"error": "internal"}
        assert running.get("/health")["service"] == service["service"]
        running.process.terminate()
        assert running.wait() == 0
        assert "GET /users/1: " in running.stderr


def test_small_writes_leave_at_once_whichever_framework_makes_them():
    # asyncio turns Nagle's algorithm off on sockets whose protocol is named, and on no others.
    with server.bind("127.0.0.1", free_port()) as listener:
        assert listener.proto == socket.IPPROTO_TCP
