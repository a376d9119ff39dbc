"""The order ``database``: keep a cluster up for the length of a run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from agent import processes
from agent.failure import Failure
from agent.orders import write_json
from agent.postgres import Cluster
from agent.provisioned import ProvisionedCluster
from agent.server import identity
from workloads.diagnosis import log as statement_log

if TYPE_CHECKING:
    from agent.orders import Heartbeat, Order

_PERIOD_S = 0.5
# As the server has them, whoever set them: but not where it is, or who reaches it.
_SETTINGS = """
select json_object_agg(name, current_setting(name) order by name) from pg_settings
where source in ('configuration file', 'command line') and name not in (
    'cluster_name', 'config_file', 'data_directory', 'external_pid_file', 'hba_file', 'ident_file',
    'listen_addresses', 'port', 'unix_socket_directories')
"""


def carry_out(order: Order, heartbeat: Heartbeat, observed: dict[str, Any]) -> None:
    """Start the cluster, say so in ``ready.json``, hold it until SIGTERM, and stop it.

    Observed: version, process, settings, how to reach it, what it logs, and how it stopped.

    Raises:
        Failure: it could not start, it died meanwhile, or the orchestrator is gone.
    """
    body = order.body
    cluster = _cluster(body)
    chosen = cluster.profile(psutil.virtual_memory().total) | body.get("settings", {})
    with cluster.lock():
        leftover = cluster.end_leftover()
        made = cluster.ensure_initialised()
        server = cluster.start(
            log=order.folder / "postgres.log",
            server_settings=chosen,
            cpus=body["placement"]["database"],
        )
        observed |= {
            "version": cluster.psql.run("show server_version"),
            "pid": server.pid,
            "identity": identity(cluster.psql),
            "made": made,
            "leftover_ended": leftover,
            "settings": json.loads(cluster.psql.run(_SETTINGS)),
            "psql": cluster.psql.__dict__,
            "logging": statement_log.logging(cluster.psql),
        }
        try:
            write_json(order.folder / "ready.json", observed)
            _hold(server.pid, heartbeat, order)
        finally:
            observed["stopped_cleanly"] = cluster.stop(server)
            shutil.rmtree(cluster.data / statement_log.FOLDER, ignore_errors=True)


def _cluster(body: dict[str, Any]) -> Cluster:
    where = (Path(body["cluster"]), Path(body["binaries"]), int(body["port"]))
    listen, allow = body.get("listen"), tuple(body.get("allow", ()))
    if configuration := body.get("configuration"):
        return ProvisionedCluster(
            *where, listen=listen, allow=allow, configuration=Path(configuration)
        )
    return Cluster(*where, listen=listen, allow=allow)


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
