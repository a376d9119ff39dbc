"""The lab's asyncio client, which warms up by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.generators.client import ClosedLoad, OpenLoad

if TYPE_CHECKING:
    from agent.generators.base import Commands, Target
    from bundle.generators.capacity import CapacityLoad

HASH_FRACTION = 0.01  # of the answers


def commands(load: ClosedLoad | OpenLoad, target: Target) -> Commands:
    """One run of ``workloads.load.client``."""
    own: dict[str, object] = (
        {"loop": "closed", "requests_total": load.requests_total}
        if isinstance(load, ClosedLoad)
        else {"loop": "open", "rate": load.rate, "arrivals": load.arrivals}
    )
    times = {"duration_s": load.duration_s, "warmup_s": load.warmup_s, "timeout_s": load.timeout_s}
    settings = {**own, **times, **common(load, target)}
    return target.module("client", settings, load.duration_s + load.warmup_s)


def common(load: ClosedLoad | OpenLoad | CapacityLoad, target: Target) -> dict[str, object]:
    """The settings of every loop of the client; `workloads.load.client.spec`."""
    return {
        "host": target.service.host,
        "port": target.service.port,
        "connections": load.connections,
        "processes": load.processes,
        "cpus": target.shared_cpus(load.processes),
        "seed": target.sent.seed,
        "table": target.table,
        "repeatable": target.sent.tables.repeatable,
        "hash_fraction": HASH_FRACTION,
    }
