"""All threads of the orchestrator keep off the measured CPUs, whenever they were started."""

from __future__ import annotations

import os
from threading import Barrier, Event, Thread, get_native_id

import pytest

from ormlab.base import affinity


@pytest.fixture
def one():
    every = os.sched_getaffinity(0)
    if len(every) < 2:
        pytest.skip("this machine has one CPU")
    return {max(every)}


@pytest.fixture
def waiting():
    """Starts threads that wait for the end of the test."""
    over, threads = Event(), []

    def start():
        thread = Thread(target=over.wait)
        thread.start()
        threads.append(thread)
        return thread.native_id

    yield start
    over.set()
    for thread in threads:
        thread.join()


def test_threads_that_are_there_and_those_that_come_keep_to_the_cpus(one, waiting):
    before = waiting()
    affinity.keep_to(one)
    for thread in (before, waiting(), get_native_id()):
        assert os.sched_getaffinity(thread) == one


def test_a_thread_that_another_one_starts_meanwhile_keeps_to_them_too(one, waiting, monkeypatch):
    """It is started by a thread that is not confined, after the list was read."""
    asked, met = Barrier(2), Barrier(2)
    late = []

    def start_another():
        asked.wait()
        late.append(waiting())
        met.wait()

    Thread(target=start_another).start()
    listed = affinity._threads

    def meanwhile():
        found = listed()
        if not late:
            asked.wait()
            met.wait()
        return found

    monkeypatch.setattr(affinity, "_threads", meanwhile)
    affinity.keep_to(one)
    assert os.sched_getaffinity(late[0]) == one


def test_cpus_that_this_process_may_not_use_are_an_error():
    with pytest.raises(OSError, match="Invalid argument"):
        affinity.keep_to({max(os.sched_getaffinity(0)) + 100_000})
