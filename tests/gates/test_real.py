"""Gates against faults of real processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from msgspec.structs import asdict, replace

from agent import counters
from analysis.gates import TRIAL_GATES, Context, TrialEvidence, Verdict, assess
from bundle.documents.readings import DatabaseServer, Host, Kernel, TrialReadings
from ormlab.run.measure import orders
from ormlab.run.measure.keep import keep
from tests.agent import conftest as trials
from tests.agent.placing import carry_out, client_load, given, wait
from tests.conftest import CHECKOUT
from tests.gates.recorded import DATA
from tests.load import conftest as load
from workloads.load.operations import Operation
from workloads.load.requests import table, write_table

order, template, server, table_path = (
    trials.order,
    trials.template,
    trials.server,
    trials.table_path,
)
make_table, start_client, start_service = load.make_table, load.start_client, load.start_service


def evidence(folder, readings) -> TrialEvidence:
    context = Context.read(DATA)
    return TrialEvidence(folder, readings, "asyncpg", "read-one", "open", context)


def kept(tmp_path, done) -> dict:
    assert done.failure is None, done.failure
    folder = tmp_path / "kept"
    folder.mkdir()
    keep(tmp_path / "trial", folder)
    trial = evidence(folder, done.observed)
    return {each.gate.code: each for each in assess("trial", trial).findings}


@pytest.fixture
def open_order(order, table_path):
    """The trial that the recorded plan describes: four connections, an open loop."""
    order["service"]["settings"]["pool"] = {"size": 4, "overflow": 0}
    # Long enough for some of the one body in a hundred that the client hashes.
    order["load"] = client_load(
        table_path, generator="client-open", rate=300, arrivals="constant", duration_s=3
    )
    return order


def test_a_clean_trial_passes_and_every_sensor_is_archived(open_order, tmp_path):
    done = carry_out(open_order, tmp_path)
    host = done.observed.host
    readable = {key for key, count in counters.read().items() if count is not None}
    counted = asdict(host.kernel.counted)
    assert readable <= {key for key, count in counted.items() if count is not None}
    assert host.kernel.counted.context_switches > 0
    assert host.kernel.seconds > 1
    pace = host.kernel.pace
    for seen, unread in ((pace.clocks, pace.clocks_unread), (pace.heat, pace.heat_unread)):
        assert (seen is None) == (unread is not None)
        assert "shorter than" not in (unread or "")  # the agent looked, if there is what to look at
    assert host.database.connections.before == {"": 4}
    found = kept(tmp_path, done)
    shown = (
        "rows-unchanged",
        "bodies",
        "pools",
        "connections-replaced",
        "extensions",
        "cpus",
        "runtime",
    )
    for code in (*shown, "checkpoint", "autovacuum", "unrecorded", "request-errors", "dropped"):
        assert found[code].verdict is Verdict.PASSED, found[code].sentence


def test_four_faults_in_one_trial_fire_a_gate_each(open_order, tmp_path, psql):
    rows = table([Operation("create-order")], users=1000, orders=1000, seed=1, count=2000)
    write_table(tmp_path / "writes.tsv", rows)
    open_order["load"]["tables"] |= {
        "measured": str(tmp_path / "writes.tsv"),
        "repeatable": False,
    }
    open_order["service"]["settings"]["pool"]["size"] = 3
    open_order["service"]["variables"] = {"AIOHTTP_NO_EXTENSIONS": "1"}
    with given(open_order, tmp_path / "trial") as folder:
        while not (folder / "done.json").exists():
            psql.run("checkpoint")
        done = wait(folder)
    found = kept(tmp_path, done)
    for code in ("rows-unchanged", "pools", "extensions", "checkpoint"):
        assert found[code].verdict is Verdict.FAILED, found[code].sentence
    assert "aiohttp" in found["extensions"].sentence
    assert "orders inserted" in found["rows-unchanged"].sentence


def test_a_throttled_client_fires_the_dispatch_gate_although_it_achieves_its_rate(
    start_client, start_service
):
    client = start_client(start_service(), rate=300, duration_s=3, arrivals="constant")
    while not (workers := psutil.Process(client.pid).children()):
        assert client.poll() is None
    while client.poll() is None:
        # Held for a fifth of the time: no request is lost, many leave late.
        for number, wait_s in ((signal.SIGSTOP, 0.01), (signal.SIGCONT, 0.04)):
            for worker in workers:
                if worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE:
                    worker.send_signal(number)
            time.sleep(wait_s)
    assert client.returncode == 0
    trial = evidence(client.folder, TrialReadings())
    judged = {
        gate.code: gate.judge(trial, profile="vm", tier="exclusive-core")
        for gate in TRIAL_GATES
        if gate.code in {"achieved", "dispatch"}
    }
    assert judged["achieved"].verdict is Verdict.PASSED, judged["achieved"].sentence
    assert judged["dispatch"].verdict is Verdict.FAILED, judged["dispatch"].sentence


def test_a_service_that_stands_in_for_another_is_not_measured_under_its_name(open_order, tmp_path):
    open_order["service"]["settings"]["service"] = "tortoise"
    done = carry_out(open_order, tmp_path)
    swapped = kept(tmp_path, done)["subject"]
    assert swapped.verdict is Verdict.FAILED
    assert "service 'tortoise' instead of 'asyncpg'" in swapped.sentence


def test_the_service_is_asked_before_the_load_and_other_answers_fail_the_trial(
    open_order, tmp_path
):
    open_order["probes"] = [
        {"method": "GET", "path": path} for path in ("/users/1", "/orders?limit=2")
    ]
    done = carry_out(open_order, tmp_path)
    assert [each.status for each in done.observed.probes] == [200, 200]
    kept(tmp_path, done)
    trial = evidence(tmp_path / "kept", done.observed)
    due = trial.context.answers["asyncpg"] = {each.request: each for each in done.observed.probes}
    judge = {gate.code: gate for gate in TRIAL_GATES}["probes"].judge
    assert judge(trial, profile="vm", tier="degraded").verdict is Verdict.PASSED
    due["GET /users/1"] = replace(due["GET /users/1"], sha256="0" * 64)
    found = judge(trial, profile="vm", tier="degraded")
    assert found.verdict is Verdict.FAILED
    assert "GET /users/1" in found.sentence


def test_what_is_drawn_for_a_block_reaches_the_service_and_the_record(open_order, tmp_path):
    drawn = orders.environment(7, 3)
    open_order["service"]["environment"] = drawn
    with given(open_order, tmp_path / "trial") as folder:
        while not (services := list(_services(open_order))):
            assert not (folder / "done.json").exists()
        environment = services[0].environ()
        done = wait(folder)
    assert environment["PYTHONHASHSEED"] == str(drawn.hash_seed)
    assert len(environment["ORMLAB_PADDING"]) == drawn.padding_bytes
    assert done.observed.environment == drawn
    assert orders.environment(7, 3) == drawn != orders.environment(7, 4)


def _services(order):
    settings = str(order["service"]["settings"]["port"])
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and str(connection.laddr.port) == settings:
            yield psutil.Process(connection.pid)


def test_a_clock_that_is_set_in_the_window_is_seen(tmp_path):
    if not shutil.which("faketime"):
        pytest.skip("faketime, which can set a process's clock, is not installed")
    offset = tmp_path / "offset"
    offset.write_text("+0")
    program = (
        "import json, pathlib, sys\n"
        "from agent.counters import Around\n"
        "with Around() as around:\n"
        "    pathlib.Path(sys.argv[1]).write_text('+2s')\n"
        "print(json.dumps(around.record.clock_stepped_s))\n"
    )
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    told = subprocess.run(
        [sys.executable, "-c", program, offset],
        env=os.environ
        | {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "PYTHONPATH": str(CHECKOUT),
        },
        check=True,
        capture_output=True,
        text=True,
    )
    stepped = json.loads(told.stdout)
    assert stepped == pytest.approx(2, abs=0.01)
    server = DatabaseServer(log=None, checkpoints=None, connections=None)
    host = Host(kernel=Kernel(clock_stepped_s=stepped), database=server)
    trial = evidence(tmp_path, TrialReadings(host=host))
    gate = {gate.code: gate for gate in TRIAL_GATES}["clock"]
    assert gate.judge(trial, profile="bare-metal", tier="degraded").verdict is Verdict.FAILED


def test_a_full_listening_queue_is_counted():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        before = counters.read()
        if before["listen_overflows"] is None:
            pytest.skip("this kernel does not count the overflows of listening sockets")
        waiting = [socket.socket() for _ in range(8)]
        try:
            for each in waiting:
                each.settimeout(0)
                each.connect_ex(listener.getsockname())
            counted = counters.difference(before, counters.read())
        finally:
            for each in waiting:
                each.close()
    assert counted["listen_overflows"] > 0
    assert counted["listen_drops"] > 0


def test_an_error_in_the_kernels_log_is_counted_and_an_information_is_not():
    try:
        log = os.open("/dev/kmsg", os.O_WRONLY)
    except OSError as refused:
        pytest.skip(f"the kernel's log cannot be written here: {refused.strerror}")
    with counters.Around() as around:
        os.write(log, b"<6>ormlab: a test writes an information\n")
        os.write(log, b"<3>ormlab: a test writes an error\n")
    os.close(log)
    counted = around.record.kernel_log
    if counted is None:
        pytest.skip("the kernel's log cannot be read here")
    assert counted.errors >= 1
    assert counted.messages > counted.errors
