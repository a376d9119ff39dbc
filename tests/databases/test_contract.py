"""Every service that can use MariaDB keeps the contract there."""

from __future__ import annotations

import pytest

from tests.services.parts import DATASET
from tests.services.running import serving, settings
from tests.services.stacks import python_of
from workloads.contract.suite import check
from workloads.services import manifest

STACK = "asyncmy"
SUBJECTS = [
    (service.name, driver)
    for service in manifest.shipped().values()
    for driver in service.drivers("mariadb")
]


@pytest.mark.parametrize("subject", SUBJECTS, ids="-".join)
def test_a_service_keeps_the_contract_on_mariadb(client, fresh_clone, tmp_path, subject):
    service, driver = subject
    database = fresh_clone()
    options = {} if service == driver else {"driver": driver}
    wanted = settings(client, database, service=service, options=options)
    with serving(tmp_path, wanted, python=python_of(STACK)) as running:
        results = check(running.url, client, database, DATASET)
        running.process.terminate()
        assert running.wait() == 0
        assert running.stderr == ""
    assert [result for result in results if not result.ok] == []
    assert len(results) > 300
