"""Real runs that are killed, and resumed through the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.run.conftest import finished_run, inventory, lab_root, small_plan

__all__ = ["finished_run", "inventory", "lab_root", "small_plan"]

ORMLAB = str(Path(sys.executable).with_name("ormlab"))


class Lab:
    """One folder of bundles, and the processes of ``ormlab`` that write to it."""

    def __init__(self, bundles: Path, inventory: Path) -> None:
        self.bundles = bundles
        self.inventory = inventory
        self._running: list[subprocess.Popen[str]] = []

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        command = [ORMLAB, *map(str, arguments), "--inventory", str(self.inventory), "--json"]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._running.append(process)
        return process

    def run(self, plan: Path) -> subprocess.Popen[str]:
        return self.start("run", plan, "--bundles", self.bundles)

    def resume(self, folder: Path) -> tuple[int, dict]:
        """Resume to the end; return exit code and document."""
        process = self.start("resume", folder)
        out, err = process.communicate()
        assert out, err
        return process.returncode, json.loads(out)

    @property
    def partial(self) -> Path:
        (partial,) = self.bundles.glob("*.partial")
        return partial

    def end(self) -> None:
        for process in self._running:
            process.kill()
            process.communicate()


@pytest.fixture
def lab(inventory, tmp_path):
    lab = Lab(tmp_path / "bundles", inventory)
    yield lab
    lab.end()


def await_line(process: subprocess.Popen[str], beginning: str) -> str:
    for line in process.stderr or ():
        if line.startswith(beginning):
            return line
    raise AssertionError(f"it ended without a line that begins with {beginning!r}")


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL, and take what it still had to say."""
    process.kill()
    process.communicate()


def trials_of(bundle: Path) -> dict[str, dict[str, bytes]]:
    """The closed trials of a bundle or of a run: name, and bytes by file."""
    return {
        trial.name: {file.name: file.read_bytes() for file in trial.iterdir()}
        for trial in (bundle / "trials").glob("*")
        if trial.suffix != ".open"
    }


def environment_number(name: str, default: int) -> int:
    return int(os.environ.get(name, default))
