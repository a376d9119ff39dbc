"""System calls of one request, by strace, which stops the service at each of them (ptrace(2))."""

from __future__ import annotations

import signal
import time
from collections import Counter
from typing import TYPE_CHECKING

from agent.failure import Failure, last_logged
from agent.profilers.base import version
from bundle.documents.profilers import CountedEvents, Profiled
from workloads.contract.client import Client

if TYPE_CHECKING:
    from pathlib import Path

    from agent.profilers.base import ProfilerPass

_WARM, _REQUESTS, _WINDOWS = 50, 200, 3
_ATTACH_S, _POLL_S = 20.0, 0.01
_CALLS = 3  # the column of strace's table; the name is the last one


def carry_out(looking: ProfilerPass, observed: Profiled) -> None:
    """Count the system calls of windows of requests, by name.

    Raises:
        Failure: as `agent.profilers.carry_out`.
    """
    program, windows = version("strace", ["strace"]), []
    with looking.service() as service, Client(service.url) as client:
        requests = looking.requests()
        looking.send(client, requests, _WARM)
        for number in range(_WINDOWS):
            table, log = (looking.folder / f"strace.{number}.{kind}" for kind in ("txt", "log"))
            argv = ["strace", "-f", "-c", "-o", str(table), "-p", str(service.pid)]
            with looking.beside(argv, log, signal.SIGINT):
                _attached(looking, log)
                looking.send(client, requests, _REQUESTS)
            windows.append(_calls(table))
    total = sum(windows, Counter())
    observed.counted = CountedEvents(
        program=program,
        requests=_REQUESTS,
        windows=tuple(each.total() / _REQUESTS for each in windows),
        calls={name: count / _REQUESTS / _WINDOWS for name, count in total.most_common()},
    )


def _attached(looking: ProfilerPass, log: Path) -> None:
    """Wait until strace says that it counts."""
    deadline = time.monotonic() + _ATTACH_S
    while "attached" not in log.read_text(errors="replace"):
        looking.heartbeat.check()
        if time.monotonic() > deadline:
            raise Failure(
                "profiler-failed",
                f"strace did not attach to the service: {last_logged(log)}",
                where=str(log),
                hint="a host may forbid to look into other processes (ptrace): docs/profile.md",
            )
        time.sleep(_POLL_S)


def _calls(table: Path) -> Counter[str]:
    """The counts of strace's table, by name of the call."""
    found: Counter[str] = Counter()
    for line in table.read_text(errors="replace").splitlines():
        words = line.split()
        if len(words) > _CALLS and words[_CALLS].isdigit() and words[-1] != "total":
            found[words[-1]] += int(words[_CALLS])
    return found
