"""The agent's sensors on the kernel's files as they are, and as they are not."""

from __future__ import annotations

import time
from itertools import accumulate, chain, cycle
from types import SimpleNamespace

import pytest

from agent import counters, server
from bundle.documents.readings import DatabaseServer
from host.items import COUNTERS
from tests.doctor.hosts import build, write

STAT = """\
cpu  30 0 10 200 5 0 1 7 0 0
cpu0 10 0 5 100 2 0 1 3 4 0
cpu1 20 0 5 100 3 0 0 4 0 0
intr 12345 0 0
ctxt 987
"""
NETSTAT = "TcpExt: ListenOverflows ListenDrops\nTcpExt: 3 5\nIpExt: InOctets\nIpExt: 9\n"
SNMP = "Ip: Forwarding\nIp: 1\nTcp: RtoAlgorithm MaxConn OutSegs RetransSegs\nTcp: 1 -1 700 8\n"
PRESSURE = "some avg10=0.00 avg60=0.00 avg300=0.00 total=42\nfull avg10=0.00 total=7\n"
THROTTLE = "sys/devices/system/cpu/cpu{}/thermal_throttle/core_throttle_count"


@pytest.fixture
def root(tmp_path):
    files = {
        "proc/stat": STAT,
        "proc/net/netstat": NETSTAT,
        "proc/net/snmp": SNMP,
        "proc/vmstat": "nr_free_pages 10\npswpin 1\npswpout 2\n",
        "proc/self/cgroup": "0::/bench.slice\n",
        "sys/fs/cgroup/bench.slice/cpu.stat": "usage_usec 5\nnr_throttled 6\nthrottled_usec 60\n",
        THROTTLE.format(0): "0\n",
        THROTTLE.format(1): "2\n",
    } | {f"proc/pressure/{name}": PRESSURE for name in ("cpu", "memory", "io")}
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_every_sensor_reads_its_file(root):
    assert counters.read(root) == {
        "cpu_ticks": {"0": 121, "1": 132},  # guest time is in user time already
        "steal_ticks": {"0": 3, "1": 4},
        "psi_cpu_some_us": 42,
        "psi_memory_some_us": 42,
        "psi_io_some_us": 42,
        "context_switches": 987,
        "swapped_in": 1,
        "swapped_out": 2,
        "throttled": 6,
        "overheated": {"0": 0, "1": 2},
        "tcp_sent": 700,
        "tcp_retransmitted": 8,
        "listen_overflows": 3,
        "listen_drops": 5,
    }


def test_clocks_are_looked_at_while_the_window_is_open(tmp_path, monkeypatch):
    root = build("ryzen-smt-off", tmp_path)
    write(root, "proc/stat", "cpu 0 0 0 0 0 0 0 0\ncpu8 0 0 0 0 0 0 0 0")
    now = time.monotonic()
    monkeypatch.setattr("agent.pace.time.monotonic", lambda: now)
    with counters.Around(root, cpus=[8]) as around:
        write(root, "proc/stat", "cpu 90 0 0 10 0 0 0 0\ncpu8 90 0 0 10 0 0 0 0")
        around.look()  # too soon
        monkeypatch.setattr("agent.pace.time.monotonic", lambda: now + 3600)
        around.look()
    pace = around.record.pace
    assert pace.clocks["8"].looks == 1
    assert pace.clocks["8"].mean_khz == pace.clocks["8"].planned_khz
    assert pace.heat.headroom_mc == 95_000 - 41_250


def test_a_cpu_that_is_taken_away_between_two_clocks_is_no_suspension(root, monkeypatch):
    """Of all looks at two clocks only one is not interrupted, for longer than any gate allows."""
    taken_ns = cycle([100, 50_000_000, 100] * 5 + [100, 100, 100])
    now = accumulate(chain([10**15], taken_ns))
    ahead_ns = {time.CLOCK_BOOTTIME: 3 * 10**9, time.CLOCK_REALTIME: 10**18}
    clocks = {
        "monotonic_ns": lambda: next(now),
        "clock_gettime_ns": lambda clock: next(now) + ahead_ns[clock],
    }
    monkeypatch.setattr(counters, "time", SimpleNamespace(**vars(time) | clocks))
    with counters.Around(root) as around:
        ahead_ns[time.CLOCK_REALTIME] += 2 * 10**9
    assert abs(around.record.suspended_s) < 1e-5
    assert around.record.clock_stepped_s == pytest.approx(2, abs=1e-5)


def test_a_host_without_the_files_is_read_as_null_everywhere(tmp_path):
    found = counters.read(tmp_path)
    assert set(found) == COUNTERS.keys()
    assert set(found.values()) == {None}


def test_the_cpu_limit_is_found_where_controllers_have_mounts_of_their_own(root):
    (root / "proc/self/cgroup").write_text("4:memory:/x\n2:cpu,cpuacct:/lab\n0::/\n")
    own = root / "sys/fs/cgroup/cpu,cpuacct/lab/cpu.stat"
    own.parent.mkdir(parents=True)
    own.write_text("nr_periods 9\nnr_throttled 3\nthrottled_time 1\n")
    assert counters.read(root)["throttled"] == 3


def test_the_limits_of_the_groups_above_count_too(root):
    (root / "proc/self/cgroup").write_text("0::/bench.slice/agent.scope\n")
    (root / "sys/fs/cgroup/cpu.stat").write_text("usage_usec 5\n")
    own = root / "sys/fs/cgroup/bench.slice/agent.scope/cpu.stat"
    own.parent.mkdir(parents=True)
    own.write_text("usage_usec 5\nnr_throttled 2\n")
    assert counters.read(root)["throttled"] == 8


def test_only_two_readings_make_a_difference():
    before = {"a": 1, "b": {"0": 1}, "c": None, "d": 5, "e": {"0": 1}, "f": 1}
    after = {"a": 4, "b": {"0": 3}, "c": 7, "d": 4, "e": {"0": 1, "1": 1}, "f": None}
    expected = {"a": 3, "b": {"0": 2}, "c": None, "d": None, "e": None, "f": None}
    assert counters.difference(before, after) == expected


def test_a_kernel_log_that_is_not_there_is_null(tmp_path):
    log = counters.MessageCounter(tmp_path / "kmsg")
    assert log.counts() is None
    log.close()


BEGUN = "2026-01-01 LOG:  checkpoint starting: time\n"
DONE = "2026-01-01 LOG:  checkpoint complete: wrote 3 buffers\n"
VACUUM = '2026-01-01 LOG:  automatic vacuum of table "a.b.c": index scans: 0\n'
ANALYZE = '2026-01-01 LOG:  automatic analyze of table "a.b.c"\n'


@pytest.mark.parametrize(
    ("earlier", "inside", "expected"),
    [
        (BEGUN + DONE, "", (0, 0)),
        ("", BEGUN + DONE, (1, 0)),
        ("", BEGUN, (1, 0)),
        (DONE + BEGUN, DONE, (1, 0)),
        (BEGUN + DONE + BEGUN, "", (1, 0)),  # it spans the whole window
        (BEGUN + DONE, VACUUM + ANALYZE, (0, 2)),
    ],
)
def test_the_servers_log_tells_checkpoints_and_vacuums(psql, earlier, inside, expected):
    found = psql.read_log(earlier, inside)
    assert (found.checkpoints, found.autovacuums) == expected


def test_a_log_that_cannot_be_read_is_null(psql):
    now = server.observe(psql, "postgres", "/nonexistent/postgres.log")
    assert now.log_bytes is None
    assert now.activity.connections == {}
    assert server.between(psql, now, now, "/nonexistent/postgres.log").log is None


def test_a_server_that_does_not_answer_is_null(psql):
    nobody = server.observe(psql, "no_such_database", None)
    told = server.between(psql, nobody, nobody, None)
    assert told == DatabaseServer(log=None, checkpoints=None, connections=None)
