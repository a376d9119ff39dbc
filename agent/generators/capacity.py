"""The search for a capacity: a closed loop of the asyncio client, and then many open ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.generators import client

if TYPE_CHECKING:
    from agent.generators.base import Commands, Target
    from bundle.generators.capacity import CapacityLoad


def commands(load: CapacityLoad, target: Target) -> Commands:
    """One run of ``workloads.load.capacity``."""
    warmup = {"loop": "closed", "duration_s": load.warmup_s, **client.common(load, target)}
    settings = {
        "client": warmup,
        "limit_s": load.duration_s,
        "arrivals": load.arrivals,
        "objective_ms": load.objective_ms,
        "loss_ratio": load.loss_ratio,
        "width": load.width,
        "probe_s": load.probe_s,
        "probes": load.probes,
    }
    return target.module("capacity", settings, load.duration_s + load.warmup_s)
