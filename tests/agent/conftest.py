"""A trial that works, for tests that make it go wrong or take it apart."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict

import pytest

from agent.server import identity
from tests.conftest import CHECKOUT
from tests.services.running import settings
from workloads.dataset import Dataset, ensure_template
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
    return {"server_pid": pid, "log": log, "identity": identity(psql)}


@pytest.fixture
def table_path(tmp_path):
    rows = table([Operation("read-user")], users=1000, orders=1000, seed=1, count=100)
    write_table(tmp_path / "table.tsv", rows)
    return tmp_path / "table.tsv"


@pytest.fixture
def order(tmp_path, psql, template, server, table_path):
    """A trial that works: the asyncpg service, one second of wrk."""
    heartbeat = tmp_path / "heartbeat"
    heartbeat.touch()
    everywhere = sorted(os.sched_getaffinity(0))
    return {
        "schema": "order/1",
        "kind": "trial",
        "heartbeat": str(heartbeat),
        "heartbeat_timeout_s": 120.0,
        "deadline_s": 100.0,
        "cpus": None,
        "service": {
            "python": sys.executable,
            "variables": {},
            "code": str(CHECKOUT),
            "start_timeout_s": 20.0,
            "stop_timeout_s": 5.0,
            "settings": settings(psql, "trial_test", pool={"size": 2, "overflow": 0}, options={}),
        },
        "database": {
            "psql": asdict(psql),
            "name": "trial_test",
            "template": template,
            **server,
        },
        "load": {
            "generator": "wrk",
            "threads": 1,
            "connections": 4,
            "duration_s": 1,
            "warmup_s": 0,
            "timeout_s": 2,
            "table": str(table_path),
            "warmup_table": str(table_path),
            "repeatable": True,
        },
        "placement": {"service": everywhere, "load": everywhere, "database": everywhere},
        "probes": [],
    }
