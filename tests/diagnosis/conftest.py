"""A server of its own for the pass: its JSON log needs a start with other settings."""

from __future__ import annotations

from itertools import count

import psutil
import pytest

from agent.databases.postgresql.cluster import Cluster, settings
from tests.conftest import free_port
from tests.services.parts import DATASET, database, fresh_clone, template
from tests.services.running import settings as service_settings
from tests.services.running import started
from workloads.databases.postgresql import log
from workloads.databases.postgresql.template import clone, drop, ensure_template
from workloads.diagnosis.examination import examine

__all__ = ["database", "fresh_clone", "template"]

_names = (f"diagnosed_{number}" for number in count())


@pytest.fixture(scope="session")
def logging_psql(lab_folder, postgres_binaries):
    cluster = Cluster(lab_folder / "logging", postgres_binaries, free_port())
    with cluster.lock():
        cluster.ensure_initialised()
        server_settings = settings(psutil.virtual_memory().total // 8) | log.SERVER
        server = cluster.start(log=lab_folder / "logging.log", server_settings=server_settings)
        yield cluster.psql
        cluster.stop(server)


@pytest.fixture(scope="session")
def logging_template(logging_psql):
    return ensure_template(logging_psql, DATASET).database


@pytest.fixture
def diagnose(logging_psql, logging_template, tmp_path):
    """Diagnoses a service on a fresh clone; ``program`` starts it, ``wanted`` is set on it."""
    made = []

    def run(task, *, service, program=("-m", "workloads.services"), **wanted):
        name = next(_names)
        clone(logging_psql, logging_template, name)
        made.append(name)
        with logging_psql.recording(name) as recording:
            told = service_settings(logging_psql, name, service=service, **wanted)
            told["database"]["port"] = recording.address[1]
            told["pool"] = {"size": 1, "overflow": 0}
            with started(tmp_path, told, program=program) as running:
                recording.begin()
                running.await_ready()
                return examine(running.url, service=service, task=task, recording=recording)

    yield run
    for name in made:
        drop(logging_psql, name)
