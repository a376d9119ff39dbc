"""Fixtures for load that switches: its settings, and the program as a real process."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from bundle import typed
from bundle.generators.switchback import Switchback
from tests.load.conftest import ROOT


@dataclass
class Run:
    folder: Path
    exit_code: int
    stderr: str

    def report(self, name) -> Switchback:
        return typed.read(self.folder / name, Switchback)

    def samples(self, name):
        """Read by what the report says of the columns."""
        told = self.report(name).samples
        data = (self.folder / name / told.file).read_bytes()
        assert len(data) == told.bytes
        return {
            each.name: np.frombuffer(data, np.dtype(each.type), told.rows, each.offset)
            for each in told.columns
        }

    @property
    def failure(self):
        assert self.exit_code == 8
        return json.loads(self.stderr.splitlines()[-1])


def subjects_of(services):
    """What the settings say of services by name."""
    return [
        {
            "subject": name,
            "host": "127.0.0.1",
            "port": service.port,
            "folder": name,
            "service_pid": service.process.pid,
        }
        for name, service in services.items()
    ]


@pytest.fixture
def block_settings(tmp_path, make_table):
    """Write settings for services by name; gives the arguments of the program."""

    def write(services, **changes):
        number = len(list(tmp_path.glob("block-*.json")))
        values = {
            "subjects": subjects_of(services),
            "server_pid": None,
            "cpu": None,
            "connections": 8,
            "duration_s": 0.4,
            "slice_s": 0.1,
            "limit_s": None,
            "warmup_s": 0.2,
            "timeout_s": 10.0,
            "seed": 7,
            "hash_fraction": 0.01,
            **make_table(),
            **changes,
        }
        file = tmp_path / f"block-{number}.json"
        file.write_text(json.dumps(values))
        return [str(file), str(file.with_suffix(""))]

    return write


@contextmanager
def starting(module, write):
    """Start a program of ``workloads.load`` on services by name, without waiting for its end.

    ``write`` takes services and changes of the settings, and gives the program's arguments.
    """
    with ExitStack() as stack:

        def begin(services, **changes):
            arguments = write(services, **changes)
            process = subprocess.Popen(
                [sys.executable, "-m", f"workloads.load.{module}", *arguments],
                cwd=ROOT,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            process.folder = Path(arguments[1])
            return process

        yield begin


@pytest.fixture
def start(block_settings):
    """Start the load on services by name, without waiting for its end."""
    with starting("switchback", block_settings) as begin:
        yield begin


@pytest.fixture
def run(start):
    def to_its_end(services, **changes):
        process = start(services, **changes)
        _, stderr = process.communicate(timeout=120)
        return Run(process.folder, process.returncode, stderr)

    return to_its_end
