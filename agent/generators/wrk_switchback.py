"""wrk on living services in turn, by a program that starts it for each slice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.generators import slices
from bundle.generators.wrk_switchback import WrkSwitchback

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.generators.base import Commands, Target
    from bundle.generators.wrk_switchback import WrkSwitchbackLoad


def commands(load: WrkSwitchbackLoad, targets: Sequence[Target]) -> Commands:
    """One run of ``workloads.load.wrk_switchback``."""
    return slices.commands(
        load,
        targets,
        name="wrk_switchback",
        own={"threads": load.threads},
        report=WrkSwitchback,
        longest_s=load.timeout_s,
    )
