"""An IPv6 address in the inventory: wherever a run writes it, and wherever it is listened on."""

from __future__ import annotations

import shutil
import socket
import subprocess
from types import SimpleNamespace

import pytest

from agent.channel import Listener
from agent.databases.postgresql.cluster import Cluster
from agent.service import Endpoint
from tests.services.running import serving, settings
from workloads.contract.client import Client
from workloads.load import wrk
from workloads.load.client.rows import encode
from workloads.load.requests import Request, write_table

LOOPBACK = "::1"
READ = Request("GET", "/users/1", None, "read-user", 200)


@pytest.fixture(autouse=True)
def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind((LOOPBACK, 0))
    except OSError as missing:
        pytest.skip(f"no IPv6 here: {missing}")


@pytest.mark.parametrize("framework", ["aiohttp", "fastapi"])
def test_a_service_is_asked_at_an_ipv6_address(psql, database, tmp_path, framework):
    wanted = settings(psql, database, host=LOOPBACK, framework=framework, nonce="known")
    endpoint = Endpoint(LOOPBACK, wanted["port"], wanted["nonce"])
    assert endpoint.url == f"http://[::1]:{wanted['port']}"
    waiting = SimpleNamespace(check=lambda: None)
    with serving(tmp_path, wanted):
        endpoint.await_ready(waiting)
        assert endpoint.health().service == "asyncpg"
        with Client(endpoint.url) as client:
            assert client.send("GET", "/users/1").status == 200


def test_wrk_drives_an_ipv6_address(psql, database, tmp_path):
    if not shutil.which("wrk"):
        pytest.skip("wrk is not installed; `make wrk` installs it")
    wanted = settings(psql, database, host=LOOPBACK, nonce="known")
    table = tmp_path / "table.tsv"
    write_table(table, [READ])
    with serving(tmp_path, wanted):
        command = wrk.command(
            threads=1,
            connections=1,
            duration_s=1,
            url=Endpoint(LOOPBACK, wanted["port"], wanted["nonce"]).url,
            table=table,
            out=tmp_path / "wrk.json",
            repeatable=True,
        )
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "wrk.json").stat().st_size
    assert "Non-2xx" not in done.stdout


def test_the_header_host_has_it_in_brackets():
    assert b"\r\nHost: [2001:db8::1]:8100\r\n" in encode(READ, "2001:db8::1", 8100)
    assert b"\r\nHost: 192.0.2.1:8100\r\n" in encode(READ, "192.0.2.1", 8100)


def test_an_agent_listens_on_it_for_another():
    with Listener(LOOPBACK, "word") as listener:
        socket.create_connection((LOOPBACK, listener.port), timeout=5).close()


def test_the_database_lets_such_a_host_in_and_no_other(tmp_path):
    cluster = Cluster(tmp_path, tmp_path, 1, listen="::1", allow=("2001:db8::1", "192.0.2.1"))
    hosts = [line.split()[3] for line in cluster._write_rules().read_text().splitlines()[1:]]
    assert hosts == ["127.0.0.1/32", "2001:db8::1/128", "192.0.2.1/32"]
