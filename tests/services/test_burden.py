"""The positive control's burden: its size on a clock of our own, its being on a real service."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.services.running import serving, settings
from workloads.services import burden
from workloads.services.burden import Burden

if TYPE_CHECKING:
    from collections.abc import Callable

_TURN = 16


def ask(service, times: int) -> None:
    connection = service.connect()
    for _ in range(times):
        connection.request("GET", "/users/1")
        assert connection.getresponse().read()
    connection.close()


def each(used) -> float:
    return used["cpu_ns"] / used["requests"]


def added(before, after) -> float:
    """What all requests between two readings used beyond those without a burden, as a fraction."""
    used = {
        name: {key: after[name][key] - before[name][key] for key in ("requests", "cpu_ns")}
        for name in ("burdened", "unburdened")
    }
    whole = sum(each["cpu_ns"] for each in used.values())
    requests = sum(each["requests"] for each in used.values())
    return whole / requests / each(used["unburdened"]) - 1


class Processor:
    """A clock that only work moves, so that the size of a burden does not hang on this machine.

    Reading it costs time too, as it does in truth.
    """

    def __init__(self) -> None:
        self.now_ns = 0

    def perf_counter_ns(self) -> int:
        self.now_ns += 60
        return self.now_ns

    process_time_ns = perf_counter_ns


def work(processor: Processor, burden: Burden, requests: int, cost_ns: Callable[[], float]) -> None:
    def handler(_request: None) -> None:
        processor.now_ns += round(cost_ns())

    asked = burden.on(handler)  # type: ignore[arg-type]  # nobody awaits here
    for _ in range(requests):
        asked(None)


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.5])
def test_a_burden_adds_its_fraction(monkeypatch, fraction):
    processor, noise = Processor(), Random(7)
    monkeypatch.setattr(burden, "time", processor)
    subject = Burden(fraction)
    work(processor, subject, 1_000, lambda: noise.gauss(200_000, 40_000))
    before = subject.account()
    work(processor, subject, 16_384, lambda: noise.gauss(200_000, 40_000))
    assert added(before, subject.account()) == pytest.approx(fraction, abs=0.01)


def test_a_burden_holds_within_slices_of_load_too(monkeypatch):
    processor, noise = Processor(), Random(7)
    monkeypatch.setattr(burden, "time", processor)
    subject = Burden(0.1)
    work(processor, subject, 500, lambda: noise.gauss(200_000, 40_000))
    for _ in range(20):
        began = processor.now_ns
        work(processor, subject, 256, lambda: noise.gauss(200_000, 40_000))
        assert (processor.now_ns - began) / 256 / 200_000 == pytest.approx(1.1, abs=0.04)


def test_a_burden_follows_a_processor_that_slows_down(monkeypatch):
    processor = Processor()
    monkeypatch.setattr(burden, "time", processor)
    subject = Burden(0.1)
    work(processor, subject, 8_192, lambda: 200_000)
    work(processor, subject, 16_384, lambda: 300_000)
    before = subject.account()
    work(processor, subject, 8_192, lambda: 300_000)
    assert added(before, subject.account()) == pytest.approx(0.1, abs=0.005)


@pytest.mark.parametrize("framework", ["aiohttp", "fastapi"])
def test_a_burden_is_processor_time_that_a_service_really_uses(psql, database, tmp_path, framework):
    wanted = settings(psql, database, burden=0.5, framework=framework)
    with serving(tmp_path, wanted) as service:
        ask(service, 16 * _TURN)  # while it finds its size
        before = service.get("/health")["burden"]
        ask(service, 64 * _TURN)
        after = service.get("/health")["burden"]
    assert after["fraction"] == 0.5
    requests = {
        name: (after[name]["requests"] - before[name]["requests"]) // _TURN
        for name in ("burdened", "unburdened")
    }
    assert requests == {"burdened": 56, "unburdened": 8}
    # A sleep would add nothing at all. How near it comes is for the controls of a run to tell:
    # eight turns on a machine with other work do not.
    assert added(before, after) > 0.2


def test_a_service_without_a_burden_says_so(psql, database, tmp_path):
    with serving(tmp_path, settings(psql, database)) as service:
        assert service.get("/health")["burden"] is None
