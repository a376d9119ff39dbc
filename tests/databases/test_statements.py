"""What each operation of a service costs on MariaDB is what its folder declares."""

from __future__ import annotations

import pytest

from tests.diagnosis.tasks import every_operation
from tests.services.parts import DATASET
from tests.services.running import settings, started
from tests.services.stacks import python_of
from workloads.diagnosis.examination import examine
from workloads.services import manifest

# By the first driver of a service, as of PostgreSQL.
SUBJECTS = {
    service.name: service.drivers("mariadb")[0]
    for service in manifest.shipped().values()
    if service.drivers("mariadb")
}


@pytest.mark.parametrize("service", SUBJECTS)
def test_every_operation_costs_what_its_service_declares(client, fresh_clone, tmp_path, service):
    database, driver = fresh_clone(), SUBJECTS[service]
    assert client.make_template(DATASET).reused
    with client.recording(database) as recording:
        told = settings(client, database, service=service, pool={"size": 1, "overflow": 0})
        told["options"] = {} if service == driver else {"driver": driver}
        with started(tmp_path, told, python=python_of("asyncmy")) as running:
            recording.begin()
            running.await_ready()
            sql, answers = examine(
                running.url,
                service=service,
                task=every_operation(),
                recording=recording,
                kind="mariadb",
            )
    assert len(sql.operations) == 17
    assert [name for name, cost in sql.operations.items() if cost.varies] == []
    got = {
        name: (cost.statements_per_request, cost.round_trips_per_request)
        for name, cost in sql.operations.items()
    }
    due = {
        name: cost.declared and (cost.declared.statements, cost.declared.round_trips)
        for name, cost in sql.operations.items()
    }
    assert got == due
    assert all(each.status == each.expected_status for each in answers.answers)
