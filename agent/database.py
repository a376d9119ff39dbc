"""Work of the kind ``database``: keep a cluster running during a run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psutil

from agent import processes
from agent.answers import Running
from agent.failure import Failure
from agent.files import write_json
from agent.postgres import Cluster
from agent.provisioned import ProvisionedCluster
from agent.server import identity
from workloads.diagnosis import log as statement_log

if TYPE_CHECKING:
    from agent.answers import Kept
    from agent.heartbeat import Heartbeat
    from agent.orders import KeepDatabase

_PERIOD_S = 0.5
# Whoever set them; without those that say where the server is and who may connect.
_SETTINGS = """
select json_object_agg(name, current_setting(name) order by name) from pg_settings
where source in ('configuration file', 'command line') and name not in (
    'cluster_name', 'config_file', 'data_directory', 'external_pid_file', 'hba_file', 'ident_file',
    'listen_addresses', 'port', 'unix_socket_directories')
"""


def carry_out(work: KeepDatabase, folder: Path, heartbeat: Heartbeat, observed: Kept) -> None:
    """Start the cluster, write ``ready.json``, keep it until SIGTERM, and stop it.

    Raises:
        Failure: the server could not start, or ended, or the orchestrator is gone.
    """
    cluster, log = _cluster(work), folder / "postgres.log"
    settings = cluster.profile(psutil.virtual_memory().total) | work.settings
    with cluster.lock():
        leftover = cluster.end_leftover()
        made = cluster.ensure_initialised()
        server = cluster.start(log=log, server_settings=settings, cpus=work.cpus)
        try:
            observed.server = Running(
                version=cluster.psql.run("show server_version"),
                pid=server.pid,
                identity=identity(cluster.psql),
                made=made,
                leftover_ended=leftover,
                settings=msgspec.json.decode(cluster.psql.run(_SETTINGS), type=dict[str, str]),
                psql=cluster.psql,
                logging=statement_log.logging(cluster.psql),
            )
            write_json(folder / "ready.json", observed.server)
            _hold(server.pid, heartbeat, log)
        finally:
            observed.stopped_cleanly = cluster.stop(server)
            shutil.rmtree(cluster.data / statement_log.FOLDER, ignore_errors=True)


def _cluster(work: KeepDatabase) -> Cluster:
    where = (Path(work.cluster), Path(work.binaries), work.port)
    if work.configuration is None:
        return Cluster(*where, listen=work.listen, allow=work.allow)
    return ProvisionedCluster(
        *where, listen=work.listen, allow=work.allow, configuration=Path(work.configuration)
    )


def _hold(pid: int, heartbeat: Heartbeat, log: Path) -> None:
    """Return at SIGTERM; raise when the server or the orchestrator is gone."""
    try:
        with processes.Watch() as watch:
            watch.add("postgres", pid)
            watch.until_one_ends(
                deadline=heartbeat.deadline + 1, period_s=_PERIOD_S, tick=heartbeat.check
            )
    except Failure as failure:
        if failure.code != "interrupted":
            raise
        return
    raise Failure(
        "database-died",
        "PostgreSQL ended in the middle of the run",
        where=str(log),
        hint="read the log; the run can be resumed",
    )
