"""Work of the kind ``diagnose``: what one request of each operation costs, and its answer.

Outside all measured windows: the service runs on one connection, through a proxy that counts, and
the database logs its statements.
"""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

from msgspec.structs import replace

from agent import server
from agent.failure import Failure
from agent.files import write_json
from agent.service import Service
from bundle.documents.readings import Pool
from workloads.diagnosis.examination import examine
from workloads.diagnosis.log import StatementLog
from workloads.diagnosis.proxy import Proxy

if TYPE_CHECKING:
    from pathlib import Path

    from agent.heartbeat import Heartbeat
    from agent.orders import Diagnose, ServiceSpec
    from bundle.documents.services import Observed


def carry_out(work: Diagnose, folder: Path, heartbeat: Heartbeat, observed: Observed) -> None:
    """Leave ``sql.json`` and ``answers.json`` in the order's folder.

    Observed: the service's health, how it ended.

    Raises:
        Failure: the service did not start or did not answer, or the server did not log.
    """
    psql = work.database.psql
    server.prepare(work.database)
    try:
        proxy = Proxy(psql.host, psql.port)
        spec = _through(proxy, work.service)
        with (
            StatementLog.on(psql, work.database.name) as log,
            Service(spec, folder=folder, cpus=None) as service,
            proxy,  # its threads come after the fork of the service
        ):
            service.await_ready(heartbeat)
            observed.health = service.health()
            sql, answers = examine(
                service.url, service=spec.settings.service, task=work.task, proxy=proxy, log=log
            )
            service.require_own()
            observed.port = service.port_record()
            observed.stop = service.stop()
    except (OSError, RuntimeError, http.client.HTTPException) as problem:
        raise Failure(
            "not-diagnosed",
            f"what a request costs could not be found out: {problem!r}",
            where=str(folder / "service.log"),
            hint="read the service's log; without its answers it cannot be compared with others",
        ) from problem
    write_json(folder / "sql.json", sql)
    write_json(folder / "answers.json", answers)


def _through(proxy: Proxy, spec: ServiceSpec) -> ServiceSpec:
    """The service on one connection through the proxy."""
    database = replace(spec.settings.database, host="127.0.0.1", port=proxy.port)
    pool = Pool(size=1, overflow=0)
    return replace(spec, settings=replace(spec.settings, workers=1, pool=pool, database=database))
