"""The positive control's burden, on a real service."""

from __future__ import annotations

import pytest

from tests.services.running import serving, settings

_TURN = 128


def ask(service, times: int) -> None:
    connection = service.connect()
    for _ in range(times):
        connection.request("GET", "/users/1")
        assert connection.getresponse().read()
    connection.close()


def each(used) -> float:
    return used["cpu_ns"] / used["requests"]


@pytest.mark.parametrize("framework", ["aiohttp", "fastapi"])
def test_a_burden_adds_its_fraction_of_the_requests_own_cpu_time(
    psql, database, tmp_path, framework
):
    wanted = settings(psql, database, burden=0.5, framework=framework)
    with serving(tmp_path, wanted) as service:
        ask(service, 16 * _TURN)  # while it finds its size
        before = service.get("/health")["burden"]
        ask(service, 64 * _TURN)
        after = service.get("/health")["burden"]
    assert after["fraction"] == 0.5
    used = {
        name: {key: after[name][key] - before[name][key] for key in ("requests", "cpu_ns")}
        for name in ("burdened", "unburdened")
    }
    requests = {name: used[name]["requests"] // _TURN for name in used}
    assert requests == {"burdened": 56, "unburdened": 8}
    whole = sum(each["cpu_ns"] for each in used.values()) / (64 * _TURN)
    # A sleep would add nothing at all; eight turns tell the base to some percents.
    assert whole / each(used["unburdened"]) - 1 == pytest.approx(0.5, abs=0.15)


def test_a_service_without_a_burden_says_so(psql, database, tmp_path):
    with serving(tmp_path, settings(psql, database)) as service:
        assert service.get("/health")["burden"] is None
