from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from agent.answers import Kept
from agent.failure import Failure
from agent.heartbeat import Heartbeat
from bundle.documents.services import Observed
from tests.agent import placing

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def order(tmp_path):
    """Hand an order for a program, or for other work, to a real agent; returns its folder."""

    def run(argv=(), work=None, **changes):
        work = work or {"kind": "command", "argv": argv, "env": {}}
        started = placing.hand_over(placing.place(work, tmp_path, cpus=[0], **changes))
        assert started.returncode == 0, started.stderr
        return tmp_path

    return run


def wait(folder: Path, observed=Observed):
    return placing.wait(folder, observed)


def child_of(folder: Path) -> psutil.Process:
    """The program that the agent runs, once it has said that it is there."""
    while not (folder / "stdout").exists() or not (folder / "stdout").read_text().endswith("\n"):
        assert not (folder / "done.json").exists(), (folder / "done.json").read_text()
        time.sleep(0.01)
    return psutil.Process(int((folder / "stdout").read_text()))


# A shell is there at once, also on a busy machine: some orders last a second or two.
SAY_PID_AND_STAY = ["sh", "-c", "echo $$; exec sleep 600"]


def test_a_command_is_run_to_its_end_and_its_output_kept(order):
    script = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    folder = order([sys.executable, "-c", script])
    done = wait(folder)
    assert done.failure is None
    assert done.observed.exit_status == 3
    assert (folder / "stdout").read_text() == "out\n"
    assert (folder / "log.txt").read_text() == "err\n"
    assert done.ended_by_force == []


def test_the_agent_returns_at_once_and_holds_its_lock_meanwhile(order):
    folder = order(SAY_PID_AND_STAY)
    with (folder / "lock").open() as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    os.kill(int((folder / "pid").read_text()), signal.SIGTERM)
    assert wait(folder).failure.code == "interrupted"


def test_without_a_heartbeat_everything_is_stopped(order):
    folder = order(SAY_PID_AND_STAY, heartbeat_timeout_s=3.0)
    child = child_of(folder)
    done = wait(folder)
    assert done.failure.code == "abandoned"
    assert not child.is_running()


def test_an_order_has_a_deadline(order):
    folder = order(SAY_PID_AND_STAY, deadline_s=3.0)
    child = child_of(folder)
    assert wait(folder).failure.code == "deadline"
    assert not child.is_running()


def test_a_deadline_holds_while_a_program_hangs_that_nobody_watches(order, lab_folder):
    binaries = lab_folder / "hanging"
    binaries.mkdir()
    initdb = binaries / "initdb"
    initdb.write_text("#!/bin/sh\nexec sleep 60\n")
    initdb.chmod(0o755)
    work = {"kind": "database", "cluster": str(lab_folder / "cluster"), "port": 1, "cpus": [0]}
    work["database"] = "postgresql"
    folder = order(work=work | {"binaries": str(binaries), "settings": {}}, deadline_s=1.0)
    done = wait(folder, Kept)
    assert done.failure.code == "deadline"
    assert len(done.ended_by_force) == 1


def test_when_the_agent_is_killed_its_program_dies_with_it(order):
    folder = order(SAY_PID_AND_STAY)
    child = child_of(folder)
    os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
    with (folder / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
    child.wait(60)
    assert not (folder / "done.json").exists()


def test_a_program_that_leaves_its_session_is_found_and_ended(order):
    script = "setsid sh -c 'echo $$; exec sleep 600' & wait"
    folder = order(["sh", "-c", script], deadline_s=3.0)
    runaway = child_of(folder)
    done = wait(folder)
    assert done.ended_by_force == [runaway.pid]
    assert not runaway.is_running() or runaway.status() == psutil.STATUS_ZOMBIE


def test_the_agent_runs_where_it_is_told(order):
    folder = order(SAY_PID_AND_STAY)
    agent = int((folder / "pid").read_text())
    assert os.sched_getaffinity(agent) == {0}
    os.kill(agent, signal.SIGTERM)
    wait(folder)


WORK = {"kind": "command", "argv": ["true"], "env": {}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema": "order/9"}, "schema is 'order/9', this agent knows order/7"),
        ({"word": 1}, "unknown field `word`"),
        ({"deadline_s": "60"}, "`$.deadline_s`"),
        ({"work": WORK | {"kind": "dance"}}, "'dance' - at `$.work.kind`"),
        ({"work": WORK | {"argv": None}}, "`$.work.argv`"),
        ({"work": WORK | {"shell": True}}, "unknown field `shell` - at `$.work`"),
        ({"work": {"kind": "command"}}, "missing required field `argv` - at `$.work`"),
    ],
)
def test_what_is_no_order_is_refused_with_the_place_in_it(tmp_path, changes, said):
    answer = placing.hand_over(placing.place(WORK, tmp_path, **changes))
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"agent: {tmp_path / 'order.json'}: ")
    assert said in answer.stderr
    assert not (tmp_path / "done.json").exists()


@pytest.mark.parametrize("text", ["", "[", "[]", "{}", '{"schema": "order/7", "schema": 1}'])
def test_what_is_no_document_of_an_order_is_refused(tmp_path, text):
    (tmp_path / "order.json").write_text(text)
    answer = placing.hand_over(tmp_path / "order.json")
    assert answer.returncode == 2
    assert len(answer.stderr.splitlines()) == 1


def test_the_heartbeat_is_judged_by_movement_not_by_the_clock(tmp_path):
    heartbeat = tmp_path / "heartbeat"
    heartbeat.touch()
    watch = Heartbeat(heartbeat, timeout_s=0.2, deadline_s=60.0)
    os.utime(heartbeat, (0, 0))  # a clock stepped back by decades
    watch.check()
    time.sleep(0.3)  # the passing of this time is what is judged
    with pytest.raises(Failure, match="no sign of life"):
        watch.check()
