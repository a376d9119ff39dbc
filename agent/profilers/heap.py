"""Memory of a service at its peak, by memray, which traces every allocation from inside.

The small objects of Python are traced too: without them a service's memory belongs to whichever
function happened to ask for the next arena.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agent.failure import Failure
from agent.files import write_json
from agent.profilers.base import version
from bundle.callstacks import CallFile
from bundle.documents.profilers import PICTURES, STACKS, Profiled, Traced

if TYPE_CHECKING:
    from agent.profilers.base import ProfilerPass


def carry_out(looking: ProfilerPass, observed: Profiled) -> None:
    """Leave what was allocated at the peak as stacks, and as a flame graph.

    Raises:
        Failure: as `agent.profilers.carry_out`.
    """
    memray = [f"{looking.work.tools}/bin/python", "-m", "memray"]
    program = version("memray", memray)
    capture, log = looking.folder / "heap.bin", looking.folder / "memray.txt"
    tracer = [looking.work.service.python, "-m", "workloads.services.traced"]
    tracer += [str(_packages(Path(looking.work.tools))), str(capture)]
    with looking.service(tracer) as service:
        answered = looking.drive(service, "load")
    stacks = looking.folder / "whole.json"
    for report, path in (
        (["flamegraph", "--no-web"], looking.folder / PICTURES["heap"]),
        (["transform", "speedscope"], stacks),
    ):
        looking.run([*memray, *report, "-o", str(path), str(capture)], log)
    whole = msgspec.json.decode(stacks.read_bytes(), type=CallFile)
    write_json(looking.folder / STACKS["heap"], whole.without_imports())
    for large in (capture, stacks):  # the flame graph has what is in them
        large.unlink()
    observed.traced = Traced(program=program, requests=answered)


def _packages(environment: Path) -> Path:
    """Where an environment has its packages."""
    found = sorted(environment.glob("lib/python*/site-packages"))
    if not found:
        raise Failure(
            "profiler-missing",
            "memray is not in the environment of the profilers",
            where=str(environment),
            hint="remove that folder: the next run makes it again",
        )
    return found[0]
