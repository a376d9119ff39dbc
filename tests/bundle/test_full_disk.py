"""A full disk gives one clear error and spoils nothing that was closed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


def may_mount() -> bool:
    return subprocess.run([*own_mounts(), "true"], check=False, capture_output=True).returncode == 0


def own_mounts() -> list[str]:
    """A command that runs another one whose mounts nobody else sees."""
    return ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]


@pytest.mark.skipif(not may_mount(), reason="this user may not mount a small file system")
def test_nothing_closed_is_lost_on_a_full_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    ran = subprocess.run(
        [*own_mounts(), sys.executable, "-m", "tests.bundle.full_disk", disk],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout == "ok\n", ran.stderr
    assert list(disk.iterdir()) == []
