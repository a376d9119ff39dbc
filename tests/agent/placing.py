"""Orders for a real agent, and what it leaves."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def client_load(table_path, **changes):
    load = {
        "generator": "client-closed",
        "connections": 4,
        "processes": 1,
        "cpus": None,
        "warmup_s": 0.1,
        "duration_s": 1,
        "timeout_s": 2,
        "seed": 1,
        "table": str(table_path),
        "repeatable": True,
    }
    return load | changes


@contextmanager
def given(order, folder, path=None):
    """Hand the order to a real agent; yields its folder while it works."""
    folder.mkdir()
    (folder / "order.json").write_text(json.dumps(order))
    environment = os.environ | ({"PATH": path} if path else {})
    started = subprocess.run(
        [sys.executable, "-m", "agent", folder / "order.json"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 0, started.stderr
    try:
        yield folder
    finally:
        wait(folder)


def wait(folder: Path) -> dict:
    with (folder / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
    return json.loads((folder / "done.json").read_bytes())


def carry_out(order, tmp_path, path=None) -> dict:
    """Hand the order to a real agent, and wait for its end."""
    with given(order, tmp_path / "trial", path) as folder:
        return wait(folder)
