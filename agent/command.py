"""Work of the kind ``command``: run one program to its end, or until nobody waits for it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent import processes

if TYPE_CHECKING:
    from pathlib import Path

    from agent.heartbeat import Heartbeat
    from agent.orders import RunCommand
    from bundle.documents.services import Observed
    from host.environment import Program

_PERIOD_S = 1.0


@dataclass(frozen=True)
class Ended:
    """How a program ended: its exit status, negative for a signal, and the seconds it ran."""

    exit_status: int
    seconds: float

    def note(self, observed: Observed) -> None:
        """Record it."""
        observed.exit_status, observed.seconds = self.exit_status, self.seconds


def carry_out(work: RunCommand, folder: Path, heartbeat: Heartbeat, observed: Observed) -> None:
    """Run the program; ``stdout`` and ``log.txt`` in the order's folder get its output."""
    run(
        work.argv,
        program=work.program,
        log=folder / "log.txt",
        stdout=folder / "stdout",
        heartbeat=heartbeat,
        env=work.env,
    ).note(observed)


def run(
    argv: list[str],
    *,
    program: Program,
    log: Path,
    stdout: Path,
    heartbeat: Heartbeat,
    env: dict[str, str] | None = None,
    cpus: list[int] | None = None,
    cwd: Path | None = None,
) -> Ended:
    """Run a program under the order's heartbeat and deadline; `processes.spawn` has the arguments.

    Raises:
        Failure: ``abandoned`` or ``deadline``; the program is stopped.
    """
    started = time.monotonic()
    variables = {**processes.SHIPPED, **(env or {})}
    process = processes.spawn(
        argv, program=program, log=log, stdout=stdout, env=variables, cpus=cpus, cwd=cwd
    )
    try:
        with processes.Watch() as watch:
            watch.add("program", process.pid)
            watch.until_one_ends(
                deadline=heartbeat.deadline + 1, period_s=_PERIOD_S, tick=heartbeat.check
            )
    finally:
        processes.stop(process, timeout_s=5)
    return Ended(process.returncode, time.monotonic() - started)
