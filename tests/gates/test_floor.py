"""What a generator reaches by itself: on real processes, and as a gate of the run."""

from __future__ import annotations

import shutil
import sys

import pytest

from agent.floor import carry_out
from agent.heartbeat import Heartbeat
from agent.orders import FindFloor, LoadSpec, Tables
from analysis.gates import Verdict, judge_run
from analysis.gates.evidence import Floor
from bundle.codec import serialise
from bundle.documents.failure import Failure
from bundle.documents.services import Observed, OrderOutcome
from bundle.generators.article import ArticleLoad
from bundle.generators.capacity import CapacityLoad
from bundle.generators.client import ClosedLoad, OpenLoad
from bundle.generators.wrk import WrkLoad
from ormlab.run.measure import orders
from tests.agent.test_trial import needs_wrk
from tests.conftest import CHECKOUT, free_port
from tests.gates.recorded import OPEN, WRK, run
from workloads.load.operations import Operation
from workloads.load.requests import table, write_table

LOADS = {
    "wrk": WrkLoad(threads=1, connections=4, duration_s=30, warmup_s=5),
    "client-closed": ClosedLoad(connections=4, duration_s=30, warmup_s=0, requests_total=9),
    "client-open": OpenLoad(rate=200, duration_s=30, connections=4),
}


def drive(load, folder):
    """Find the floor of a generator as an agent does; returns what it observed."""
    folder.mkdir()
    reads = table([Operation("read-user")], users=1000, orders=1000, seed=1, count=10)
    write_table(folder / "floor.tsv", reads)
    program = orders.Program(
        python=sys.executable,
        code=str(CHECKOUT),
        variables={},
        host="127.0.0.1",
        port=free_port(),
    )
    path = str(folder / "floor.tsv")
    tables = Tables(measured=path, warmup=path, repeatable=True)
    work = FindFloor(
        endpoint=orders.static_spec(program, payload_bytes=1024),
        load=LoadSpec(load=load.shortened(), tables=tables, seed=1),
        placement={"service": [0], "load": [0]},
    )
    heartbeat = folder / "heartbeat"
    heartbeat.touch()
    observed = Observed()
    carry_out(work, folder, Heartbeat(heartbeat, timeout_s=60, deadline_s=60), observed)
    return observed


@pytest.mark.parametrize(
    "name", [pytest.param("wrk", marks=needs_wrk), "client-closed", "client-open"]
)
def test_each_generator_drives_the_endpoint_that_does_no_work(name, tmp_path):
    observed = drive(LOADS[name], tmp_path / "floor")
    assert observed.exit_status == 0
    folder = tmp_path / "generators" / name
    folder.parent.mkdir()
    shutil.copytree(tmp_path / "floor", folder)
    outcome = OrderOutcome(failure=None, observed=observed)
    (folder / "floor.json").write_bytes(serialise(outcome))
    context = run(1, 0, None, loads={name: LOADS[name].keys()}).context
    (floor,) = Floor.read_all(tmp_path, context).values()
    assert floor.failure is None
    if name == "client-open":
        assert floor.driven.output.reached == pytest.approx(
            400, rel=0.2
        )  # arrivals are drawn at random
    else:
        assert floor.driven.output.reached > 1_000


def test_what_has_no_floor_is_not_driven():
    for load in (ArticleLoad(), CapacityLoad(objective_ms=50)):
        assert load.shortened() is None


@pytest.fixture
def floor(recorded, tmp_path):
    """A recorded trial, as if its generator had driven the endpoint so."""

    def make(name, load, *, fastest, failure=None):
        trial = recorded(name)
        folder = tmp_path / "bundle/generators" / load
        if not folder.exists():
            shutil.copytree(trial.folder, folder)
        why = Failure(code="load", what=failure, where="wrk", hint="") if failure else None
        outcome = OrderOutcome(failure=why, observed=Observed())
        (folder / "floor.json").write_bytes(serialise(outcome))
        evidence = run(1, 0, None)
        evidence.floors.update(Floor.read_all(tmp_path / "bundle", evidence.context))
        evidence.fastest[load] = fastest
        trial.folder = folder
        return trial, evidence

    return make


def judged(evidence):
    return next(each for each in judge_run(evidence) if each.gate.code == "generator-floor")


def test_a_generator_that_reaches_twice_the_fastest_trial_passes(floor):
    _, evidence = floor(WRK, "wrk", fastest=1.0)
    assert judged(evidence).verdict is Verdict.PASSED
    reached = next(iter(evidence.floors.values())).driven.output.reached
    evidence.fastest["wrk"] = 0.51 * reached
    found = judged(evidence)
    assert found.verdict is Verdict.FAILED
    assert "by itself" in found.sentence


def test_an_open_loop_that_is_late_at_twice_the_rate_fails(floor):
    trial, evidence = floor(OPEN, "open", fastest=1.0)
    trial.dispatch(0.2)
    assert judged(evidence).verdict is Verdict.PASSED
    trial.dispatch(20)
    evidence.floors["open"].driven.__dict__.pop("output")
    assert "at twice the rate, p99 of the dispatch delay" in judged(evidence).sentence


def test_a_generator_that_failed_has_no_floor(floor):
    _, evidence = floor(WRK, "wrk", fastest=1.0, failure="wrk ended with 1")
    assert "wrk ended with 1" in judged(evidence).sentence


def test_a_run_in_which_nobody_looked_has_no_such_gate():
    codes = {each.gate.code for each in judge_run(run(1, 0, None))}
    assert "generator-floor" not in codes
