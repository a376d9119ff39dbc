"""The lab's folder on a host: one run at a time, and free again however that run ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from agent.orders import Order, RunCommand
from bundle import codec
from ormlab.base.errors import LoadError, ProvisioningError
from ormlab.hosts import connected
from ormlab.run.measure import claim
from ormlab.run.measure.claim import claimed, remove_leftovers
from tests.conftest import CHECKOUT
from tests.services.running import until


@pytest.fixture
def host(reach):
    with connected([reach()]) as hosts:
        yield hosts["here"]


def is_free(host) -> bool:
    lock = f"{host.spec.root}/run.lock"
    return subprocess.run(["flock", "--nonblock", lock, "true"], check=False).returncode == 0


def test_a_folder_of_the_lab_has_one_run_at_a_time(host, reach):
    with claimed(host, "first"):
        with (
            pytest.raises(LoadError, match=rf"run first \(process {os.getpid()} ") as refused,
            claimed(host, "second"),
        ):
            pass
        assert refused.value.code == "host-in-use"
        with connected([reach(folder="other")]) as others, claimed(others["here"], "third"):
            pass
    with claimed(host, "second"):
        assert not is_free(host)
    assert is_free(host)


def test_a_folder_that_cannot_be_written_is_not_in_use(host):
    root = Path(host.spec.root)
    root.mkdir()
    (root / "run.lock").symlink_to("nowhere/run.lock")
    with pytest.raises(ProvisioningError, match=r"cannot be written: flock: .*run.lock") as refused:
        claimed(host, "first").__enter__()
    assert refused.value.code == "lab-folder"
    assert refused.value.where.endswith("/run.lock")


def test_a_lock_whose_file_takes_no_name_is_not_in_use(host):
    (Path(host.spec.root) / "run.lock").mkdir(parents=True)  # flock takes a folder, too
    with pytest.raises(ProvisioningError, match=r"cannot be written: .*directory"):
        claimed(host, "first").__enter__()


def test_a_host_that_hears_nothing_any_more_gives_its_folder_free(host, monkeypatch):
    monkeypatch.setattr(claim, "_PULSE_S", 0.05)
    mute = claim._beat
    monkeypatch.setattr(claim, "_beat", lambda *_: None)  # as if the network were lost
    with claimed(host, "first", patience_s=1):
        until(lambda: is_free(host))
    monkeypatch.setattr(claim, "_beat", mute)
    with claimed(host, "second", patience_s=60) as require:
        require()


def test_a_run_whose_folder_was_given_free_is_told(host, monkeypatch):
    monkeypatch.setattr(claim, "_PULSE_S", 0.05)
    with claimed(host, "first", patience_s=60) as require:
        require()
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # ssh's and the shell's come and go
                if any("run.lock" in word for word in process.cmdline()):
                    process.kill()

        def is_told() -> bool:
            try:
                require()
            except LoadError as told:
                return told.code == "host-unclaimed"
            return False

        until(is_told)


def test_a_run_that_was_killed_has_its_folder_no_longer(host, reach):
    run = """
import json, sys
from ormlab.hosts import connected
from ormlab.hosts.inventory import HostSpec
from ormlab.hosts.inventory.variables import Variables
from ormlab.run.measure.claim import claimed
spec = HostSpec(**json.loads(sys.argv[1]), variables=Variables())
with connected([spec]) as hosts, claimed(hosts["here"], "first"):
    print("ready", flush=True)
    sys.stdin.read()
"""
    told = {key: value for key, value in vars(reach()).items() if key != "variables"}
    command = [sys.executable, "-c", run, json.dumps(told)]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=CHECKOUT, **streams) as process:
        assert process.stdout.readline() == b"ready\n"
        with pytest.raises(LoadError, match="run first"):
            claimed(host, "second").__enter__()
        process.send_signal(signal.SIGKILL)
        process.wait()
        until(lambda: is_free(host))


def place(folder: Path, *, timeout_s: float) -> int:
    """Give a real agent an order that lasts for ever, and no sign of life; returns its pid."""
    folder.mkdir(parents=True)
    order = Order(
        heartbeat=str(folder.parent / "heartbeat"),
        heartbeat_timeout_s=timeout_s,
        deadline_s=600,
        cpus=None,
        work=RunCommand(argv=["sleep", "600"], env={}),
    )
    (folder / "order.json").write_bytes(codec.encode(order))
    command = [sys.executable, "-m", "agent", str(folder / "order.json")]
    return int(subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True).stdout)


def test_a_new_run_waits_for_the_agent_of_a_killed_one_and_says_so_once(host):
    runs = Path(host.spec.root) / "runs"
    agent = psutil.Process(place(runs / "killed/command-1", timeout_s=3))
    (runs / "long-ago").mkdir()
    said = []
    remove_leftovers(host, str(runs), said.append, check=lambda: None)
    # Its parent, which is no process of this test, may not have taken note of its end.
    assert not agent.is_running() or agent.status() == psutil.STATUS_ZOMBIE
    assert list(runs.iterdir()) == []
    assert [each.partition(", and")[0] for each in said] == ["here: a run was killed there"]


def test_what_holds_no_lock_is_removed_without_a_word(host):
    runs = Path(host.spec.root) / "runs"
    (runs / "killed/command-1").mkdir(parents=True)
    (runs / "killed/command-1/lock").touch()
    remove_leftovers(host, str(runs), pytest.fail, pytest.fail)
    assert list(runs.iterdir()) == []


def test_an_agent_that_does_not_end_is_named(host, monkeypatch):
    monkeypatch.setattr(claim, "_AGENT_S", 0)
    runs = Path(host.spec.root) / "runs"
    agent = psutil.Process(place(runs / "killed/command-1", timeout_s=600))
    try:
        with pytest.raises(LoadError, match="has not ended") as refused:
            remove_leftovers(host, str(runs), pytest.fail, pytest.fail)
    finally:
        agent.terminate()
        until(lambda: not agent.is_running() or agent.status() == psutil.STATUS_ZOMBIE)
    assert refused.value.code == "agent-alive"
    assert refused.value.where == f"here:{runs}/killed/command-1/lock"
    assert (runs / "killed/command-1/pid").read_text() == f"{agent.pid}\n"


def test_a_run_that_is_to_stop_does_not_wait(host):
    runs = Path(host.spec.root) / "runs"
    agent = psutil.Process(place(runs / "killed/command-1", timeout_s=600))

    def stop():
        raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt):
            remove_leftovers(host, str(runs), lambda _: None, stop)
    finally:
        agent.terminate()
        until(lambda: not agent.is_running() or agent.status() == psutil.STATUS_ZOMBIE)
