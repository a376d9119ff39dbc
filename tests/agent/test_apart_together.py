"""Subjects side by side whose hosts are apart, played by three agents here: real parts."""

from __future__ import annotations

from contextlib import ExitStack

import psutil
import pytest

from agent.answers import PartReadings, SideReadings
from analysis.figures import read
from bundle import typed
from bundle.generators.open_switchback import OpenSwitchback
from bundle.generators.switchback import Switchback
from bundle.generators.wrk_switchback import WrkSwitchback
from ormlab.run.measure import apart
from ormlab.run.measure.keep import keep
from tests.agent.conftest import service
from tests.agent.placing import given, load, wait
from tests.agent.test_apart import await_file, end, fetched, remote
from tests.agent.test_trial import needs_wrk
from tests.services.running import settings

NAMES = ("asyncpg", "other")


@pytest.fixture
def parts(order, psql, table_path):
    """The work of app, db and load: the asyncpg service twice, each on rows of its own."""
    cpus, database = order["placement"], order["database"]
    watching = {"listen": "127.0.0.1", "word": "open sesame", "server": database["server"]}
    elsewhere = {"server_pid": None, "log": None}
    serving, driving = {}, {}
    for name in NAMES:
        told = settings(psql, f"apart_{name}", pool={"size": 2, "overflow": 0})
        seen = database | elsewhere | {"name": f"apart_{name}"}
        serving[name] = {"service": service(told), "database": seen}
        served = {"is": "served", "nonce": "0123456789abcdef"}
        served |= {key: told[key] for key in ("host", "port")}
        driving[name] = {"service": served, "database": seen | {"template": None}}
    keys = {"connections": 4, "warmup_s": 0.2, "duration_s": 0.6, "slice_s": 0.2, "timeout_s": 2}
    return {
        "app": watching
        | elsewhere
        | {"kind": "serve", "subjects": serving, "placement": {"service": cpus["service"]}},
        "db": watching
        | {key: database[key] for key in elsewhere}
        | {"kind": "observe", "placement": {"database": cpus["database"]}},
        "load": {
            "kind": "side-by-side",
            "subjects": driving,
            "load": load(table_path, generator="client-switchback", **keys),
            "placement": {"load": cpus["load"]},
        },
    }


def carry_out(parts, tmp_path, meanwhile=lambda _load: None):
    with ExitStack() as held:
        folders = {
            role: held.enter_context(given(parts[role], tmp_path / role)) for role in ("app", "db")
        }
        parts["load"]["remotes"] = [remote(role, folder) for role, folder in folders.items()]
        with given(parts["load"], tmp_path / "load") as driving:
            meanwhile(driving)
            driven = fetched(driving, wait(driving, SideReadings))
        ended = {role: fetched(folder, end(folder)) for role, folder in folders.items()}
    return apart.merge(driven, ended, SideReadings, apart.together)


def test_slices_have_the_readings_of_all_hosts(parts, tmp_path):
    block = carry_out(parts, tmp_path)
    assert block.done.failure is None
    trials = block.done.observed.trials
    assert tuple(trials) == NAMES
    for name, observed in trials.items():
        folder = block.folder / "subjects" / name
        report = typed.read(folder, Switchback)
        assert report.unread == {}
        assert report.read_on == {"service": "app", "database": "db"}
        assert [each.round for each in report.slices] == [1, 2, 3]
        for each in report.slices:
            assert each.service_ns > 0
            assert each.database_ns > 0
            assert set(each.hosts) == {"app", "db", "load"}
            assert each.foreign_ns == sum(host.foreign_ns for host in each.hosts.values())
            assert each.hosts["app"].late_ns is not None
            assert each.hosts["load"].late_ns is None
        assert observed.health.service == "asyncpg"
        assert (observed.stop.in_time, observed.stop.exit_status) == (True, 0)
        assert set(observed.affinity.observed) == {"service", "database", "load"}
        assert set(observed.hosts) == {"app", "db", "load"}
        kept = tmp_path / f"kept-{name}"
        kept.mkdir()
        keep(folder, kept)
        figures = read(kept, observed)
        assert figures.throughput > 0
        assert figures.pss_bytes > 0
        assert (folder / "service.log").exists()
    assert trials["asyncpg"].health.pid != trials["other"].health.pid


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        pytest.param(
            WrkSwitchback,
            {"generator": "wrk-switchback", "threads": 1, "duration_s": 1, "slice_s": 1},
            marks=needs_wrk,
        ),
        (
            OpenSwitchback,
            {"generator": "client-open-switchback", "rate": 200, "duration_s": 0.5, "slice_s": 0.5},
        ),
    ],
)
def test_other_loads_in_slices_have_them_too(parts, tmp_path, kind, keys):
    same = {"connections": 4, "warmup_s": 1, "timeout_s": 2}
    parts["load"]["load"]["load"] = same | keys
    block = carry_out(parts, tmp_path)
    assert block.done.failure is None
    for name, observed in block.done.observed.trials.items():
        folder = block.folder / "subjects" / name
        report = typed.read(folder, kind)
        assert report.unread == {}
        assert report.read_on == {"service": "app", "database": "db"}
        (only,) = report.slices
        assert min(only.service_ns, only.database_ns, only.load_ns) > 0
        assert set(only.hosts) == {"app", "db", "load"}
        assert only.foreign_ns == sum(host.foreign_ns for host in only.hosts.values())
        assert only.hosts["app"].late_ns is not None
        kept = tmp_path / f"kept-{name}"
        kept.mkdir()
        keep(folder, kept)
        assert read(kept, observed).throughput > 0


def test_a_service_that_dies_on_its_host_is_the_one_that_failed(parts, tmp_path):
    parts["load"]["load"]["load"] |= {"duration_s": 60.0}

    def kill(driving):
        await_file(driving / "switchback.spec.json")
        log = (tmp_path / "app/subjects/other/service.json").resolve()
        agent = psutil.Process(int((tmp_path / "app/pid").read_text()))
        (other,) = [each for each in agent.children() if str(log) in each.cmdline()]
        other.kill()

    done = carry_out(parts, tmp_path, kill).done
    assert done.failure.code == "service-died"
    assert done.observed.failed == "other"


def test_an_agent_that_is_killed_is_no_subject_s_fault(parts, tmp_path):
    parts["load"]["load"]["load"] |= {"duration_s": 60.0}

    def kill(driving):
        await_file(driving / "switchback.spec.json")
        psutil.Process(int((tmp_path / "app/pid").read_text())).kill()
        done = wait(driving, SideReadings)
        assert done.failure.code == "observer-lost"
        assert done.observed.failed is None

    with pytest.raises((ProcessLookupError, FileNotFoundError)):  # nobody is left to tell
        carry_out(parts, tmp_path, kill)


def test_a_service_that_cannot_start_leaves_no_other_one_alive(parts, tmp_path):
    broken = parts["app"]["subjects"]["other"]["service"]
    broken["settings"] |= {"service": "none of these"}
    with given(parts["app"], tmp_path / "app") as folder:
        done = wait(folder, PartReadings)
    part = fetched(folder, done)
    block = apart.merge(None, {"app": part}, SideReadings, apart.together)
    assert block.done.failure.code == "service-start"
    assert block.done.observed.failed == "other"
    assert block.done.observed.trials["asyncpg"].health is not None
    assert not psutil.pid_exists(done.observed.trials["asyncpg"].health.pid)
