"""Instructions of one request in user space, by callgrind, which runs the service on its own CPU.

The count repeats itself within half a percent, however busy the host is: addresses are not drawn at
random, and windows share one connection. What the kernel does is not counted, so a figure means
something only beside another of the same subject.
"""

from __future__ import annotations

import platform
import shutil
import tempfile
from typing import TYPE_CHECKING

from agent.failure import Failure
from agent.profilers.base import version
from bundle.documents.profilers import CALLGRIND, CountedEvents, Profiled
from workloads.contract.client import Client

if TYPE_CHECKING:
    from pathlib import Path

    from agent.profilers.base import ProfilerPass

_WARM, _REQUESTS, _WINDOWS = 30, 50, 3


def carry_out(looking: ProfilerPass, observed: Profiled) -> None:
    """Count the instructions of windows of requests; leave the calls of the last one.

    Raises:
        Failure: as `agent.profilers.carry_out`.
    """
    program, out = version("valgrind", ["valgrind"]), looking.folder / "callgrind.out"
    under = ["setarch", platform.machine(), "-R", "valgrind", "--tool=callgrind"]
    under += ["--instr-atstart=no", f"--callgrind-out-file={out}"]
    log = looking.folder / "callgrind_control.txt"
    # Valgrind leaves its pipes where they are if it is killed.
    with (
        tempfile.TemporaryDirectory(prefix="ormlab-vgdb-") as pipes,
        looking.service([*under, f"--vgdb-prefix={pipes}/vgdb"]) as service,
    ):

        def control(*switch: str) -> None:
            argv = ["callgrind_control", f"--vgdb-prefix={pipes}/vgdb", *switch]
            looking.run([*argv, str(service.pid)], log)

        requests = looking.requests()
        with Client(service.url) as client:
            looking.send(client, requests, _WARM)
            for _ in range(_WINDOWS):
                control("-i", "on")
                control("-z")
                looking.send(client, requests, _REQUESTS)
                control("-d")
                control("-i", "off")
    dumps = [out.with_name(f"{out.name}.{number}") for number in range(1, _WINDOWS + 1)]
    windows = tuple(_total(dump) / _REQUESTS for dump in dumps)
    shutil.copyfile(dumps[-1], looking.folder / CALLGRIND.removesuffix(".zst"))
    observed.counted = CountedEvents(program=program, requests=_REQUESTS, windows=windows, calls={})


def _total(dump: Path) -> int:
    """The instructions of a dump (Valgrind's manual, "Callgrind Format Specification")."""
    try:
        lines = dump.read_text(errors="replace").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("totals:"))
    except (OSError, StopIteration, ValueError, LookupError) as problem:
        raise Failure(
            "profiler-failed",
            f"callgrind left no total: {problem!r}",
            where=str(dump),
            hint="read callgrind_control.txt and service.log beside it",
        ) from None
