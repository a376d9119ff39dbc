"""Trials that go wrong, on real parts: each ends as a recorded failure of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import psutil
import pytest

from analysis.figures import read
from ormlab.run.measure.keep import keep
from tests.agent.placing import carry_out, client_load, given, wait
from tests.services.running import until

needs_wrk = pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is not installed: `make wrk`")

# Answers /health like a service, and after that as its first argument says.
ROGUE = """
import http.server, json, os, signal, sys, threading

settings = json.load(open(sys.argv[1]))
manner = settings["options"]["manner"]
same = ("service", "nonce", "workers", "pool", "framework", "cache", "loop", "json", "options")
health = {key: settings[key] for key in same} | {"pid": os.getpid(), "python": "3", "jit": None}
health = json.dumps(health | {"versions": {}, "extensions": {}}).encode()

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/health" and server.manner != "hung":
            return self.answer(200, health)
        if manner == "hangs":
            server.manner = "hung"
        if server.manner == "hung":
            threading.Event().wait()
        if manner == "dies":
            os._exit(3)
        self.answer(500 if manner == "fails" else 200, b"{}")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

server = Server((settings["host"], settings["port"]), Handler)
server.manner = manner
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
server.serve_forever()
"""


@pytest.fixture
def rogue_code(tmp_path):
    package = tmp_path / "code/workloads/services"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text(ROGUE)
    (package / "__init__.py").touch()
    (package.parent / "__init__.py").touch()
    return tmp_path / "code"


@needs_wrk
def test_a_trial_leaves_its_raw_files_and_says_what_it_observed(order, tmp_path):
    done = carry_out(order, tmp_path)
    assert done.failure is None
    assert done.ended_by_force == []
    observed = done.observed
    assert observed.health.service == "asyncpg"
    assert (observed.stop.in_time, observed.stop.exit_status) == (True, 0)
    assert set(observed.affinity.observed) == {"service", "database", "load"}
    before, after = observed.counters.before["users"], observed.counters.after["users"]
    assert after.index_scans > before.index_scans
    assert after.updated == before.updated == 0
    assert json.loads((tmp_path / "trial/wrk.json").read_bytes())["requests"] > 0
    header = (tmp_path / "trial/resources.csv").read_text().splitlines()[0]
    assert header == "round,at_ns,role,pid,user_ticks,system_ticks,rss_pages"


def test_the_variables_of_a_stack_reach_its_service(order, tmp_path, table_path):
    order["load"] = client_load(table_path)
    order["service"]["variables"] = {"AIOHTTP_NO_EXTENSIONS": "1"}
    assert carry_out(order, tmp_path).observed.health.extensions["aiohttp"] is False


def test_connections_of_the_service_are_ended_when_and_as_the_order_says(
    order, tmp_path, table_path
):
    order["load"] = client_load(table_path, duration_s=4)
    order["kills"] = [{"at_s": 2.5, "connections": 1}, {"at_s": 1.0, "connections": 9}]
    done = carry_out(order, tmp_path)
    assert done.failure is None
    first, second = done.observed.kills
    assert (first.at_s, first.connections, first.ended) == (1.0, 9, 2)
    assert (second.at_s, second.connections) == (2.5, 1)
    assert second.ended <= 1
    assert 1.0 <= first.done_s < second.done_s
    told = done.observed.host.database.connections
    assert sum(told.before.values()) == 2
    assert told.kept == 0
    # Saturated, both connections were at work: what ran on them failed, and was counted.
    answers = json.loads((tmp_path / "trial/client.json").read_bytes())
    assert sum(answers["errors"].values()) >= 1


def test_a_kill_that_the_window_is_too_short_for_fails_the_trial(order, tmp_path, table_path):
    order["load"] = client_load(table_path)
    order["kills"] = [{"at_s": 60.0, "connections": 1}]
    assert carry_out(order, tmp_path).failure.code == "not-killed"


def test_a_trial_without_kills_records_none(order, tmp_path, table_path):
    order["load"] = client_load(table_path)
    assert carry_out(order, tmp_path).observed.kills is None


def test_a_taken_port_is_a_failed_start_that_names_the_port(order, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", order["service"]["settings"]["port"]))
        other.listen()
        failure = carry_out(order, tmp_path).failure
    assert failure.code == "service-start"
    assert str(order["service"]["settings"]["port"]) in failure.what


def test_a_missing_wrk_says_how_to_get_it(order, tmp_path):
    failure = carry_out(order, tmp_path, path="/nonexistent").failure
    assert failure.code == "generator-missing"
    assert "make wrk" in failure.hint


def test_a_wrk_that_prints_nothing_is_a_failed_trial_although_it_exits_with_0(order, tmp_path):
    silent = tmp_path / "bin/wrk"
    silent.parent.mkdir()
    silent.write_text("#!/bin/sh\nexit 0\n")
    silent.chmod(0o755)
    path = f"{silent.parent}:{os.environ['PATH']}"
    assert carry_out(order, tmp_path, path=path).failure.code == "generator-silent"


@pytest.mark.parametrize("generator", [pytest.param("wrk", marks=needs_wrk), "client"])
def test_a_service_that_dies_ends_the_trial_at_once(
    order, tmp_path, rogue_code, table_path, generator
):
    order["service"]["code"] = str(rogue_code)
    order["service"]["settings"]["options"]["manner"] = "dies"
    if generator == "client":
        order["load"] = client_load(table_path)
    done = carry_out(order, tmp_path)
    assert done.failure.code == "service-died"
    assert done.ended_by_force == []


@pytest.mark.parametrize("generator", [pytest.param("wrk", marks=needs_wrk), "client"])
def test_a_service_that_hangs_is_a_failed_trial(order, tmp_path, rogue_code, table_path, generator):
    order["service"]["code"] = str(rogue_code)
    order["service"]["settings"]["options"]["manner"] = "hangs"
    if generator == "client":
        order["load"] = client_load(table_path)
    assert carry_out(order, tmp_path).failure.code == "service-hung"


@needs_wrk
def test_a_service_that_answers_500_leaves_figures_that_say_so(order, tmp_path, rogue_code):
    order["service"]["code"] = str(rogue_code)
    order["service"]["settings"]["options"]["manner"] = "fails"
    done = carry_out(order, tmp_path)
    assert done.failure is None  # the agent observes; what it means is for the analysis
    kept = tmp_path / "kept"
    kept.mkdir()
    keep(tmp_path / "trial", kept)
    figures = read(kept, done.observed)
    assert "all-errors" in {problem.code for problem in figures.problems}


def test_a_database_that_is_killed_fails_the_trial_and_says_so(
    order, tmp_path, table_path, own_server
):
    order["load"] = client_load(table_path, duration_s=30)
    with given(order, tmp_path / "trial") as folder:
        while not (folder / "client.spec.json").exists():
            assert not (folder / "done.json").exists(), (folder / "done.json").read_text()
        family = psutil.Process(own_server.pid).children()
        own_server.send_signal(signal.SIGKILL)
        done = wait(folder)
    own_server.wait()
    psutil.wait_procs(family, timeout=20)
    assert done.failure.code == "database-died"


def test_a_process_outside_its_planned_cpus_is_caught(order, tmp_path, table_path):
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one CPU: no process can be outside of it")
    first = min(os.sched_getaffinity(0))
    order["load"] = client_load(table_path, duration_s=2)
    order["placement"]["database"] = [first]  # the session's server runs everywhere
    failure = carry_out(order, tmp_path).failure
    assert failure.code == "affinity"
    assert "database" in failure.what


def test_a_template_that_is_not_there_is_no_fault_of_the_agent(order, tmp_path):
    order["database"]["template"] = "no_such_template"
    failure = carry_out(order, tmp_path).failure
    assert failure.code == "database-unreachable"
    assert "no_such_template" in failure.what


def test_a_database_that_cannot_be_reached_is_named(order, tmp_path):
    order["database"]["template"] = None
    order["database"]["name"] = "no_such_database"
    failure = carry_out(order, tmp_path).failure
    assert failure.code == "database-unreachable"
    assert "no_such_database" in failure.where


def test_a_full_disk_fails_the_trial_not_the_lab(order, tmp_path, table_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        order["load"] = client_load(table_path)
        with given(order, small / "trial") as folder:
            agent = int((folder / "pid").read_text())
            done = wait(folder)
        # A process that ends gives its working folder back after the lock.
        until(lambda: not Path(f"/proc/{agent}/cwd").exists())
    finally:
        # Lazily: the kernel closes a process's files after it has let go of its folder, and what
        # looks at every mount of the machine holds this one for a moment.
        subprocess.run(["umount", "--lazy", small], check=True)
    assert done.failure.code == "disk-full"
