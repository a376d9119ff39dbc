"""Fixtures for tests that need a database with the dataset; see the conftest files."""

from __future__ import annotations

from itertools import count

import pytest

from workloads.databases.postgresql.template import clone, drop, ensure_template
from workloads.dataset import Dataset

# More than 1,000 of each, so that the greatest limit cuts something off.
DATASET = Dataset(users=1200, orders=1010, payload_bytes=1024, seed=11)

_names = (f"services_{number}" for number in count())


@pytest.fixture(scope="session")
def template(psql):
    return ensure_template(psql, DATASET).database


@pytest.fixture(scope="session")
def fresh_clone(psql, template):
    """Makes databases that hold the dataset, and drops them in the end."""
    made = []

    def make():
        made.append(next(_names))
        clone(psql, template, made[-1])
        return made[-1]

    yield make
    for name in made:
        drop(psql, name)


@pytest.fixture(scope="session")
def database(fresh_clone):
    """One such database for all tests that only read."""
    return fresh_clone()
