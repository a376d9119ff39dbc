"""What the readings say of hosts that are fixture trees, and of this machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import psutil
import pytest

from host import moment
from host.items import READINGS, readings, take
from host.items.tools import version
from host.kernel import NotReadable
from tests.doctor.hosts import NAMES, build, place, write

TEXTS = """virtualisation tier boost clock_driver cpus_allowed microcode firmware disk_model
disk_mount write_cache io_scheduler mitigations thp disk_kind clocksource cgroup_version cpu_quota
memory_limit python wrk uv compiler"""
LISTS = """l3_domains l3_sizes memory_nodes placement boot_parameters memory_modules
nvme_latency governor frequency_range base_clock energy_preference vulnerable time_sync meddlers
jitter_gaps foreign_processes ports_taken ports_ephemeral sysctl"""
KINDS = {key: kind for kind, keys in ((str, TEXTS), (list, LISTS)) for key in keys.split()}
NUMBERS = (int, float)
CPU = "sys/devices/system/cpu"


def values(document):
    return {key: reading["value"] for key, reading in document["readings"].items()}


def told(root, **what):
    return values(readings(place(root, **what)))


def test_no_key_is_used_twice():
    assert len({reading.key for reading in READINGS}) == len(READINGS)


@pytest.mark.parametrize("host", NAMES)
def test_every_value_is_of_its_kind_or_null_with_a_reason(host, tmp_path):
    document = readings(place(build(host, tmp_path)))
    for reading in READINGS:
        found = document["readings"][reading.key]
        assert (found["value"] is None) == (found["reason"] is not None), reading.key
        if found["value"] is not None:
            assert isinstance(found["value"], KINDS.get(reading.key, NUMBERS)), reading.key
            assert isinstance(found["value"], bool) == (reading.key == "smt"), reading.key
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (
            "ryzen-smt-off",
            {
                "virtualisation": "none",
                "cores": 16,
                "l3_domains": [8, 8],
                "tier": "exclusive-l3",
                "governor": ["performance"],
                "boost": "off",
                "frequency_range": [3000, 4500],
                "base_clock": [4500],
                "heat_headroom": 54,
                "jitter": 600,
                "jitter_longest": 2.5,
                "jitter_cost": 100,
                "smt": False,
                "idle_latency": 18,
                "mitigations": "auto",
                "vulnerable": [],
                "memory_available": 62914560 * 1024,
                "swap": 0,
                "huge_pages": 8388,
                "thp": "madvise",
                "aslr": 2,
                "clocksource": "tsc",
                "cgroup_version": "2",
                "cpu_quota": "none",
                "throttled": 0,
                "memory_limit": "none",
                "open_files": 1048576,
                "ports_taken": [],
                "ephemeral_ports": 28232,
                "runnable": 0,
                "foreign_cpu": 0.0,
                "steal": 0.0,
            },
        ),
        (
            "ryzen-smt-on",
            {
                "cores": 16,
                "l3_domains": [8, 8],
                "tier": "exclusive-core",
                "governor": ["powersave"],
                "boost": "on",
                "smt": True,
                "idle_latency": 350,
            },
        ),
        (
            "vm-two-cores",
            {
                "virtualisation": "QEMU",
                "cores": 2,
                "tier": "degraded",
                "governor": None,
                "boost": None,
                "frequency_range": None,
                "base_clock": None,
                "heat_headroom": None,
                "idle_latency": None,
                "cgroup_version": "1",
                "cpu_quota": "1.5",
                "throttled": 3,
                "memory_limit": "none",
                "pressure_cpu": None,
            },
        ),
        ("one-core", {"cores": 1, "tier": "none", "l3_domains": [1]}),
        ("no-index3", {"cores": 4, "tier": "exclusive-core", "l3_domains": None}),
        ("core-13900k", {"base_clock": [3000], "heat_headroom": 59}),
        ("epyc-7763-two-sockets", {"base_clock": [2450], "heat_headroom": None}),
        ("two-sockets", {"sockets": 2, "tier": "exclusive-l3", "l3_domains": [8, 8]}),
    ],
)
def test_what_a_host_says(host, expected, tmp_path):
    found = told(build(host, tmp_path))
    assert {key: found[key] for key in expected} == expected


def test_a_host_that_says_nothing_reads_null_and_not_zero(tmp_path):
    document = readings(replace(place(tmp_path), jitter="it was left out"))
    silent = {key for key, value in values(document).items() if value is None}
    elsewhere = {"disk_free", "clock_resolution", "python", "wrk", "compiler"}
    by_name = {"time_sync", "meddlers", "foreign_processes"}  # from the list of processes
    assert {reading.key for reading in READINGS} - silent <= elsewhere | by_name | {
        "foreign_cpu",
        "steal",
        "runnable",
        "disk_kind",
        "disk_model",
        "write_cache",
        "io_scheduler",
        "clock_driver",  # none
    }
    for key in silent:
        assert document["readings"][key]["reason"].startswith("not readable here: ")


@pytest.mark.parametrize(
    ("path", "text", "boost"),
    [
        (f"{CPU}/cpufreq/policy0/boost", "1", "mixed"),
        (f"{CPU}/intel_pstate/no_turbo", "1", "off"),
        (f"{CPU}/intel_pstate/no_turbo", "0", "mixed"),
    ],
)
def test_every_switch_of_boost_counts(path, text, boost, tmp_path):
    root = build("ryzen-smt-off", tmp_path)
    write(root, path, text)
    assert told(root)["boost"] == boost


def test_a_limit_that_a_program_holds_closes_the_deeper_idle_states(tmp_path):
    root = build("ryzen-smt-on", tmp_path)
    (root / "dev").mkdir()
    (root / "dev/cpu_dma_latency").write_bytes((20).to_bytes(4, "little"))
    assert told(root)["idle_latency"] == 18


def test_the_tightest_control_group_on_the_way_up_counts(tmp_path):
    root = build("ryzen-smt-off", tmp_path)
    write(root, "proc/self/cgroup", "0::/user.slice/lab.scope")
    write(root, "sys/fs/cgroup/user.slice/lab.scope/cpu.max", "400000 100000")
    write(root, "sys/fs/cgroup/user.slice/cpu.max", "250000 100000")
    write(root, "sys/fs/cgroup/user.slice/memory.max", str(1 << 30))
    found = told(root)
    assert found["cpu_quota"] == "2.5"
    assert found["memory_limit"] == "1024"
    assert found["throttled"] == 0  # of the slice above: the scope has no count of its own


def test_only_a_listening_port_is_taken(tmp_path):
    root = build("ryzen-smt-off", tmp_path)
    assert told(root, ports=(22, 15416, 40000))["ports_taken"] == [22]
    assert told(root, ports=(22, 15416, 40000))["ports_ephemeral"] == [40000]
    assert told(root, ports=())["ports_taken"] is None


def test_steal_and_foreign_load_are_shares_of_the_interval(tmp_path):
    root = build("ryzen-smt-off", tmp_path)
    busy = "cpu  1160 0 580 161260 100 0 10 100 0 0\nprocs_running 3"
    some = "some avg10=0.00 avg60=0.00 avg300=0.00 total=1250000"
    found = told(root, stat=busy, counters={"proc/pressure/cpu": some})
    assert found["steal"] == pytest.approx(100 / 1600)
    assert found["foreign_cpu"] == pytest.approx(16 * 240 / 1600)
    assert found["runnable"] == 2
    assert found["pressure_cpu"] == pytest.approx(0.25)


def test_counters_that_stand_still_are_not_read_as_idle(tmp_path):
    still = moment.take(build("ryzen-smt-off", tmp_path), {})
    with pytest.raises(NotReadable, match="have not moved"):
        moment.cpu_shares(still, still)


def test_processes_are_told_apart_by_when_they_started(tmp_path):
    before = {(7, 1.0): ("old", 5.0), (8, 1.0): ("idle", 3.0)}
    after = {(7, 2.0): ("reused", 0.5), (8, 1.0): ("idle", 3.01), (9, 1.0): ("new", 0.75)}
    found = told(build("ryzen-smt-off", tmp_path), processes=(before, after))
    assert found["foreign_processes"] == ["new 0.75", "reused 0.50"]


def test_daemons_are_known_by_what_the_kernel_keeps_of_their_names(tmp_path):
    running = {(1, 1.0): ("unattended-upgr", 0.0), (2, 1.0): ("chronyd", 0.0)}
    found = told(build("ryzen-smt-off", tmp_path), processes=(running, running))
    assert found["meddlers"] == ["unattended-upgrade-shutdown"]
    assert found["time_sync"] == ["chronyd"]


def test_processes_that_the_kernel_hides_are_not_taken_for_none(tmp_path):
    assert moment.processes(tmp_path) is None
    write(tmp_path, "1/stat", "1 (init) S 0 " + " ".join(["0"] * 30))
    assert moment.processes(tmp_path) == {(1, 0.0): ("init", 0.0)}
    (tmp_path / "host").mkdir()
    found = told(build("ryzen-smt-off", tmp_path / "host"), processes=(None, None))
    for key in ("meddlers", "time_sync", "foreign_processes"):
        assert found[key] is None


def test_no_limit_is_not_taken_from_a_control_group_that_is_out_of_sight(tmp_path):
    root = build("ryzen-smt-off", tmp_path)
    write(root, "proc/self/cgroup", "0::/../elsewhere/lab.scope")
    found = told(root)
    assert (found["cpu_quota"], found["memory_limit"]) == (None, None)
    write(root, "proc/self/cgroup", "0::/")
    found = told(root)
    assert (found["cpu_quota"], found["memory_limit"]) == ("none", "none")


def test_a_link_to_a_rotating_disk_and_to_a_partition_of_one(tmp_path):
    device = tmp_path.stat().st_dev
    disk = tmp_path / "sys/devices/pci/block/sda"
    write(tmp_path, "sys/devices/pci/block/sda/queue/rotational", "1")
    (disk / "sda1").mkdir()
    link = tmp_path / "sys/dev/block" / f"{os.major(device)}:{os.minor(device)}"
    link.parent.mkdir(parents=True)
    link.symlink_to(disk / "sda1")
    assert told(tmp_path)["disk_kind"] == "rotating"
    write(tmp_path, "sys/devices/pci/block/sda/queue/rotational", "0")
    assert told(tmp_path)["disk_kind"] == "solid state"
    link.unlink()
    assert told(tmp_path)["disk_kind"] is None


def test_a_program_that_is_not_there_is_no_unreadable_one(tmp_path):
    assert version("no-such-program-at-all") == "none"
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\n")
    silent.chmod(0o755)
    with pytest.raises(NotReadable, match="names no version"):
        version(str(silent))


@pytest.fixture
def spinning():
    """A process that is busy, under a name of its own."""
    code = "open('/proc/self/comm', 'w').write('lab-spinner'); print(flush=True)\nwhile True: pass"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


@pytest.mark.usefixtures("spinning")
def test_this_machine_sees_who_is_busy_and_what_listens(tmp_path):
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        found = values(take(tmp_path, ports=(port,)))
    assert any(each.startswith("lab-spinner ") for each in found["foreign_processes"])
    assert found["foreign_cpu"] > 0
    assert found["ports_taken"] == [port]
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["cores"] >= 1
    assert found["tier"] is not None


def test_the_lab_and_who_started_it_are_not_foreign():
    own = {psutil.Process().pid, *(parent.pid for parent in psutil.Process().parents())}
    listed = moment.processes()
    assert listed is not None
    assert not own & {pid for pid, _ in listed}
