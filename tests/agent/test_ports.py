"""Ports that others have or share: no foreign process is driven, believed, or written to."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from agent import ports, server
from agent.channel import Remote
from agent.failure import Failure
from agent.orders import RemoteSpec, ServiceSpec
from agent.service import Endpoint, Service
from tests.agent.conftest import service
from tests.agent.placing import carry_out, client_load
from tests.conftest import free_port
from tests.services.running import serving, settings

HERE = "127.0.0.1"
QUIET = SimpleNamespace(check=lambda: None)

# Answers everything like a service of long ago, and keeps what it was asked.
FOREIGN = """
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        print(self.path, flush=True)
        body = sys.argv[2].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("ready", flush=True)
server.serve_forever()
"""


@contextmanager
def foreign(port, body='{"service": "asyncpg", "pid": 1}'):
    """A foreign service; yields its process."""
    command = [sys.executable, "-c", FOREIGN, str(port), body]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def listening(port, address=HERE, *, shared=False):
    with closing(socket.socket()) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        listener.bind((address, port))
        listener.listen()
        yield listener


def test_ports_are_drawn_that_are_free_and_no_connection_takes():
    first = ports.draw(3, [HERE])
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert all(not low <= port <= high for port in range(first, first + 3))
    for port in range(first, first + 3):
        with listening(port):
            pass


def test_a_port_of_somebody_else_is_never_drawn(monkeypatch):
    busy = free_port(1)
    monkeypatch.setattr(ports, "_range", lambda: (busy - 1, busy + 4))
    with listening(busy):
        assert ports.draw(1, [HERE], taken=(busy - 1, busy + 2, busy + 3)) == busy + 1
        with pytest.raises(OSError, match="no 3 neighbouring ports"):
            ports.draw(3, [HERE], taken=(busy + 2,))


def test_a_port_that_cannot_be_had_says_who_has_it():
    with listening(free_port(1)) as listener:
        port = listener.getsockname()[1]
        assert f"(process {os.getpid()})" in ports.refusal(port, [HERE])
    assert ports.refusal(port, [HERE]) is None
    assert ports.refusal(65_536, [HERE]) == "it is no TCP port"
    assert ports.refusal(port, ["192.0.2.1"]) == "Cannot assign requested address"


def test_two_purposes_do_not_get_one_port(capsys):
    first = free_port(4)
    assert ports.main(["--address", HERE, f"1:{first + 1}", f"3:{first}", "2:"]) == 0
    postgres, services, drawn = json.loads(capsys.readouterr().out)["blocks"]
    assert postgres["refused"]["why"] == "the run wants it for two purposes"
    assert services["refused"]["port"] == first + 1
    assert drawn["refused"] is None
    assert drawn["first"] not in range(first - 1, first + 3)


@pytest.mark.parametrize("address", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_of_another_host_is_refused_before_any_port_is_tried(monkeypatch, address):
    monkeypatch.setattr(ports, "draw", lambda *_: pytest.fail("a port was tried"))
    found = ports.settle(["1:", "3:"], [HERE, address])
    assert found.blocks == []
    assert found.not_own.address == address
    assert ports.settle([], [HERE]).not_own is None


def test_who_shares_a_port_is_seen():
    port, own = free_port(1), [os.getpid()]
    with listening(port, shared=True):
        assert ports.shared(port, own) is False
        assert ports.shared(port, []) is None
        join = f"""
import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.bind((sys.argv[1], {port}))
s.listen()
print("ready", flush=True)
sys.stdin.read()
"""
        for address, is_shared in (("0.0.0.0", False), (HERE, True)):
            with subprocess.Popen(
                [sys.executable, "-c", join, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            ) as stranger:
                assert stranger.stdout.readline() == b"ready\n"
                assert ports.shared(port, own) is is_shared
                stranger.stdin.close()


def test_a_foreign_service_on_the_port_is_not_driven(order, tmp_path, table_path):
    order["load"] = client_load(table_path)
    order["probes"] = [{"method": "GET", "path": "/users/1"}]
    with foreign(order["service"]["settings"]["port"]) as process:
        failure = carry_out(order, tmp_path).failure
        process.kill()
        asked = set(process.stdout.read().split())
    assert failure.code == "service-start"
    assert f"(process {process.pid}) answers there" in failure.what
    assert asked <= {"/health"}


@pytest.fixture
def database(psql, template):
    server.restore(psql, template, "ports_test")
    return "ports_test"


@pytest.fixture
def two_workers(psql, database):
    return msgspec.convert(service(settings(psql, database, workers=2)), ServiceSpec)


def test_a_stranger_that_joins_the_workers_of_a_service_fails_the_trial(two_workers, tmp_path):
    with Service(two_workers, folder=tmp_path, cpus=None) as running:
        running.await_ready(QUIET)
        record = running.port_record()
        assert (record.number, record.shared, record.reason) == (running.port, False, None)
        running.require_answer()
        with listening(running.port, shared=True), pytest.raises(Failure) as refused:
            running.require_answer()
        assert refused.value.code == "port-shared"
        assert running.port_record().shared is False


def test_who_took_the_port_of_a_service_is_named_on_its_own_host(two_workers, tmp_path):
    with Service(two_workers, folder=tmp_path, cpus=None) as running:
        running.await_ready(QUIET)
        running.nonce = "another"
        with pytest.raises(Failure, match=r"\(process \d+\)") as refused:
            running.require_own()
        assert refused.value.code == "service-foreign"


def test_a_service_that_was_started_by_somebody_else_is_not_believed(psql, database, tmp_path):
    with serving(tmp_path, settings(psql, database, nonce="a")) as running:
        Endpoint(HERE, running.port, "a").await_ready(QUIET)
        endpoint = Endpoint(HERE, running.port, "b")
        for ask in (lambda: endpoint.await_ready(QUIET), endpoint.require_answer):
            with pytest.raises(Failure) as refused:
                ask()
            assert refused.value.code == "service-foreign"
            assert "process" not in refused.value.what  # its own host would know whose it is


@pytest.mark.parametrize("body", ["[1]", "null", "hello", '"x"'])
def test_an_answer_that_is_no_health_is_none(body):
    port = free_port(1)
    with foreign(port, body), pytest.raises(Failure) as refused:
        Endpoint(HERE, port, "a").await_ready(QUIET)
    assert refused.value.code == "service-unreachable"


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"[1]\n", b"{}\n", b""])
def test_who_is_no_agent_is_not_taken_for_one(said):
    with listening(free_port(1)) as listener:

        def answer():
            caller, _ = listener.accept()
            with caller:
                caller.recv(4096)
                caller.sendall(said)

        answering = threading.Thread(target=answer)
        answering.start()
        port = listener.getsockname()[1]
        with pytest.raises(Failure) as refused:
            Remote(RemoteSpec(role="app", host=HERE, port=port, word="open sesame"))
        answering.join()
    assert refused.value.code == "observer-lost"


def test_nothing_in_another_database_server_is_changed(order, tmp_path, psql, table_path):
    order["database"] |= {"name": "never_made", "identity": "7 since 8"}
    order["load"] = client_load(table_path)
    failure = carry_out(order, tmp_path).failure
    assert failure.code == "database-foreign"
    assert psql.identity() in failure.what
    assert psql.run("select count(*) from pg_database where datname = 'never_made'") == "0"


def test_a_server_is_known_by_its_process(cluster):
    pid = int((cluster.data / "postmaster.pid").read_text().splitlines()[0])
    assert cluster._answers(pid)
    assert not cluster._answers(os.getpid())


def test_an_address_for_other_hosts_must_be_free_too(cluster, tmp_path):
    apart = replace(cluster, port=free_port(1), listen="127.0.0.2")
    with listening(apart.port, apart.listen), pytest.raises(Failure) as refused:
        apart.start(log=tmp_path / "log", server_settings={})
    assert refused.value.code == "port-taken"
    assert refused.value.where == f"127.0.0.2:{apart.port}"
    assert f"process {os.getpid()}" in refused.value.what
