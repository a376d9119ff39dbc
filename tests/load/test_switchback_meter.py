"""The readings at the ends of slices, of real processes; and of real services on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack

import psutil
import pytest

from tests.load.switching import block_settings, run, start
from tests.services.parts import DATASET, database, fresh_clone, template
from tests.services.running import serving, settings
from workloads.load.operations import Operation
from workloads.load.requests import table, write_table
from workloads.load.switchback.meter import Meter, Reading, cpu_ns, spent

__all__ = ["block_settings", "database", "fresh_clone", "run", "start", "template"]

# For each line a child that works for so many milliseconds and sleeps; "end" ends the last one.
PARENT = """
import os, sys, time
children = []
for line in sys.stdin:
    if line == "end\\n":
        os.kill(children[-1], 9)
        os.waitpid(children.pop(), 0)
        print("ended", flush=True)
        continue
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        while time.process_time() < int(line) / 1000:
            pass
        os.write(write, b".")
        time.sleep(3600)
    os.read(read, 1)
    children.append(pid)
    print(pid, flush=True)
"""


class Family:
    def __init__(self, process):
        self.process, self.pid = process, process.pid

    def tell(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@pytest.fixture
def start_family():
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, "-c", PARENT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return Family(process)

    yield start
    for process in started:
        below = psutil.Process(process.pid).children() if process.poll() is None else []
        for each in (process, *below):
            each.kill()
        process.communicate()


def test_a_clock_has_the_cpu_time_of_a_process(start_family):
    pid = int(start_family().tell(50))
    times = psutil.Process(pid).cpu_times()
    assert cpu_ns(pid) >= 50e6
    assert abs(cpu_ns(pid) / 1e9 - times.user - times.system) <= 0.03  # ticks of 10 ms, twice


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts processes of another user")
def test_the_clock_of_another_users_process_can_be_read():
    with subprocess.Popen(["sleep", "60"]) as process:
        child = os.fork()
        if not child:
            os.setuid(65534)
            try:
                os._exit(0 if cpu_ns(process.pid) >= 0 else 1)
            except OSError:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        process.kill()


def test_a_service_has_the_time_of_all_its_processes(start_family):
    one, other = start_family(), start_family()
    one.tell(30)
    one.tell(40)
    meter = Meter({"one": one.pid, "other": other.pid}, None)
    meter.find("one")
    meter.find("other")
    assert meter.service_ns("one") >= 70e6
    assert meter.service_ns("other") < meter.service_ns("one")
    before = meter.read("one")
    one.tell("end")
    used = spent("one", before, meter.read("one"))
    assert used.service.startswith("process ")
    assert used.service.endswith(" of the service has ended")
    assert used.foreign == used.service  # what it used cannot be told from what others did


def test_backends_are_found_anew_at_each_reading(start_family):
    server = start_family()
    server.tell(20)
    meter = Meter({}, server.pid)
    before = meter.read("none")
    server.tell(30)
    after = meter.read("none")
    assert 30e6 <= spent("none", before, after).database < 50e6
    ended = server.tell(0)
    last = meter.read("none")
    server.tell("end")
    lost = spent("none", last, meter.read("none")).database
    assert lost == f"process {ended} of the database server ended within a slice"
    # The next reading has forgotten it.
    assert spent("none", meter.read("none"), meter.read("none")).database >= 0


def test_a_server_that_has_ended_has_a_reason(start_family):
    server = start_family()
    meter = Meter({}, server.pid)
    before = meter.read("none")
    server.process.kill()
    server.process.wait()
    used = spent("none", before, meter.read("none"))
    assert "database server" in used.database
    assert isinstance(used.foreign, str)


def test_foreign_time_is_that_of_the_others(start_family):
    other = start_family()
    meter = Meter({}, None)
    before = meter.read("none")
    other.tell(200)
    used = spent("none", before, meter.read("none"))
    assert used.foreign >= 100e6  # the host counts in ticks, and by looking at each
    assert used.steal >= 0


def test_foreign_time_keeps_the_sign_of_its_rounding_error():
    before = reading(busy=0)
    assert spent("a", before, reading(busy=10), load=13).foreign == -3
    assert spent("a", before, reading(busy=20), load=13).foreign == 7


def reading(*, busy):
    return Reading(at_ns=0, services={}, backends=None, server=None, delay=None, busy=busy, steal=0)


def test_real_services_are_measured_with_their_database(psql, cluster, database, tmp_path, run):
    operations = [Operation("read-user")]
    requests = table(operations, users=DATASET.users, orders=DATASET.orders, seed=1, count=500)
    write_table(tmp_path / "table", requests)
    names = {"sqlalchemy": "sqlalchemy", "again": "sqlalchemy", "asyncpg": "asyncpg"}
    with ExitStack() as stack:
        services = {
            name: stack.enter_context(serving(tmp_path, settings(psql, database, service=service)))
            for name, service in names.items()
        }
        ran = run(
            services,
            server_pid=int((cluster.data / "postmaster.pid").read_text().split()[0]),
            cpu=min(os.sched_getaffinity(0)),
            duration_s=1.0,
            slice_s=0.25,
            table=str(tmp_path / "table"),
            hash_fraction=0.05,
        )
    assert (ran.exit_code, ran.stderr) == (0, "")
    for report in map(ran.report, names):
        assert report.unread == {}
        assert report.errors.total == 0
        for each in report.slices:
            assert each.service_ns > 0
            assert each.database_ns > 0
            assert each.rest_ns < each.service_ns
    one, other = (ran.report(name).bodies.digests for name in ("sqlalchemy", "asyncpg"))
    both = one.keys() & other.keys()
    assert both
    assert all(one[request] == other[request] for request in both)
