"""A whole run whose host is another machine, reached over ssh and kept away from any network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import zstandard

from bundle.verify import verify
from tests.host.booted.conftest import step
from tests.host.booted.test_ssh import watched_command_lines

pytestmark = pytest.mark.tier("T4a")


@pytest.fixture(scope="session")
def remote(lab, carried):
    """The inventory of a run as an unprivileged user of the booted host."""
    assert len(carried) == 3
    machine = lab.machines["bench1"]
    machine.run("install", "--directory", "--owner=bench", "/srv/ormlab")
    variables = {"lab_root": "/srv/ormlab", "lab_sources": {"from": "bundle"}}
    return lab.inventory("run.yml", user="bench", **variables)


def test_a_host_is_deployed_to_once_and_looked_at(lab, remote):
    asked = ["doctor", "--inventory", remote, "--profile", "smoke", "--json"]
    with step("deploy by pyinfra on a fresh host: code, uv, agent, PostgreSQL; its readings"):
        first = json.loads(lab.ormlab(*asked).stdout)
    with step("the same again"):
        again = json.loads(lab.ormlab(*asked).stdout)
    assert [each["host"] for each in first["hosts"] + again["hosts"]] == ["bench1", "bench1"]
    kept = lab.machines["bench1"].run("ls", "/srv/ormlab", "/srv/ormlab/envs")
    assert ".new" not in kept
    assert ".tar" not in kept


def test_a_run_on_a_remote_host_ends_in_a_bundle_that_verifies(lab, remote, plan, tmp_path):
    machine = lab.machines["bench1"]
    bundles = tmp_path / "bundles"
    with watched_command_lines() as seen, step("run of 4 trials: stack, dataset, contract, bundle"):
        told = json.loads(
            lab.ormlab("run", plan, "--inventory", remote, "--bundles", bundles, "--json").stdout
        )
    assert "times the requests per second of asyncpg" in told["results"]["conclusion"]
    bundle = Path(told["folder"])
    outcome = verify(bundle)
    assert outcome.ok, outcome.problems
    # Nothing of the run is left on the host but what the next one uses again.
    assert machine.run("ls", "/srv/ormlab/runs") == ""
    assert "postgres" not in machine.run("ps", "-e", "-o", "comm=")
    # The database's password: made there, read by nobody on a command line, in no bundle.
    passwords = (machine.tree / "srv/ormlab/postgres/pgpass").read_text()
    password = passwords.strip().rsplit(":", 1)[1].encode()
    assert len(password) > 20
    assert any(b"workloads.services" in line for line in seen)
    assert not [line for line in seen if password in line]
    for path in bundle.rglob("*"):
        if path.is_file():
            assert password not in content(path), path


def content(path):
    data = path.read_bytes()
    if path.suffix == ".zst":
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return data
