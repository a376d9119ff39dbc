"""Programs that tests use and the lab does not: each has a lock, and an environment of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from tests.conftest import CHECKOUT


def installed(name):
    """The folder of the programs of ``requirements/<name>.txt``, installed if they are not yet."""
    uv, folder = CHECKOUT / ".lab/uv/bin/uv", CHECKOUT / ".lab" / name
    wanted, stamp = CHECKOUT / f"requirements/{name}.txt", folder / "requirements.txt"
    if not (stamp.exists() and stamp.read_bytes() == wanted.read_bytes()):
        python = folder / "bin/python"
        try:
            _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder)
            _run(uv, "pip", "sync", "--require-hashes", "--python", python, wanted)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"{wanted.name} cannot be installed: {error}")
        shutil.copyfile(wanted, stamp)
    return folder / "bin"


def _run(*command):
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
