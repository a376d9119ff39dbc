"""The order ``diagnose``: what one request of each operation costs, and what is answered to it.

Outside all measured windows: the service runs on one connection, through a proxy that counts, and
the database logs its statements.
"""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Any

from agent import server
from agent.failure import Failure
from agent.orders import write_json
from agent.service import Service
from workloads.diagnosis.examination import Task, examine
from workloads.diagnosis.log import StatementLog
from workloads.diagnosis.proxy import Proxy
from workloads.psql import Psql

if TYPE_CHECKING:
    from agent.orders import Heartbeat, Order


def carry_out(order: Order, heartbeat: Heartbeat, observed: dict[str, Any]) -> None:
    """Leave ``sql.json`` and ``answers.json`` in the order's folder.

    Observed: the service's health, how it ended.

    Raises:
        Failure: the service did not start or did not answer, or the server did not log.
    """
    body = order.body
    database, spec = body["database"], body["service"]
    psql, name = Psql(**database["psql"]), database["name"]
    server.require_own(psql, database["identity"])
    server.restore(psql, database["template"], name)
    try:
        proxy = Proxy(psql.host, psql.port)
        spec["settings"] = _through(proxy, spec["settings"])
        with (
            StatementLog.on(psql, name) as log,
            Service(spec, folder=order.folder, cpus=None) as service,
            proxy,  # its threads come after the fork of the service
        ):
            service.await_ready(heartbeat)
            observed["health"] = service.health
            sql, answers = examine(
                service.url,
                service=spec["settings"]["service"],
                task=Task.load(body["task"]),
                proxy=proxy,
                log=log,
            )
            service.require_own()
            observed["port"] = service.port_record()
            observed["stop"] = service.stop()
    except (OSError, RuntimeError, http.client.HTTPException) as problem:
        raise Failure(
            "not-diagnosed",
            f"what a request costs could not be found out: {problem!r}",
            where=str(order.folder / "service.log"),
            hint="read the service's log; without its answers it cannot be compared with others",
        ) from problem
    write_json(order.folder / "sql.json", sql)
    write_json(order.folder / "answers.json", answers)


def _through(proxy: Proxy, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a service on one connection through the proxy."""
    return settings | {
        "workers": 1,
        "pool": {"size": 1, "overflow": 0},
        "database": settings["database"] | {"host": "127.0.0.1", "port": proxy.port},
    }
