"""The order ``floor``: what a load generator reaches against an endpoint that does no work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent import command, generator
from agent.failure import Failure, last_logged
from agent.service import reached

if TYPE_CHECKING:
    from agent.orders import Heartbeat, Order

ENDPOINT = "workloads.load.static"


def carry_out(order: Order, heartbeat: Heartbeat, observed: dict[str, Any]) -> None:
    """Drive the endpoint, where services run, with the order's load; its files stay as they are.

    Observed: exit status and seconds of the generator.

    Raises:
        Failure: the endpoint or the generator could not be started, or the latter failed.
    """
    placement, spec = order.body["placement"], order.body["service"]
    with reached(
        spec, folder=order.folder, cpus=placement.get("service"), module=ENDPOINT
    ) as endpoint:
        endpoint.await_ready(heartbeat)
        measured = generator.prepare(
            order.body["load"], folder=order.folder, service=endpoint
        ).measured
        observed |= command.run(
            measured.argv,
            program="generator",
            log=measured.log,
            stdout=measured.stdout,
            cpus=placement["load"],
            cwd=order.folder,
            heartbeat=heartbeat,
        )
        endpoint.require_own()
    absent = [path.name for path in measured.outputs if not path.exists()]
    if observed["exit_status"] != 0 or absent:
        raise Failure(
            "floor",
            f"{measured.name} ended with {observed['exit_status']} against the static endpoint: "
            f"{last_logged(measured.log)}",
            where=str(measured.log),
            hint="see that log; a generator that cannot drive this cannot drive a service",
        )
