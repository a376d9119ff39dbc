"""A trial that works, for tests that make it go wrong or take it apart."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from agent.databases.postgresql.cluster import Cluster
from agent.databases.postgresql.cluster import settings as settings_of
from tests.agent import placing
from tests.conftest import CHECKOUT, free_port
from tests.services.running import settings
from workloads.databases.postgresql.template import ensure_template
from workloads.dataset import Dataset
from workloads.load.operations import Operation
from workloads.load.requests import table, write_table

DATASET = Dataset(users=1000, orders=1000, payload_bytes=512, seed=1)


@pytest.fixture(scope="session")
def template(psql):
    return ensure_template(psql, DATASET).database


@pytest.fixture(scope="session")
def server(cluster, lab_folder, psql):
    """Where a trial finds the session's server and its log, and how it knows it."""
    pid = int((cluster.data / "postmaster.pid").read_text().splitlines()[0])
    log = str(lab_folder / "postgres.log")
    return {"server_pid": pid, "log": log, "identity": psql.identity()}


@pytest.fixture
def table_path(tmp_path):
    rows = table([Operation("read-user")], users=1000, orders=1000, seed=1, count=100)
    write_table(tmp_path / "table.tsv", rows)
    return tmp_path / "table.tsv"


@pytest.fixture
def order(psql, template, server, table_path):
    """The work of a trial that succeeds: the asyncpg service, one second of wrk."""
    everywhere = sorted(os.sched_getaffinity(0))
    told = settings(psql, "trial_test", pool={"size": 2, "overflow": 0})
    return {
        "kind": "trial",
        "service": service(told),
        "database": {"server": psql.server, "name": "trial_test", "template": template, **server},
        "load": placing.load(
            table_path,
            generator="wrk",
            threads=1,
            connections=4,
            warmup_s=0,
            duration_s=1,
            timeout_s=2,
        ),
        "placement": {"service": everywhere, "load": everywhere, "database": everywhere},
        "probes": [],
    }


def service(told):
    """How an agent starts a service with such settings; what they leave open is the default."""
    return {
        "is": "service",
        "python": sys.executable,
        "variables": {},
        "code": str(CHECKOUT),
        "start_timeout_s": 20.0,
        "stop_timeout_s": 5.0,
        "settings": {
            "nonce": "0123456789abcdef",
            "workers": 1,
            "framework": "aiohttp",
            "cache": {"ttl_s": 0.0, "entries": 1024},
            "options": {},
            "loop": "asyncio",
            "json": "stdlib",
            "burden": 0.0,
            **told,
        },
    }


@pytest.fixture
def own_server(order, tmp_path, lab_folder, postgres_binaries):
    """A server that only this trial uses, to be stopped or killed; yields its process."""
    cluster = Cluster(lab_folder / tmp_path.name, postgres_binaries, free_port())
    with cluster.lock():
        cluster.ensure_initialised()
        server = cluster.start(log=tmp_path / "postgres.log", server_settings=settings_of(2**30))
        order["database"] |= {
            "server": cluster.client.server,
            "template": ensure_template(cluster.psql, DATASET).database,
            "server_pid": server.pid,
            "identity": cluster.client.identity(),
        }
        order["service"]["settings"]["database"] |= {
            "port": cluster.port,
            "passfile": cluster.psql.passfile,
        }
        yield server
        if server.poll() is None:
            server.send_signal(signal.SIGINT)
        server.wait()
