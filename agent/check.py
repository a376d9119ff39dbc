"""The order ``check``: start a service on a throwaway database and run a program against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent import command, server
from agent.service import Service
from workloads.psql import Psql

if TYPE_CHECKING:
    from agent.orders import Heartbeat, Order


def carry_out(order: Order, heartbeat: Heartbeat, observed: dict[str, Any]) -> None:
    """Run ``argv`` while the service answers.

    In it ``{url}`` stands for the service's address and ``{folder}`` for the order's folder.

    Observed: the service's health, the program's exit_status and seconds, how the service ended.
    """
    body = order.body
    database = body["database"]
    psql = Psql(**database["psql"])
    server.require_own(psql, database["identity"])
    server.restore(psql, database["template"], database["name"])
    with Service(
        body["service"], folder=order.folder, cpus=body["placement"]["service"]
    ) as service:
        service.await_ready(heartbeat)
        observed["health"] = service.health
        places = {"{url}": service.url, "{folder}": str(order.folder)}
        argv = [_fill(part, places) for part in body["argv"]]
        observed |= command.run(
            argv,
            program="tool",
            log=order.folder / "log.txt",
            stdout=order.folder / "stdout",
            heartbeat=heartbeat,
            env=body["env"],
        )
        service.require_own()
        observed["port"] = service.port_record()
        observed["stop"] = service.stop()


def _fill(text: str, places: dict[str, str]) -> str:
    for place, value in places.items():
        text = text.replace(place, value)
    return text
