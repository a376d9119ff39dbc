"""A real service with faults to order, and the client as a real process."""

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from workloads.load.operations import Operation
from workloads.load.requests import repeatable, table, write_table

ROOT = Path(__file__).parents[2]


@dataclass
class Service:
    process: subprocess.Popen
    port: int

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def _service(faults):
    script = Path(__file__).with_name("answering.py")
    with subprocess.Popen(
        [sys.executable, str(script), json.dumps(faults)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Service(process, int(process.stdout.readline()))
        finally:
            process.kill()


@pytest.fixture
def start_service():
    """Start a service: ``start_service(stall_at=100, stall_s=1.4)``; faults are in answering.py."""
    with ExitStack() as stack:
        yield lambda **faults: stack.enter_context(_service(faults))


@dataclass
class Trial:
    folder: Path
    exit_code: int
    stderr: str

    @property
    def report(self):
        return json.loads((self.folder / "client.json").read_text())

    @property
    def failure(self):
        return json.loads(self.stderr.splitlines()[-1])


@pytest.fixture
def make_table(tmp_path):
    """Write a request table, by default 100 reads of users."""

    def make(*names, count=100, seed=7):
        operations = [Operation(name) for name in names or ("read-user",)]
        path = tmp_path / f"table-{len(list(tmp_path.glob('table-*')))}.txt"
        write_table(path, table(operations, users=1000, orders=100, seed=seed, count=count))
        return {"table": str(path), "repeatable": repeatable(operations)}

    return make


@pytest.fixture
def start_client(tmp_path, make_table):
    """Start the client on a service, without waiting for its end."""
    with ExitStack() as stack:

        def start(service, **spec):
            full = {
                "host": "127.0.0.1",
                "port": service.port,
                "loop": "open" if "rate" in spec else "closed",
                "connections": 8,
                "duration_s": 0.5,
                "seed": 1,
                **make_table(),
                **spec,
            }
            number = len(list(tmp_path.glob("spec-*.json")))
            spec_file = tmp_path / f"spec-{number}.json"
            spec_file.write_text(json.dumps(full))
            process = subprocess.Popen(
                [sys.executable, "-m", "workloads.load.client", spec_file, tmp_path / str(number)],
                cwd=ROOT,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.callback(_end, process)
            process.folder = tmp_path / str(number)
            return process

        yield start


@pytest.fixture
def run_client(start_client):
    """Run the client to its end: ``run_client(service, rate=100)``."""

    def run(service, **spec):
        process = start_client(service, **spec)
        _, stderr = process.communicate(timeout=300)
        return Trial(process.folder, process.returncode, stderr)

    return run


def _end(process):
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    process.communicate()
