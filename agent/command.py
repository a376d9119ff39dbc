"""The order ``command``: run one program to its end, and end it if nobody waits any more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from agent import processes

if TYPE_CHECKING:
    from pathlib import Path

    from agent.orders import Heartbeat, Order
    from host.environment import Program

_PERIOD_S = 1.0


def carry_out(order: Order, heartbeat: Heartbeat, observed: dict[str, Any]) -> None:
    """Run ``argv``; its output goes to ``stdout`` and ``log.txt`` in the order's folder.

    Its environment is that of a tool, unless the order names another kind of program.

    Observed: exit_status of the program, and the seconds it took.
    """
    observed |= run(
        order.body["argv"],
        program=order.body.get("program", "tool"),
        log=order.folder / "log.txt",
        stdout=order.folder / "stdout",
        heartbeat=heartbeat,
        env=order.body["env"],
    )


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
) -> dict[str, Any]:
    """Run a program under the order's heartbeat and deadline; `processes.spawn` has the arguments.

    Raises:
        Failure: ``abandoned`` or ``deadline``; the program has been ended.
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
    return {"exit_status": process.returncode, "seconds": time.monotonic() - started}
