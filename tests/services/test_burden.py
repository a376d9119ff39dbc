"""The positive control's middleware on a real service."""

from __future__ import annotations

from tests.services.running import serving, settings

_REQUESTS = 600


def ask(service, times: int) -> None:
    connection = service.connect()
    for _ in range(times):
        connection.request("GET", "/users/1")
        assert connection.getresponse().read()
    connection.close()


def test_a_burden_adds_its_fraction_of_the_requests_own_cpu_time(psql, database, tmp_path):
    wanted = settings(psql, database, burden=0.5)
    with serving(tmp_path, wanted) as service:
        ask(service, _REQUESTS)
        told = service.get("/health")["burden"]
    assert told["fraction"] == 0.5
    # The first 128 requests carry nothing and cost most; a sleep would add nothing at all.
    assert 0.2 < told["added_cpu_ns"] / told["own_cpu_ns"] < 0.55


def test_a_service_without_a_burden_says_so(psql, database, tmp_path):
    with serving(tmp_path, settings(psql, database)) as service:
        assert service.get("/health")["burden"] is None
