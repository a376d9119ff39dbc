"""A trial whose hosts are apart, played by three agents here: real parts, on one machine."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from contextlib import ExitStack
from copy import replace
from typing import TYPE_CHECKING

import psutil
import pytest

from agent.answers import Done, PartReadings
from agent.channel import Remote
from agent.failure import Failure
from agent.orders import RemoteSpec
from analysis.figures import read
from bundle.documents.readings import Environment, TrialReadings
from ormlab.run.measure import apart
from ormlab.run.measure.keep import keep
from ormlab.run.measure.station import Fetched
from tests.agent.placing import client_load, given, wait

if TYPE_CHECKING:
    from pathlib import Path


def await_file(path: Path) -> dict:
    while not path.exists():
        assert not (path.parent / "done.json").exists(), (path.parent / "done.json").read_text()
        time.sleep(0.01)
    return json.loads(path.read_bytes())


@pytest.fixture
def parts(order, table_path):
    """The work of app, db and load, made of one trial's."""
    cpus, database = order["placement"], order["database"]
    elsewhere = database | {"server_pid": None, "log": None}
    watching = {"listen": "127.0.0.1", "word": "open sesame", "server": database["server"]}
    settings = order["service"]["settings"]
    drawn = order["service"] | {"environment": {"hash_seed": 1, "padding_bytes": 2}}
    return {
        "app": watching
        | {
            "kind": "serve",
            "subjects": {"": {"service": drawn, "database": elsewhere}},
            "placement": {"service": cpus["service"]},
            "server_pid": None,
            "log": None,
        },
        "db": watching
        | {
            "kind": "observe",
            "server_pid": database["server_pid"],
            "log": database["log"],
            "placement": {"database": cpus["database"]},
        },
        "load": {
            "kind": "trial",
            "service": {"is": "served"} | {key: settings[key] for key in ("host", "port", "nonce")},
            "database": elsewhere | {"template": None},
            "load": client_load(table_path),
            "placement": {"load": cpus["load"]},
            "probes": [{"method": "GET", "path": "/users/1"}],
        },
    }


def remote(role: str, folder: Path) -> RemoteSpec:
    port = await_file(folder / "ready.json")["port"]
    return RemoteSpec(role=role, host="127.0.0.1", port=port, word="open sesame")


def end(folder: Path) -> Done[PartReadings]:
    os.kill(int((folder / "pid").read_text()), signal.SIGTERM)
    return wait(folder, PartReadings)


def fetched[T](folder: Path, done: Done[T]) -> Fetched[T]:
    return Fetched(folder, done)


def carry_out(parts, tmp_path, meanwhile=lambda _app: None) -> Fetched:
    with ExitStack() as held:
        folders = {
            role: held.enter_context(given(parts[role], tmp_path / role)) for role in ("app", "db")
        }
        parts["load"]["remotes"] = [remote(role, folder) for role, folder in folders.items()]
        with given(parts["load"], tmp_path / "load") as driving:
            meanwhile(folders["app"])
            driven = fetched(driving, wait(driving))
        ended = {role: fetched(folder, end(folder)) for role, folder in folders.items()}
    return apart.merge(driven, ended, TrialReadings, apart.observation)


def test_what_three_agents_saw_is_one_trial(parts, tmp_path):
    trial = carry_out(parts, tmp_path)
    assert trial.done.failure is None
    observed = trial.done.observed
    assert observed.health.service == "asyncpg"
    assert observed.environment == Environment(hash_seed=1, padding_bytes=2)
    assert observed.stop.exit_status == 0
    assert set(observed.stages_s) == {"restore", "start", "probe", "warmup", "window", "stop"}
    assert set(observed.affinity.observed) == {"service", "database", "load"}
    assert observed.host.database.log.checkpoints == 0
    assert observed.host.database.connections.kept == 2
    assert set(observed.hosts) == {"app", "db", "load"}
    assert observed.probes[0].status == 200
    assert observed.counters.after["users"].index_scans > 0
    for clock in observed.clocks.values():
        # On one machine the clocks are the same one: the error is at most half a round trip.
        assert abs(clock.offset_ns) <= clock.round_trip_ns / 2
    (tmp_path / "kept").mkdir()
    keep(trial.folder, tmp_path / "kept")
    figures = read(tmp_path / "kept", observed)
    assert figures.throughput > 0
    assert all(used > 0 for used in figures.cpu_us.values())
    assert figures.pss_bytes > 0


def test_a_host_that_serves_watches_the_database_beside_it(parts, order, tmp_path):
    beside = {key: order["database"][key] for key in ("server_pid", "log")}
    parts["app"] |= beside
    parts["app"]["placement"] |= {"database": order["placement"]["database"]}
    with given(parts["app"], tmp_path / "app") as folder:
        parts["load"]["remotes"] = [remote("app", folder)]
        with given(parts["load"], tmp_path / "load") as driving:
            driven = fetched(driving, wait(driving))
        ended = {"app": fetched(folder, end(folder))}
    trial = apart.merge(driven, ended, TrialReadings, apart.observation)
    assert trial.done.failure is None
    observed = trial.done.observed
    assert set(observed.affinity.observed) == {"service", "database", "load"}
    assert observed.host.database.log.checkpoints == 0


def test_a_service_that_dies_is_the_reason_and_not_the_agent_that_went_with_it(parts, tmp_path):
    parts["load"]["load"]["load"]["duration_s"] = 30

    def kill(app: Path) -> None:
        await_file(app / "ready.json")
        agent = psutil.Process(int((app / "pid").read_text()))
        (service,) = agent.children()
        while not any(c.status == "ESTABLISHED" for c in service.net_connections("tcp")):
            time.sleep(0.01)
        service.kill()

    trial = carry_out(parts, tmp_path, kill)
    assert trial.done.failure.code == "service-died"
    assert "ended with -9" in trial.done.failure.what


def test_an_agent_that_is_killed_ends_the_trial(parts, tmp_path):
    with given(parts["db"], tmp_path / "db") as folder:
        spec = remote("db", folder)
        with Remote(spec) as driver:
            driver.ask("begin")
            end(folder)
            with pytest.raises(Failure) as told:
                driver.ask("end")
    assert told.value.code == "observer-lost"


def test_a_stranger_is_not_answered_and_keeps_nobody_out(parts, tmp_path):
    with given(parts["db"], tmp_path / "db") as folder:
        spec = remote("db", folder)
        with socket.create_connection((spec.host, spec.port), 5) as stranger:
            stranger.sendall(b'{"word": "guess"}\n')
            assert stranger.recv(1) == b""
        with pytest.raises(Failure) as told:
            Remote(replace(spec, word="another"))
        assert told.value.code == "observer-lost"
        with Remote(spec) as driver:
            driver.ask("begin")
            driver.ask("end")
        assert end(folder).failure is None


def test_nobody_there_is_said_with_the_address():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(Failure) as told:
        Remote(RemoteSpec(role="db", host="127.0.0.1", port=port, word="x"))
    assert told.value.code == "observer-unreachable"
    assert told.value.record().where == f"127.0.0.1:{port}"
