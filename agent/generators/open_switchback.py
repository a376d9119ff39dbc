"""Open loops of the asyncio client on living services in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.generators import slices
from agent.generators.client import HASH_FRACTION
from bundle.generators.open_switchback import OpenSwitchback

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.generators.base import Commands, Target
    from bundle.generators.open_switchback import OpenSwitchbackLoad


def commands(load: OpenSwitchbackLoad, targets: Sequence[Target]) -> Commands:
    """One run of ``workloads.load.open_switchback``."""
    own = {
        "cpu": targets[0].cpus[0],
        "rate": load.rate,
        "arrivals": load.arrivals,
        "ramp_s": load.ramp_s,
        "hash_fraction": HASH_FRACTION,
    }
    return slices.commands(
        load,
        targets,
        name="open_switchback",
        own=own,
        report=OpenSwitchback,
        longest_s=load.slice_s,
    )
