from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from agent.failure import Failure
from agent.orders import Heartbeat, Order

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def place(tmp_path):
    """Write an order and hand it to a real agent; returns its folder."""

    def run(*, heartbeat_timeout_s=30.0, deadline_s=60.0, kind="command", **body):
        heartbeat = tmp_path / "heartbeat"
        heartbeat.touch()
        order = {
            "schema": "order/1",
            "kind": kind,
            "heartbeat": str(heartbeat),
            "heartbeat_timeout_s": heartbeat_timeout_s,
            "deadline_s": deadline_s,
            "cpus": [0],
            **body,
        }
        (tmp_path / "order.json").write_text(json.dumps(order))
        started = subprocess.run(
            [sys.executable, "-m", "agent", tmp_path / "order.json"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert started.returncode == 0, started.stderr
        return tmp_path

    return run


def wait(folder: Path) -> dict:
    with (folder / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
    return json.loads((folder / "done.json").read_bytes())


def child_of(folder: Path) -> psutil.Process:
    """The program that the agent runs, once it has said that it is there."""
    while not (folder / "stdout").exists() or not (folder / "stdout").read_text().endswith("\n"):
        time.sleep(0.01)
    return psutil.Process(int((folder / "stdout").read_text()))


SAY_PID_AND_STAY = [
    sys.executable,
    "-c",
    "import os, signal; print(os.getpid(), flush=True); signal.pause()",
]


def test_a_command_is_run_to_its_end_and_its_output_kept(place):
    script = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    folder = place(argv=[sys.executable, "-c", script], env={})
    done = wait(folder)
    assert done["failure"] is None
    assert done["observed"]["exit_status"] == 3
    assert (folder / "stdout").read_text() == "out\n"
    assert (folder / "log.txt").read_text() == "err\n"
    assert done["ended_by_force"] == []


def test_the_agent_returns_at_once_and_holds_its_lock_meanwhile(place):
    folder = place(argv=SAY_PID_AND_STAY, env={})
    with (folder / "lock").open() as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    os.kill(int((folder / "pid").read_text()), signal.SIGTERM)
    assert wait(folder)["failure"]["code"] == "interrupted"


def test_without_a_heartbeat_everything_is_stopped(place):
    folder = place(argv=SAY_PID_AND_STAY, env={}, heartbeat_timeout_s=1.0)
    child = child_of(folder)
    done = wait(folder)
    assert done["failure"]["code"] == "abandoned"
    assert not child.is_running()


def test_an_order_has_a_deadline(place):
    folder = place(argv=SAY_PID_AND_STAY, env={}, deadline_s=1.0)
    child = child_of(folder)
    assert wait(folder)["failure"]["code"] == "deadline"
    assert not child.is_running()


def test_a_deadline_holds_while_a_program_hangs_that_nobody_watches(place, lab_folder):
    binaries = lab_folder / "hanging"
    binaries.mkdir()
    initdb = binaries / "initdb"
    initdb.write_text("#!/bin/sh\nexec sleep 60\n")
    initdb.chmod(0o755)
    cluster = {"cluster": str(lab_folder / "cluster"), "binaries": str(binaries), "port": 1}
    folder = place(kind="database", deadline_s=1.0, placement={"database": [0]}, **cluster)
    done = wait(folder)
    assert done["failure"]["code"] == "deadline"
    assert len(done["ended_by_force"]) == 1


def test_when_the_agent_is_killed_its_program_dies_with_it(place):
    folder = place(argv=SAY_PID_AND_STAY, env={})
    child = child_of(folder)
    os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
    with (folder / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
    child.wait(10)
    assert not (folder / "done.json").exists()


def test_a_program_that_leaves_its_session_is_found_and_ended(place):
    script = """
import os, signal, sys
if os.fork() == 0:
    os.setsid()
    print(os.getpid(), flush=True)
    signal.pause()
os.wait()
"""
    folder = place(argv=[sys.executable, "-c", script], env={}, deadline_s=1.0)
    runaway = child_of(folder)
    done = wait(folder)
    assert done["ended_by_force"] == [runaway.pid]
    assert not runaway.is_running() or runaway.status() == psutil.STATUS_ZOMBIE


def test_the_agent_runs_where_it_is_told(place):
    folder = place(argv=SAY_PID_AND_STAY, env={})
    agent = int((folder / "pid").read_text())
    assert os.sched_getaffinity(agent) == {0}
    os.kill(agent, signal.SIGTERM)
    wait(folder)


@pytest.mark.parametrize("order", ['{"schema": "order/9"}', '{"schema": "order/1"}', "[", "{}"])
def test_what_is_not_an_order_is_refused(tmp_path, order):
    (tmp_path / "order.json").write_text(order)
    answer = subprocess.run(
        [sys.executable, "-m", "agent", tmp_path / "order.json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert answer.stderr.startswith("agent: ")
    assert not (tmp_path / "done.json").exists()


def test_the_heartbeat_is_judged_by_movement_not_by_the_clock(tmp_path):
    heartbeat = tmp_path / "heartbeat"
    heartbeat.touch()
    order = Order("command", tmp_path, heartbeat, 0.2, 60.0, None, {})
    watch = Heartbeat(order)
    os.utime(heartbeat, (0, 0))  # a clock stepped back by decades
    watch.check()
    time.sleep(0.3)  # the passing of this time is what is judged
    with pytest.raises(Failure, match="no sign of life"):
        watch.check()
