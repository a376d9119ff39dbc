"""The order ``database``: keep a private cluster up for the length of a run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from agent import processes
from agent.failure import Failure
from agent.orders import write_json
from agent.postgres import Cluster, settings
from workloads.diagnosis import log as statement_log

if TYPE_CHECKING:
    from agent.orders import Heartbeat, Order

_PERIOD_S = 0.5


def carry_out(order: Order, heartbeat: Heartbeat, observed: dict[str, Any]) -> None:
    """Start the cluster, say so in ``ready.json``, hold it until SIGTERM, and stop it.

    Observed: version, process, settings, how to reach it, what it logs, and how it stopped.

    Raises:
        Failure: it could not start, it died meanwhile, or the orchestrator is gone.
    """
    body = order.body
    cluster = Cluster(
        Path(body["cluster"]),
        Path(body["binaries"]),
        int(body["port"]),
        listen=body.get("listen"),
        allow=tuple(body.get("allow", ())),
    )
    server_settings = settings(psutil.virtual_memory().total) | body.get("settings", {})
    with cluster.lock():
        leftover = cluster.end_leftover()
        made = cluster.ensure_initialised()
        server = cluster.start(
            log=order.folder / "postgres.log",
            server_settings=server_settings,
            cpus=body["placement"]["database"],
        )
        observed |= {
            "version": cluster.psql.run("show server_version"),
            "pid": server.pid,
            "made": made,
            "leftover_ended": leftover,
            "settings": server_settings,
            "psql": cluster.psql.__dict__,
            "logging": statement_log.logging(cluster.psql),
        }
        try:
            write_json(order.folder / "ready.json", observed)
            _hold(server.pid, heartbeat, order)
        finally:
            observed["stopped_cleanly"] = cluster.stop(server)
            shutil.rmtree(cluster.data / statement_log.FOLDER, ignore_errors=True)


def _hold(pid: int, heartbeat: Heartbeat, order: Order) -> None:
    """Return when told to stop; raise when the server or the orchestrator is gone."""
    try:
        with processes.Watch() as watch:
            watch.add("postgres", pid)
            watch.until_one_ends(
                deadline=heartbeat.deadline + 1, period_s=_PERIOD_S, tick=heartbeat.check
            )
    except Failure as told:
        if told.code != "interrupted":
            raise
        return
    raise Failure(
        "database-died",
        "PostgreSQL ended in the middle of the run",
        where=str(order.folder / "postgres.log"),
        hint="read the log; the run can be resumed",
    )
