import signal
import socket
from contextlib import ExitStack

import psutil
import pytest

from tests.services.running import SERVICES, serving, settings, started, until
from workloads.services.workers import cores, shares_of


@pytest.fixture
def running(psql, database, tmp_path):
    with serving(tmp_path, settings(psql, database, workers=2)) as running:
        yield running


def workers(running):
    return psutil.Process(running.process.pid).children()


@pytest.mark.parametrize("service", SERVICES)
def test_every_worker_has_its_pool_before_any_serves(psql, fresh_clone, tmp_path, service):
    database = fresh_clone()
    count = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'"
    with serving(tmp_path, settings(psql, database, service=service, workers=3)):
        assert int(psql.run(count)) >= 9
        # Some drivers try first whether the server grants them; it forgets those in its own time.
        until(lambda: psql.run(count) == "9")


@pytest.mark.parametrize(
    ("every_core", "count", "shares"),
    [
        ([{0}, {1}], 2, [{0}, {1}]),
        ([{2, 10}, {3, 11}, {4, 12}], 2, [{2, 10, 4, 12}, {3, 11}]),
        ([{0, 1}], 2, None),  # two threads of one core
        ([{0}], 1, [{0}]),
    ],
)
def test_each_worker_has_cores_of_its_own_where_there_are_enough(every_core, count, shares):
    assert shares_of(every_core, count) == shares


def test_workers_keep_to_the_cores_that_are_theirs(running):
    here = cores()
    expected = shares_of(here, 2) or [set().union(*here)] * 2
    assert sorted(sorted(each.cpu_affinity()) for each in workers(running)) == sorted(
        map(sorted, expected)
    )


def test_all_workers_answer(running):
    pids = {worker.pid for worker in workers(running)}
    assert len(pids) == 2
    seen = set()

    def all_seen():
        seen.add(running.get("/health")["pid"])
        return seen == pids

    until(all_seen)


@pytest.mark.parametrize("framework", ["aiohttp", "fastapi"])
def test_connections_that_come_at_once_are_shared(psql, database, tmp_path, framework):
    wanted = settings(psql, database, workers=2, framework=framework)
    with serving(tmp_path, wanted) as running, ExitStack() as burst:
        both = workers(running)
        # Stopped, they find all of them waiting, as they may when they are busy.
        for worker in both:
            worker.suspend()
        for _ in range(200):
            burst.enter_context(socket.create_connection(("127.0.0.1", running.port)))
        for worker in both:
            worker.resume()

        def taken():
            return [
                sum(each.status == "ESTABLISHED" and each.laddr.port == running.port for each in of)
                for of in (worker.net_connections("tcp") for worker in both)
            ]

        until(lambda: sum(taken()) == 200)
        assert min(taken()) >= 60  # fewer than once in a hundred million times


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_parent_ends_all_of_them_well(running, number):
    ended = workers(running)
    running.process.send_signal(number)
    assert running.wait() == 0
    assert running.stderr == ""
    assert psutil.wait_procs(ended, timeout=30)[1] == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_ends_by_itself_ends_the_others(running, number):
    victim, other = workers(running)
    victim.send_signal(number)
    assert running.wait() == 8
    assert f"worker {victim.pid} ended with " in running.stderr
    assert psutil.wait_procs([other], timeout=30)[1] == []


def test_workers_die_with_their_parent(running):
    orphans = workers(running)
    running.process.kill()
    assert psutil.wait_procs(orphans, timeout=30)[1] == []


def test_a_worker_that_cannot_start_ends_all(psql, database, tmp_path):
    wanted = settings(psql, database, workers=2)
    wanted["database"]["port"] = 1
    with started(tmp_path, wanted) as running:
        assert running.wait() == 8
        assert "Connect call failed" in running.stderr
