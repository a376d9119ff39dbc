"""What stands still for the rest of a window: real trials, held against the gates."""

from __future__ import annotations

from contextlib import contextmanager

import psutil
import pytest

from analysis.gates import Context, TrialEvidence, Verdict, stall
from ormlab.run.measure.keep import keep
from tests.agent.placing import client_load, given, wait
from tests.agent.test_trial import needs_wrk
from tests.gates.recorded import DATA
from tests.services.running import until

DURATION_S = 5
GENERATORS = [pytest.param("wrk", marks=needs_wrk), "client"]


@pytest.fixture
def long_order(order, table_path):
    """A trial that lasts long enough for a stall, by generator."""

    def make(generator):
        order["load"]["load"]["duration_s"] = DURATION_S
        if generator == "client":
            order["load"] = client_load(table_path, duration_s=DURATION_S)
        return order

    return make


@contextmanager
def stopped(processes):
    """Stop processes; their last children are stopped with them."""
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def family(pid):
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def busy_service(folder, agent):
    """The process of the service, once it answers the generator."""

    def is_given():
        assert not (folder / "done.json").exists(), (folder / "done.json").read_text()
        return any(folder.glob("*.stdout.txt"))

    until(is_given)
    service = next(
        each for each in family(agent) if "workloads.services" in " ".join(each.cmdline())
    )
    began_s = service.cpu_times().user
    until(lambda: service.cpu_times().user > began_s + 0.1)
    return service


def stalled(order, folder, generator, whom):
    """Carry out a trial in which some processes are stopped until the generator is done.

    Args:
        order: of the trial.
        folder: for it.
        generator: wrk or client.
        whom: the processes to stop, by the pids of agent and service.
    """
    with given(order, folder):
        agent = int((folder / "pid").read_text())
        service = busy_service(folder, agent)
        with stopped(whom(agent, service.pid)):
            until((folder / f"{generator}.json").exists)
        return wait(folder)


def failed(folder, done, scratch):
    """The gates of standing still that the trial fails, in their order, with their sentences."""
    assert done.failure is None
    kept = scratch / "kept"
    kept.mkdir()
    keep(folder, kept)
    evidence = TrialEvidence(kept, done.observed, "", "", "", Context.read(DATA))
    found = [gate.judge(evidence, profile="vm", tier="degraded") for gate in stall.GATES]
    assert all(each is not None for each in found)
    return {
        each.gate.code: each.sentence for each in found if each and each.verdict is Verdict.FAILED
    }


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_service_that_stands_still_fails_the_trial(long_order, tmp_path, generator):
    folder = tmp_path / "trial"
    done = stalled(long_order(generator), folder, generator, lambda _, service: family(service))
    found = failed(folder, done, tmp_path)
    assert list(found) == ["stopped", "stall"]
    assert "service" in found["stopped"]
    assert "no answer for" in found["stall"]


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_database_that_stands_still_fails_the_trial(long_order, tmp_path, generator, own_server):
    order, folder = long_order(generator), tmp_path / "trial"
    done = stalled(order, folder, generator, lambda *_: family(own_server.pid))
    found = failed(folder, done, tmp_path)
    assert list(found) == ["stopped", "stall"]
    assert "database" in found["stopped"]


@needs_wrk
def test_an_agent_that_stands_still_fails_the_trial(long_order, tmp_path):
    folder = tmp_path / "trial"
    done = stalled(long_order("wrk"), folder, "wrk", lambda agent, _: [psutil.Process(agent)])
    assert list(failed(folder, done, tmp_path)) == ["unwatched"]


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_trial_in_which_nothing_stands_still_fails_none(long_order, tmp_path, generator):
    folder = tmp_path / "trial"
    with given(long_order(generator), folder):
        done = wait(folder)
    assert failed(folder, done, tmp_path) == {}
    assert done.observed.sampler.unread == {}
    assert done.observed.memory.service_pss_unread is None
