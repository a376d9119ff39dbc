"""Work of the kind ``floor``: what a load generator reaches by itself, against no real service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent import command, generators
from agent.failure import Failure, last_logged
from agent.service import reached

if TYPE_CHECKING:
    from pathlib import Path

    from agent.heartbeat import Heartbeat
    from agent.orders import FindFloor
    from bundle.documents.services import Observed


def carry_out(work: FindFloor, folder: Path, heartbeat: Heartbeat, observed: Observed) -> None:
    """Drive the endpoint, where services run, with the order's load; its files stay as they are.

    Observed: exit status and seconds of the generator.

    Raises:
        Failure: the endpoint or the generator could not be started, or the latter failed.
    """
    with reached(work.endpoint, folder=folder, cpus=work.placement.get("service")) as endpoint:
        endpoint.await_ready(heartbeat)
        cpus = work.placement["load"]
        measured = generators.commands(
            [generators.Target("floor", endpoint, work.load, folder, folder, cpus, None)]
        ).measured
        ended = command.run(
            measured.argv,
            program="generator",
            log=measured.log,
            stdout=measured.stdout,
            cpus=cpus,
            cwd=folder,
            heartbeat=heartbeat,
        )
        ended.note(observed)
        endpoint.require_own()
    absent = [path.name for path in measured.outputs if not path.exists()]
    if ended.exit_status != 0 or absent:
        raise Failure(
            "floor",
            f"{measured.name} ended with {ended.exit_status} against the static endpoint: "
            f"{last_logged(measured.log)}",
            where=str(measured.log),
            hint="see that log; a generator that cannot drive this cannot drive a service",
        )
