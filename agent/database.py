"""Work of the kind ``database``: keep a database server running during a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

from agent import processes
from agent.answers import Running
from agent.databases import known
from agent.failure import Failure
from agent.files import write_json

if TYPE_CHECKING:
    from pathlib import Path

    from agent.answers import Kept
    from agent.heartbeat import Heartbeat
    from agent.orders import KeepDatabase

LOG = "server.log"
"""Name of the server's log in the folder of the order."""
_PERIOD_S = 0.5


def carry_out(work: KeepDatabase, folder: Path, heartbeat: Heartbeat, observed: Kept) -> None:
    """Start the server, write ``ready.json``, keep it until SIGTERM, and stop it.

    Raises:
        Failure: the server could not start, or ended, or the orchestrator is gone.
    """
    instance, log = known.instance(work), folder / LOG
    settings = instance.profile(psutil.virtual_memory().total) | work.settings
    with instance.lock():
        leftover = instance.end_leftover()
        made = instance.ensure_initialised()
        server = instance.start(log=log, server_settings=settings, cpus=work.cpus)
        client = instance.client
        try:
            observed.server = Running(
                version=client.version(),
                pid=server.pid,
                identity=client.identity(),
                made=made,
                leftover_ended=leftover,
                settings=client.settings(),
                server=client.server,
                logging=client.logging(),
            )
            write_json(folder / "ready.json", observed.server)
            _hold(client.title, server.pid, heartbeat, log)
        finally:
            observed.stopped_cleanly = instance.stop(server)
            instance.forget_recordings()


def _hold(title: str, pid: int, heartbeat: Heartbeat, log: Path) -> None:
    """Return at SIGTERM; raise when the server or the orchestrator is gone."""
    try:
        with processes.Watch() as watch:
            watch.add("database", pid)
            watch.until_one_ends(
                deadline=heartbeat.deadline + 1, period_s=_PERIOD_S, tick=heartbeat.check
            )
    except Failure as failure:
        if failure.code != "interrupted":
            raise
        return
    raise Failure(
        "database-died",
        f"{title} ended in the middle of the run",
        where=str(log),
        hint="read the log; the run can be resumed",
    )
