"""Orders for a real agent, and what it leaves."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from agent.answers import Done
from bundle.documents.readings import TrialReadings

if TYPE_CHECKING:
    from pathlib import Path


def load(table_path, **keys):
    """A load of the plan, against a table."""
    tables = {"measured": str(table_path), "warmup": str(table_path), "repeatable": True}
    return {"load": keys, "tables": tables, "seed": 1}


def client_load(table_path, **changes):
    keys = {"generator": "client-closed", "connections": 4, "warmup_s": 0.1, "duration_s": 1}
    return load(table_path, **keys | {"timeout_s": 2} | changes)


def place(work, folder, /, **changes) -> Path:
    """Write an order of some work into a folder; returns the file."""
    heartbeat = folder / "heartbeat"
    heartbeat.touch()
    order = {
        "schema": "order/7",
        "heartbeat": str(heartbeat),
        "heartbeat_timeout_s": 120.0,
        "deadline_s": 100.0,
        "cpus": None,
        "work": work,
    }
    path = folder / "order.json"
    path.write_bytes(msgspec.json.encode(order | changes))
    return path


def hand_over(order, path=None) -> subprocess.CompletedProcess[str]:
    """Hand an order to a real agent; returns what its command line said."""
    environment = os.environ | ({"PATH": path} if path else {})
    command = [sys.executable, "-m", "agent", order]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@contextmanager
def given(work, folder, path=None):
    """Have a real agent do some work; yields its folder meanwhile."""
    folder.mkdir()
    started = hand_over(place(work, folder), path)
    assert started.returncode == 0, started.stderr
    try:
        yield folder
    finally:
        _await_end(folder)


def _await_end(folder: Path) -> None:
    with (folder / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)


def wait(folder: Path, observed: Any = TrialReadings) -> Done:
    """Wait for the end of an order, and read how it ended; ``observed`` is the type of that."""
    _await_end(folder)
    return msgspec.convert(json.loads((folder / "done.json").read_bytes()), Done[observed])


def carry_out(work, tmp_path, path=None) -> Done[TrialReadings]:
    """Have a real agent carry out a trial, and wait for its end."""
    with given(work, tmp_path / "trial", path) as folder:
        return wait(folder)
