"""Subjects that are measured side by side: real services under load that switches between them."""

from __future__ import annotations

import json
import socket
from itertools import pairwise

import psutil
import pytest

from agent import orders
from agent.answers import SideReadings
from agent.generators import Target, commands
from agent.service import Endpoint
from bundle import typed
from bundle.generators.switchback import SLICES_S, SwitchbackLoad
from bundle.generators.wrk_switchback import WrkSwitchback
from tests.agent.conftest import service
from tests.agent.placing import given, load, wait
from tests.agent.test_trial import needs_wrk
from tests.services.running import settings

NAMES = ("asyncpg", "other")


@pytest.fixture
def together(order, psql, table_path):
    """The work of a block that succeeds: the asyncpg service twice, each on rows of its own."""
    subjects = {}
    for name in NAMES:
        told = settings(psql, f"beside_{name}", pool={"size": 2, "overflow": 0})
        database = order["database"] | {"name": f"beside_{name}"}
        subjects[name] = {"service": service(told), "database": database}
    keys = {"connections": 4, "warmup_s": 0.2, "duration_s": 0.6, "slice_s": 0.2, "timeout_s": 2}
    switched = load(table_path, generator="client-switchback", **keys)
    placement = order["placement"]
    return {"kind": "side-by-side", "subjects": subjects, "load": switched, "placement": placement}


def carry_out(work, tmp_path):
    with given(work, tmp_path / "block") as folder:
        return wait(folder, SideReadings)


def slices_of(folder):
    return json.loads((folder / "switchback.json").read_bytes())["slices"]


def test_each_subject_has_files_rows_and_readings_of_its_own(together, tmp_path):
    done = carry_out(together, tmp_path)
    assert done.failure is None
    assert done.observed.failed is None
    assert done.ended_by_force == []
    assert tuple(done.observed.trials) == NAMES
    for name, observed in done.observed.trials.items():
        folder = tmp_path / "block/subjects" / name
        slices = slices_of(folder)
        assert [each["round"] for each in slices] == [1, 2, 3]
        assert (folder / "resources.csv").exists()
        assert (observed.stop.in_time, observed.stop.exit_status) == (True, 0)
        assert set(observed.affinity.observed) == {"service", "database", "load"}
        # Nobody else read these rows: at most what one service was asked is in their counters.
        before, after = (getattr(observed.counters, key)["users"] for key in ("before", "after"))
        assert after.index_scans - before.index_scans >= sum(each["answers"] for each in slices)
        assert sum(observed.host.database.connections.before.values()) == 2
    one, other = done.observed.trials.values()
    assert one.health.pid != other.health.pid


@needs_wrk
def test_wrk_drives_services_that_stay_alive(together, tmp_path):
    keys = {"connections": 4, "threads": 1, "duration_s": 1, "slice_s": 1, "timeout_s": 2}
    together["load"]["load"] = {"generator": "wrk-switchback", "warmup_s": 1, **keys}
    done = carry_out(together, tmp_path)
    assert done.failure is None
    for name, observed in done.observed.trials.items():
        (only,) = typed.read(tmp_path / "block/subjects" / name, WrkSwitchback).slices
        assert only.answers > 100
        assert min(only.service_ns, only.database_ns, only.load_ns) > 0
        assert set(observed.affinity.observed) == {"service", "database", "load"}
        assert (observed.stop.in_time, observed.stop.exit_status) == (True, 0)


def test_the_slices_of_all_subjects_follow_each_other(together, tmp_path):
    carry_out(together, tmp_path)
    ends = sorted(
        (each["start_ns"], each["stop_ns"])
        for name in NAMES
        for each in slices_of(tmp_path / "block/subjects" / name)
    )
    assert len(ends) == 6
    assert all(before[1] < after[0] for before, after in pairwise(ends))


def test_a_service_that_cannot_start_is_the_one_that_failed(together, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", together["subjects"]["other"]["service"]["settings"]["port"]))
        taken.listen()
        done = carry_out(together, tmp_path)
    assert done.failure.code == "service-start"
    assert done.observed.failed == "other"


def test_a_service_that_is_killed_is_the_one_that_failed_and_ends_all(together, tmp_path):
    together["load"]["load"] |= {"duration_s": 60.0}
    with given(together, tmp_path / "block") as folder:
        while not (folder / "switchback.spec.json").exists():
            assert not (folder / "done.json").exists(), (folder / "done.json").read_text()
        spec = json.loads((folder / "switchback.spec.json").read_bytes())
        pids = {each["subject"]: each["service_pid"] for each in spec["subjects"]}
        psutil.Process(pids["other"]).kill()
        done = wait(folder, SideReadings)
    assert done.failure.code in {"service-died", "server-gone"}
    assert done.observed.failed == "other"
    assert not any(psutil.pid_exists(pid) for pid in pids.values())


def test_a_database_that_cannot_be_made_is_no_subject_s_fault(together, tmp_path):
    together["subjects"]["asyncpg"]["database"]["template"] = "no_such_template"
    done = carry_out(together, tmp_path)
    assert done.failure.code == "database-unreachable"
    assert done.observed.failed is None
    assert done.observed.trials["other"].health is None


def test_a_subject_may_have_the_name_of_a_file_of_the_order(together, tmp_path):
    own = together["subjects"]["asyncpg"]
    own["database"]["template"] = "no_such_template"
    together["subjects"] = {"lock": own}
    assert carry_out(together, tmp_path).failure.code == "database-unreachable"


def test_a_subject_whose_answers_take_seconds_is_waited_for(tmp_path):
    load = SwitchbackLoad(connections=500, duration_s=1.25)
    tables = orders.Tables(measured="requests.tsv", warmup="requests.tsv", repeatable=True)
    sent = orders.LoadSpec(load=load, tables=tables, seed=1)
    targets = [
        Target(name, Endpoint("127.0.0.1", 80, ""), sent, tmp_path, tmp_path / name, [0], None)
        for name in ("a", "a-null", "b")
    ]
    # Each connection is answered every 2.5 s, so that a slice has the longest length.
    warmup_s, slice_s = 2.5 + 0.5 + 2.5, 2.5 + SLICES_S[-1] + 2.5
    assert commands(targets).measured.duration_s > len(targets) * (warmup_s + slice_s)
