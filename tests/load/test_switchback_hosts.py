"""Readings of other hosts, played by threads that answer over a socket; the processes are real."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from tests.load.switching import block_settings
from tests.load.test_switchback_meter import start_family
from workloads.load.switchback import hosts
from workloads.load.switchback.hosts import Hosts
from workloads.load.switchback.meter import Meter, Reading
from workloads.load.switchback.spec import BlockSpec, read_settings

__all__ = ["block_settings", "start_family"]

HOUR_NS = 3_600_000_000_000


@contextmanager
def elsewhere(meter, change=lambda reading: reading):
    """The agent of another host; yields the descriptor on which it answers."""
    ours, theirs = socket.socketpair()

    def serve():
        with theirs, theirs.makefile("rb") as questions:
            for question in questions:
                told = msgspec.json.decode(hosts.answer(meter, question), type=Reading)
                theirs.sendall(msgspec.json.encode(change(told)) + b"\n")

    thread = threading.Thread(target=serve)
    thread.start()
    copy = os.dup(ours.fileno())
    try:
        yield ours.detach()
    finally:
        with socket.socket(fileno=copy) as end:
            end.shutdown(socket.SHUT_RDWR)
        thread.join()


def ahead(reading):
    """As a host tells whose clock began an hour before ours."""
    return msgspec.structs.replace(reading, at_ns=reading.at_ns + HOUR_NS)


def test_each_reading_is_of_the_host_whose_process_it_is_about(start_family):
    service, server = start_family(), start_family()
    for family in (service, server):
        family.tell(0)  # a process that still starts uses CPU time, too
    with (
        elsewhere(Meter({"one": service.pid}, None), ahead) as app,
        elsewhere(Meter({}, server.pid)) as db,
        closing(Hosts(Meter({"one": None}, None), {"app": app, "db": db})) as block,
    ):
        block.find("one")
        before = block.read("one")
        server.tell(30)
        used_ns = block.service_ns("one")
        used = block.used("one", before, block.read("one"))
    assert used_ns > 0
    assert 0 <= used.service < 20e6
    # The host may have looked for the first time when the process was at work already.
    assert 30e6 - used.hosts["db"].late_ns <= used.database < 50e6
    assert used.load > 0
    assert set(used.hosts) == {"app", "db", "load"}
    assert used.foreign == sum(each.foreign for each in used.hosts.values())
    # The clocks are compared, so an hour between them is no lateness.
    assert all(used.hosts[role].late_ns < HOUR_NS / 10 for role in ("app", "db"))
    assert used.hosts["load"].late_ns is None


@pytest.mark.parametrize(
    ("others", "server_pid", "expected"),
    [
        (["app", "db"], None, ("app", "db")),
        (["app"], None, ("app", "app")),
        (["app"], 7, ("app", "load")),
        (["db"], None, ("load", "db")),
    ],
)
def test_the_host_of_each_cpu_time_is_told(
    start_service, block_settings, others, server_pid, expected
):
    readers = dict.fromkeys(others, 3)
    path, _ = block_settings({"a": start_service()}, readers=readers, server_pid=server_pid)
    settings = read_settings(Path(path), BlockSpec)
    assert settings.read_on == dict(zip(("service", "database"), expected, strict=True))


def test_without_other_hosts_nothing_is_told_of_hosts(start_family):
    service = start_family()
    block = Hosts(Meter({"one": service.pid}, None), {})
    block.find("one")
    before = block.read("one")
    service.tell(30)
    used = block.used("one", before, block.read("one"))
    assert (used.hosts, used.database) == ({}, "the database server runs on another host")
    assert isinstance(used.service, int)


def test_a_host_that_does_not_answer_is_null_with_a_reason_and_is_asked_nothing_more(monkeypatch):
    monkeypatch.setattr(hosts, "_PATIENCE_S", 0.05)
    ours, theirs = socket.socketpair()
    with theirs, closing(Hosts(Meter({}, None), {"app": ours.detach()})) as block:
        said = block.service_ns("one")
        assert said == "app: its agent does not answer: timed out"
        asked = theirs.recv(4096)
        used = block.used("one", block.read("one"), block.read("one"))
        assert {used.service, used.delay, used.foreign, used.steal} == {said}
        assert used.hosts["app"].late_ns is None
        assert isinstance(used.hosts["load"].foreign, int)
        theirs.settimeout(0)
        with pytest.raises(BlockingIOError):
            theirs.recv(4096)
        assert asked.count(b"\n") == 1


def test_a_host_that_is_gone_is_null_with_a_reason():
    ours, theirs = socket.socketpair()
    theirs.close()
    with closing(Hosts(Meter({}, None), {"db": ours.detach()})) as block:
        before = block.read("one")
        used = block.used("one", before, block.read("one"))
    assert used.database.startswith("db: its agent is gone")
    assert isinstance(used.load, int)
