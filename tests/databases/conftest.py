"""One private MariaDB for the tests of this folder, where Debian's packages are installed."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path

import pytest

from agent.databases.mariadb.instance import MariadbInstance, settings
from tests.conftest import free_port
from tests.services.parts import DATASET
from workloads.databases.mariadb import digests

PREFIX = Path("/usr")
_names = (f"mariadb_{number}" for number in count())


def require_packages():
    for program in ("mariadbd", "mariadb", "mariadb-install-db"):
        if not shutil.which(program, path="/usr/sbin:/usr/bin"):
            pytest.skip(f"needs {program} of the packages mariadb-server-core, mariadb-client-core")


@pytest.fixture(scope="session")
def instance(lab_folder):
    """A server's files, made once."""
    require_packages()
    instance = MariadbInstance(lab_folder / "mariadb", PREFIX, free_port())
    with instance.lock():
        assert instance.ensure_initialised()
        yield instance


@pytest.fixture(scope="session")
def log(lab_folder):
    return lab_folder / "mariadb.log"


@pytest.fixture(scope="session")
def client(instance, log):
    """A running server, which records statements like that of a diagnostic pass."""
    server = instance.start(log=log, server_settings=settings(2**30) | digests.SERVER)
    yield instance.client
    assert instance.stop(server)


@pytest.fixture(scope="session")
def template(client):
    return client.make_template(DATASET).database


@pytest.fixture
def fresh_clone(client, template):
    made = []

    def make():
        made.append(next(_names))
        client.clone(template, made[-1])
        return made[-1]

    yield make
    for name in made:
        client.drop(name)
