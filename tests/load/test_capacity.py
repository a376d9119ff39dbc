"""The search against a measurer of known capacity, and against a real service of known limit."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest
from MLRsearch import MeasurementResult

from analysis import generators
from analysis.latency import decode_hdr, total
from bundle.generators.capacity import Search
from tests.load.conftest import ROOT
from workloads.load.capacity import find
from workloads.load.client.failure import LoadError
from workloads.load.client.spec import parse_spec

LIMIT_S = 1 / 400  # what one request costs the service: 400 a second
# A busy machine makes single requests late at any rate; a rate that holds may have some of them.
GOAL = {"objective_ms": 300, "loss_ratio": 0.1, "probe_s": 1.5, "probes": 1, "width": 0.2}
GOAL |= {"arrivals": "poisson"}


def search(**changes):
    client = {"host": "h", "port": 1, "loop": "closed", "connections": 8, "duration_s": 1}
    client |= {"seed": 1, "table": "t", "repeatable": True}
    values = {"arrivals": "poisson", "objective_ms": 50, "loss_ratio": 0.01, "width": 0.05}
    values |= {"probe_s": 1.0, "probes": 3, "limit_s": 60}
    return Search(client=parse_spec(client), **values | changes)


class Queue:
    """One server with exponential service times: what arrives is late once it waits too long."""

    def __init__(self, capacity, seed):
        self.capacity, self.random, self.probes = capacity, random.Random(seed), []

    def measure(self, intended_duration, intended_load):
        self.probes.append((intended_load, intended_duration))
        at = free = 0.0
        planned = late = 0
        while (at := at + self.random.expovariate(intended_load)) < intended_duration:
            free = max(free, at) + self.random.expovariate(self.capacity)
            planned += 1
            late += free - at > 0.05
        return MeasurementResult(
            intended_duration=intended_duration,
            intended_load=intended_load,
            offered_count=planned,
            loss_count=late,
        )


class Sharp:
    """Loses nothing up to its capacity, and everything above it."""

    def __init__(self, capacity):
        self.capacity = capacity

    def measure(self, intended_duration, intended_load):
        planned = round(intended_duration * intended_load)
        return MeasurementResult(
            intended_duration=intended_duration,
            intended_load=intended_load,
            offered_count=planned,
            loss_count=planned if intended_load > self.capacity else 0,
        )


@pytest.mark.parametrize("capacity", [130, 700, 999, 1150])
@pytest.mark.parametrize("width", [0.02, 0.1])
def test_a_known_capacity_lies_between_the_ends(capacity, width):
    found = find(search(width=width), Sharp(capacity), bottom=100, top=1200)
    assert found.lower <= capacity < found.upper
    assert 1 - found.lower / found.upper <= width * 1.0001


@pytest.mark.parametrize("seed", range(5))
def test_a_queue_holds_below_the_rate_of_its_server(seed):
    # Exponential waits: P(late) = exp(-(2000 - rate) x 0.05), one in a hundred at 1,908.
    measurer = Queue(2000, seed)
    found = find(search(), measurer, bottom=240, top=2400)
    # A probe begins with an empty queue, so a short one holds a little more than that.
    assert 1700 < found.lower < found.upper < 2250
    assert {duration for _, duration in measurer.probes} == {1.0}
    assert sum(rate == found.lower for rate, _ in measurer.probes) >= 2
    assert len(measurer.probes) < 25


def test_a_range_that_holds_to_its_top_has_no_upper_end():
    assert find(search(), Sharp(5000), bottom=100, top=1200).upper is None


def test_a_range_that_never_holds_is_a_failure():
    with pytest.raises(LoadError, match="already lose more") as failed:
        find(search(), Sharp(10), bottom=100, top=1200)
    assert failed.value.code == "objective-missed"


@pytest.fixture
def run_search(tmp_path, make_table):
    def run(service, **changes):
        client = {"host": "127.0.0.1", "port": service.port, "loop": "closed", "seed": 1}
        client |= {"connections": 8, "duration_s": 0.5, **make_table()}
        spec = {"client": client, **GOAL, "limit_s": 120, **changes}
        (tmp_path / "spec.json").write_text(json.dumps(spec))
        argv = [sys.executable, "-m", "workloads.load.capacity", tmp_path / "spec.json"]
        done = subprocess.run(
            [*argv, tmp_path / "out"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        out = tmp_path / "out/capacity.json"
        return done, json.loads(out.read_text()) if out.exists() else None

    return run


def test_a_real_service_of_known_limit_is_found(run_search, start_service, tmp_path):
    done, told = run_search(start_service(work_s=LIMIT_S))
    assert done.returncode == 0, done.stderr
    lower, upper = told["capacity"]["lower"], told["capacity"]["upper"]
    # It cannot answer more in time than it can work through; how much less depends on the machine.
    most = (GOAL["probe_s"] + GOAL["objective_ms"] / 1000) / LIMIT_S
    assert lower < upper <= told["range"][1] * 1.0001
    for probe in told["probes"]:
        planned = probe["open_loop"]["planned"]
        assert 0 <= probe["lost"] <= planned
        assert planned - probe["lost"] <= most + 1
        assert probe["held"] == (probe["lost"] <= GOAL["loss_ratio"] * planned)
        bins = decode_hdr(probe["histograms"]["response"].encode(), where="probe")
        assert total(bins) + probe["failed"] == planned
    assert any(each["held"] and each["rate"] == lower for each in told["probes"])
    # The search of the next block has the next seed, and shares no probe's with this one.
    assert all(10_000 <= each["seed"] < 20_000 for each in told["probes"])
    assert len({each["seed"] for each in told["probes"]}) == len(told["probes"])
    assert not (tmp_path / "out/probe").exists()
    figures = generators.of(tmp_path / "out").figures
    assert figures.capacity == lower
    assert figures.requests == pytest.approx(lower * GOAL["probe_s"], rel=0.5)


def test_a_disturbed_warm_up_does_not_end_the_search_at_its_range(run_search, start_service):
    # It stops for 0.4 of the warm-up's 0.5 seconds, so the first range ends far below its limit.
    done, told = run_search(start_service(work_s=LIMIT_S, stall_at=20, stall_s=0.4))
    assert done.returncode == 0, done.stderr
    lower, upper = told["capacity"]["lower"], told["capacity"]["upper"]
    first = told["closed_loop_rate"] * 1.2
    assert first <= lower < upper <= told["range"][1] * 1.0001
    assert any(each["held"] and each["rate"] == pytest.approx(first) for each in told["probes"])


def test_wrong_answers_are_losses(run_search, start_service):
    done, told = run_search(start_service(work_s=LIMIT_S, status=500))
    assert done.returncode == 8
    assert json.loads(done.stderr)["code"] == told["failure"]["code"] == "objective-missed"
    assert all(each["lost"] == each["open_loop"]["planned"] for each in told["probes"])


def test_a_service_that_dies_ends_the_search_with_what_was_seen(run_search, start_service):
    done, told = run_search(start_service(work_s=LIMIT_S, die_at=300))
    assert done.returncode == 8
    assert told["failure"]["code"] in ("server-gone", "connect")
    assert told["capacity"] is None


def test_a_search_that_takes_too_long_is_ended(run_search, start_service):
    done, told = run_search(start_service(work_s=LIMIT_S), limit_s=0.1)
    assert done.returncode == 8
    assert told["failure"]["code"] == "unfinished"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"width": 2}, "width lies between 0 and 1"),
        ({"probe": 1}, "unknown field `probe`"),
        ({"client": {}}, "missing required field `host`"),
    ],
)
def test_a_wrong_spec_is_refused(run_search, start_service, change, said):
    done, told = run_search(start_service(), **change)
    assert done.returncode == 8
    assert said in json.loads(done.stderr)["what"]
    assert told is None
