"""What every profiler needs: the service by itself, requests to it, and programs beside it."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from agent import command, generators
from agent.failure import Failure, last_logged
from agent.processes import SHIPPED, spawn, stop
from agent.service import Service
from bundle import codec
from bundle.generators.client import Client as Report
from bundle.generators.client import ClosedLoad
from host.environment import environment
from workloads.load.requests import read_table

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator, Sequence

    from agent.heartbeat import Heartbeat
    from agent.orders import Profile
    from workloads.contract.client import Client
    from workloads.load.requests import Request

_VERSION_S = 60.0
_START_S = 150.0  # callgrind needs a minute for what takes a second without it
_STOP_S = 60.0  # a tracer writes what it has at the end
_TOOL_STOP_S = 60.0


@dataclass(frozen=True)
class ProfilerPass:
    """One order, with what profilers share."""

    work: Profile
    folder: Path  #: of the order
    heartbeat: Heartbeat

    @contextmanager
    def service(self, under: Sequence[str] = ()) -> Iterator[Service]:
        """The service in one process, ready; it is stopped at the end.

        A program that starts it may stand ``under`` it.

        Raises:
            Failure: it does not start, does not end by itself, or another program answered.
        """
        spec = self.work.service
        alone = replace(
            spec,
            start_timeout_s=_START_S,
            stop_timeout_s=_STOP_S,
            settings=replace(spec.settings, workers=1),
        )
        cpus = self.work.placement.get("service")
        with Service(alone, folder=self.folder, cpus=cpus, under=under) as service:
            service.await_ready(self.heartbeat)
            yield service
            service.require_own()
            stopped = service.stop()
            if not stopped.in_time or stopped.exit_status:
                raise Failure(
                    "profiled-service",
                    f"the service ended with {stopped.exit_status} under the profiler: "
                    f"{last_logged(self.folder / 'service.log')}",
                    where=str(self.folder / "service.log"),
                    hint="read that log; without its end the profiler's files are not whole",
                )

    def drive(self, service: Service, name: str, *, share: float = 1.0) -> int:
        """Run the load to its end in a folder of its own; returns the answers in its window.

        Args:
            service: that it drives.
            name: of the folder.
            share: of the load's duration.

        Raises:
            Failure: the load's client failed.
        """
        own, load = self.folder / name, self.work.load.load
        own.mkdir()
        if isinstance(load, ClosedLoad):
            load = replace(load, duration_s=load.duration_s * share)
        sent, cpus = replace(self.work.load, load=load), self.work.placement["load"]
        target = generators.Target(name, service, sent, own, own, cpus, None)
        driven = generators.commands([target]).measured
        ended = command.run(
            driven.argv,
            program="generator",
            log=driven.log,
            stdout=driven.stdout,
            heartbeat=self.heartbeat,
            cpus=cpus,
            cwd=own,
        )
        report = own / Report.PATH
        if ended.exit_status or not report.exists():
            raise Failure(
                "profiled-load",
                f"the load on the profiled service ended with {ended.exit_status}: "
                f"{last_logged(driven.log)}",
                where=str(driven.log),
                hint="read that log and the service's",
            )
        return codec.read(report.read_bytes(), Report).requests_in_window

    def requests(self) -> Iterator[Request]:
        """The requests of the workload in their order, from the top again if they may be sent so.

        Raises:
            Failure: the table does not have so many.
        """
        tables = self.work.load.tables
        rows = read_table(Path(tables.measured))
        yield from cycle(rows) if tables.repeatable else rows
        raise Failure(
            "profiled-requests",
            "the workload has too few requests that may be sent once",
            where=tables.measured,
            hint="give the load a longer duration: the table is drawn for it",
        )

    def send(self, client: Client, requests: Iterator[Request], count: int) -> None:
        """Send so many requests, one after another on one connection.

        Raises:
            Failure: the service does not answer as it should.
        """
        for request in islice(requests, count):
            try:
                status = client.send(request.method, request.path, request.body).status
            except OSError as problem:
                raise self._unanswered(request, str(problem)) from problem
            if status != request.status:
                raise self._unanswered(request, f"status {status}")

    def _unanswered(self, request: Request, how: str) -> Failure:
        return Failure(
            "profiled-answer",
            f"{request.method} {request.path} was answered under the profiler by {how}",
            where=str(self.folder / "service.log"),
            hint="read the service's log",
        )

    @contextmanager
    def beside(self, argv: Sequence[str], log: Path, end: signal.Signals) -> Iterator[None]:
        """Run a profiler beside the service until the end of the block, and have it finish then.

        Raises:
            Failure: it ended by itself, or not with 0.
        """
        process = spawn(argv, program="tool", log=log, env=SHIPPED)
        try:
            yield
        finally:
            stop(process, timeout_s=_TOOL_STOP_S, polite=end)
        # Some programs end by the signal that they were asked to end with.
        if process.returncode not in (0, -end):
            raise failed(Path(argv[0]).name, process.returncode, log)

    def run(self, argv: Sequence[str], log: Path) -> None:
        """Run a program to its end.

        Raises:
            Failure: it failed.
        """
        ended = command.run(
            list(argv), program="tool", log=log, stdout=log, heartbeat=self.heartbeat
        )
        if ended.exit_status:
            raise failed(Path(argv[0]).name, ended.exit_status, log)


def failed(name: str, status: int, log: Path) -> Failure:
    """The failure of a profiler."""
    return Failure(
        "profiler-failed",
        f"{name} ended with {status}: {last_logged(log)}",
        where=str(log),
        hint="a host may forbid to look into other processes (ptrace): docs/profile.md",
    )


def version(name: str, argv: Sequence[str]) -> str:
    """A program with its version, by the last word that it prints when it is asked.

    Raises:
        Failure: it is not installed.
    """
    try:
        ended = subprocess.run(
            [*argv, "--version"],
            env=environment("tool"),
            capture_output=True,
            text=True,
            timeout=_VERSION_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as problem:
        raise Failure(
            "profiler-missing",
            f"{name} is not installed, or does not run here: {problem}",
            where=str(argv[0]),
            hint=f"install it (Debian, Ubuntu: {name}), or leave this profiler out",
        ) from None
    words = ended.stdout.split("\n", 1)[0].split()
    return f"{name} {words[-1].removeprefix(f'{name}-')}" if words else name
