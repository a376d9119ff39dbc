"""The asyncio client on living services in turn, which it also warms up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.generators import slices
from agent.generators.client import HASH_FRACTION
from bundle.generators.switchback import SLICES_S, Switchback

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.generators.base import Commands, Target
    from bundle.generators.switchback import SwitchbackLoad


def commands(load: SwitchbackLoad, targets: Sequence[Target]) -> Commands:
    """One run of ``workloads.load.switchback``."""
    own = {"cpu": targets[0].cpus[0], "hash_fraction": HASH_FRACTION}
    return slices.commands(
        load, targets, name="switchback", own=own, report=Switchback, longest_s=SLICES_S[-1]
    )
