"""The ports of a run on its hosts, and the lab's folder there that one run has at a time."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing

import jsonschema
import pytest

from bundle import schemas
from ormlab.base.errors import LoadError
from ormlab.hosts import connected
from ormlab.hosts.inventory import HostSpec
from ormlab.hosts.inventory.variables import Variables
from ormlab.run.measure.deployment import Deployment
from ormlab.run.measure.ports import settle
from ormlab.run.measure.station import Station
from tests.conftest import CHECKOUT, free_port
from tests.services.running import until


@pytest.fixture
def reach(tmp_path):
    """Connect to this machine as a host with such variables; a folder of its own if asked."""

    def spec(*, folder="lab", **variables):
        root = str(tmp_path / folder)
        return HostSpec(
            name="here",
            local=True,
            address="127.0.0.1",
            root=root,
            known_hosts="",
            variables=Variables(**variables),
        )

    return spec


def settled(spec, *roles, subjects=3):
    deployment = Deployment(spec.root, str(CHECKOUT), sys.executable, "uv", "", "")
    with connected([spec]) as hosts:
        found = settle(hosts["here"], deployment, roles=roles, subjects=subjects, apart=False)
    document = found.document([f"s{number}" for number in range(subjects)])
    jsonschema.validate(document, schemas.load("ports-1"))
    return found, document


def test_what_the_inventory_does_not_name_is_drawn(reach):
    found, document = settled(reach(lab_postgres_port=None), "app", "db", "load")
    found.require_free("here")
    first = found.services
    assert len(set(found.all)) == 4
    assert document == {
        "schema": "ports/1",
        "postgres": found.postgres,
        "services": {"s0": first, "s1": first + 1, "s2": first + 2},
        "named": [],
    }
    assert settled(reach(), "load")[1] == {"schema": "ports/1", "named": []}


def test_a_named_port_that_is_taken_is_refused_with_who_has_it(reach):
    named = free_port()
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", named + 2))
        other.listen()
        found, document = settled(reach(lab_service_port=named), "app", "db")
    assert document["named"] == ["services"]
    with pytest.raises(LoadError, match=f"port {named + 2} for services: ") as refused:
        found.require_free("here")
    assert refused.value.code == "port-taken"
    assert f"(process {os.getpid()})" in refused.value.what
    assert "lab_service_port" in refused.value.hint


def station(host):
    return Station(host, ("app",), scratch=CHECKOUT, check=lambda: None)


def test_a_folder_of_the_lab_has_one_run_at_a_time(reach):
    with connected([reach()]) as hosts, connected([reach(folder="other")]) as others:
        give_back = station(hosts["here"]).claim("first")
        with pytest.raises(LoadError, match=rf"run first \(process {os.getpid()} ") as refused:
            station(hosts["here"]).claim("second")
        assert refused.value.code == "host-in-use"
        station(others["here"]).claim("third")()
        give_back()
        station(hosts["here"]).claim("second")()


def test_a_run_that_was_killed_has_its_folder_no_longer(reach):
    spec = reach()
    claim = """
import json, sys
from ormlab.hosts import connected
from ormlab.hosts.inventory import HostSpec
from ormlab.hosts.inventory.variables import Variables
from tests.measure.test_ports import station
with connected([HostSpec(**json.loads(sys.argv[1]), variables=Variables())]) as hosts:
    station(hosts["here"]).claim("first")
    print("ready", flush=True)
    sys.stdin.read()
"""
    told = {key: value for key, value in vars(spec).items() if key != "variables"}
    command = [sys.executable, "-c", claim, json.dumps(told)]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with connected([spec]) as hosts, subprocess.Popen(command, cwd=CHECKOUT, **streams) as run:
        assert run.stdout.readline() == b"ready\n"
        with pytest.raises(LoadError, match="run first"):
            station(hosts["here"]).claim("second")
        run.send_signal(signal.SIGKILL)
        run.wait()
        free = ["flock", "--nonblock", f"{spec.root}/run.lock", "true"]
        until(lambda: subprocess.run(free, check=False).returncode == 0)
        station(hosts["here"]).claim("second")()
