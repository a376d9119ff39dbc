"""What switching costs the generator: CPU time of a request, against the closed loop's.

Both loads drive endpoints that do no work and stay on another CPU; they take turns, so that a ratio
compares neighbours in time. Counted is the generator's CPU time alone, which waits for nobody.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import create_connection
from statistics import median
from typing import TYPE_CHECKING

from agent import ports
from bench import output_of, scratch
from bundle import typed
from bundle.generators.client import Client
from bundle.generators.switchback import Switchback
from host.environment import environment
from workloads.load.operations import Operation
from workloads.load.requests import table, write_table
from workloads.load.switchback.meter import Meter

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONNECTIONS = 64
_SUBJECTS = 3
_ROOT = Path(__file__).parents[1]
_READINGS = 1000


def run(*, seconds: float = 3.0, rounds: int = 5) -> dict[str, object]:
    """Measure side by side.

    Args:
        seconds: of the closed loop's window, and of the slices of all subjects together.
        rounds: turns of each load.

    Returns:
        Medians over the rounds: CPU microseconds a request of the closed loop, of slices, and of
        everything from the first slice to the last; the ratio of slices to closed loop (median of
        the rounds' ratios); CPU microseconds of one reading. Or the reason why there are none.
    """
    if len(os.sched_getaffinity(0)) < 2:  # noqa: PLR2004 - one for each side
        return {"switchback": {"skipped": "needs two CPUs"}}
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        first, second = sorted(os.sched_getaffinity(0))[:2]
        write_table(
            folder / "table",
            table([Operation("read-user", id=1)], users=1, orders=0, seed=1, count=1),
        )
        numbers = range(_SUBJECTS)
        served = [stack.enter_context(_static(folder, second, each)) for each in numbers]
        turns = [
            (
                _closed(folder, served[0][0], first, seconds),
                _switched(folder, served, first, seconds),
            )
            for _ in range(rounds)
        ]
        reading_us = _reading_us({str(pid): pid for _, pid in served})
    return {
        "switchback.closed_us": median(closed for closed, _ in turns),
        "switchback.slices_us": median(slices for _, (slices, _) in turns),
        "switchback.with_ramps_us": median(whole for _, (_, whole) in turns),
        "switchback.slices_over_closed": round(median(one[0] / c for c, one in turns), 3),
        "switchback.reading_us": reading_us,
    }


@contextmanager
def _static(folder: Path, cpu: int, number: int) -> Iterator[tuple[int, int]]:
    """An endpoint that does no work; gives its port and process id."""
    port = ports.draw(1, ["127.0.0.1"])
    file = folder / f"static-{number}.json"
    file.write_text(json.dumps({"host": "127.0.0.1", "port": port, "payload_bytes": 1024}))
    argv = [sys.executable, "-m", "workloads.load.static", str(file)]
    with subprocess.Popen(
        ["taskset", "-c", str(cpu), *argv], env=environment("service"), cwd=_ROOT
    ) as server:
        try:
            while server.poll() is None:
                try:
                    create_connection(("127.0.0.1", port)).close()
                    break
                except ConnectionRefusedError:
                    time.sleep(0.01)
            yield port, server.pid
        finally:
            server.terminate()


def _closed(folder: Path, port: int, cpu: int, seconds: float) -> float:
    """CPU microseconds a request of the closed loop."""
    spec = {"host": "127.0.0.1", "port": port, "loop": "closed", "cpus": [cpu], **_SHARED}
    _run("client", folder, {**spec, "duration_s": seconds, "table": str(folder / "table")})
    (process,) = typed.read(folder, Client).processes
    return process.cpu_s * 1e6 / process.requests_in_window


def _switched(
    folder: Path, served: list[tuple[int, int]], cpu: int, seconds: float
) -> tuple[float, float]:
    """CPU microseconds a request of the slices, and of all that the generator did meanwhile."""
    subjects = [
        {
            "subject": str(port),
            "host": "127.0.0.1",
            "port": port,
            "folder": str(port),
            "service_pid": pid,
        }
        for port, pid in served
    ]
    spec = {
        "subjects": subjects,
        "server_pid": None,
        "cpu": cpu,
        "slice_s": 0.25,
        "limit_s": None,
        **_SHARED,
    }
    duration = {"duration_s": seconds / len(served), "timeout_s": 10.0, "hash_fraction": 0.01}
    _run("switchback", folder, {**spec, **duration, "table": str(folder / "table")})
    reports = [typed.read(folder / each["subject"], Switchback) for each in subjects]
    slices = [each for report in reports for each in report.slices]
    answers = sum(each.answers for each in slices)
    loads_ns = [each.load_ns for each in slices if each.load_ns is not None]
    return sum(loads_ns) / 1e3 / answers, reports[0].process.cpu_s * 1e6 / answers


_SHARED: dict[str, object] = {
    "connections": _CONNECTIONS,
    "warmup_s": 0.5,
    "seed": 1,
    "repeatable": True,
}


def _run(program: str, folder: Path, spec: dict[str, object]) -> None:
    file = folder / f"{program}.spec.json"
    file.write_text(json.dumps(spec))
    argv = (sys.executable, "-m", f"workloads.load.{program}", file, folder)
    output_of(*argv, program="generator", cwd=_ROOT)


def _reading_us(services: dict[str, int]) -> float:
    meter = Meter(services, os.getppid())
    for name in services:
        meter.find(name)
    began = time.process_time_ns()
    for _ in range(_READINGS):
        meter.read(next(iter(services)))
    return (time.process_time_ns() - began) / 1e3 / _READINGS
