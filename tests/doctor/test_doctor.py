"""``ormlab doctor`` and the gate of a run, on this machine."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from bundle.verify import verify
from host.items import READINGS
from tests.conftest import CHECKOUT, free_port

ORMLAB = str(Path(sys.executable).with_name("ormlab"))
# The command line with a noise plan of seconds.
SHORT_NOISE = """
import sys
from msgspec import structs
from ormlab import cli
from ormlab.run import doctor

shipped = doctor.noise_plan

def short(*, wrk):
    plan = shipped(wrk=False)
    load = structs.replace(plan.loads["client"], connections=8, warmup_s=0.1, duration_s=0.5)
    size = plan.dataset.model_copy(update={"users": 1000, "orders": 1000})
    return plan.model_copy(update={"loads": {"client": load}, "blocks": 2, "dataset": size})

doctor.noise_plan = short
cli.main()
"""


@pytest.fixture
def variables(lab_folder):
    return {
        "ansible_connection": "local",
        "lab_root": str(lab_folder / "host"),
        "lab_service_port": free_port(),
        "lab_postgres_port": free_port(),
    }


@pytest.fixture
def inventory(variables, tmp_path):
    group = {"hosts": {"localhost": None}}
    groups = {"app": group, "db": group, "load": group}
    path = tmp_path / "inventory.yml"
    path.write_text(yaml.safe_dump({"bench": {"children": groups, "vars": variables}}))
    return path


def call(*arguments, cwd):
    return subprocess.run(
        list(map(str, arguments)), capture_output=True, text=True, check=False, cwd=cwd
    )


def test_the_document_has_every_reading_and_the_text_begins_with_the_sentence(inventory, tmp_path):
    asked = ("doctor", "--inventory", inventory, "--profile", "smoke")
    answer = call(ORMLAB, *asked, "--json", cwd=tmp_path)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    told = json.loads(answer.stdout)
    assert told["schema"] == "doctor/1"
    assert told["ok"] is True
    assert told["noise"] is None
    (host,) = told["hosts"]
    assert [finding["key"] for finding in host["findings"]] == [each.key for each in READINGS]
    for finding in host["findings"]:
        assert (finding["value"] is None) == (finding["reason"] is not None)
    values = {finding["key"]: finding["value"] for finding in host["findings"]}
    assert 0 <= values["jitter"] < 1_000_000
    assert values["jitter_cost"] > 0
    assert values["jitter_gaps"]
    text = call(ORMLAB, *asked, "--no-jitter", cwd=tmp_path).stdout
    assert "not readable here: it was left out" in " ".join(text.split())
    assert text.startswith("localhost: This host can measure as smoke (")
    assert "--noise would measure" in text
    for item in READINGS:
        assert f"\n {item.key} " in text


def test_a_taken_port_is_fatal_and_named(inventory, variables, tmp_path):
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", variables["lab_service_port"]))
        other.listen()
        asked = ("doctor", "--inventory", inventory, "--no-jitter", "--json")
        answer = call(ORMLAB, *asked, cwd=tmp_path)
    assert answer.returncode == 6
    problems = {each["code"]: each for each in json.loads(answer.stdout)["problems"]}
    taken = problems["host-ports-taken"]
    assert str(variables["lab_service_port"]) in taken["what"]
    assert taken["where"] == "localhost"
    assert "lab_service_port" in taken["hint"]


def test_what_weakens_a_host_is_an_error_only_with_strict(inventory, variables, tmp_path):
    # A port that the kernel may give to any connection weakens every host.
    text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    variables["lab_service_port"] = int(text.split()[1]) - 8
    document = yaml.safe_load(inventory.read_text())
    document["bench"]["vars"] = variables
    inventory.write_text(yaml.safe_dump(document))
    asked = (ORMLAB, "doctor", "--inventory", inventory, "--profile", "smoke", "--no-jitter")
    asked += ("--json",)
    assert call(*asked, cwd=tmp_path).returncode == 0
    strict = call(*asked, "--strict", cwd=tmp_path)
    assert strict.returncode == 6
    codes = [problem["code"] for problem in json.loads(strict.stdout)["problems"]]
    assert "host-ports-ephemeral" in codes


def test_a_fatal_reading_stops_a_run_on_bare_metal_and_nothing_is_left(
    inventory, variables, tmp_path
):
    plan = yaml.safe_load((CHECKOUT / "workloads/plans/noise.yaml").read_text())
    del plan["loads"]["wrk"]
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan | {"profile": "bare-metal"}))
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", variables["lab_service_port"]))
        other.listen()
        asked = ("run", "plan.yaml", "--inventory", inventory, "--bundles", tmp_path / "bundles")
        answer = call(ORMLAB, *asked, "--json", cwd=tmp_path)
    assert answer.returncode == 6, answer.stderr
    (problem,) = json.loads(answer.stdout)["problems"]
    assert problem["code"] == "host-gate"
    assert "ports_taken is" in problem["what"]
    assert "ormlab doctor" in problem["hint"]
    assert not list(tmp_path.glob("bundles/*Z-*"))


def test_the_noise_run_is_kept_with_the_readings_of_its_host(inventory, tmp_path):
    asked = ("doctor", "--inventory", inventory, "--profile", "smoke", "--no-jitter", "--noise")
    asked += ("--json",)
    command = (sys.executable, "-c", SHORT_NOISE, *asked, "--bundles", tmp_path / "bundles")
    answer = call(*command, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    noise = json.loads(answer.stdout)["noise"]
    assert noise["subject"] == "asyncpg"
    assert noise["floors"]["throughput"]["blocks"] == 2
    assert noise["floors"]["throughput"]["sd"] > 0
    # A busy machine may answer too few requests for a 99th percentile.
    assert noise["floors"].keys() | noise["lacking"].keys() == {"throughput", "p99"}
    bundle = Path(noise["folder"])
    assert verify(bundle, "L1").ok
    before, after = (
        json.loads((bundle / f"host/readings.{when}.json").read_bytes())["readings"]
        for when in ("before", "after")
    )
    assert before.keys() == after.keys() == {each.key for each in READINGS}
    assert before["ports_taken"]["value"] == []
    assert after["ports_taken"]["value"] is None
    warned = [line for line in answer.stderr.splitlines() if "`ormlab doctor` says" in line]
    assert len(warned) <= 1
