"""How long a plan takes, estimated from the plan alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ormlab.plan.resolve import ResolvedPlan

_OVERHEAD_S = 2.5  # of a trial beyond its load, as seen; a pilot knows better


@dataclass(frozen=True)
class Duration:
    """Seconds that a plan takes once it measures; setting up comes on top."""

    measured_s: float  #: inside the windows
    expected_s: float  #: warm-up, and what surrounds slices and trials, included
    at_most: bool  #: some load ends when its work is done, its duration being a limit only


def duration(resolved: ResolvedPlan) -> Duration:
    """Estimate how long a plan takes."""
    loads = resolved.plan.loads
    measured = sum(loads[trial.load].duration_s for trial in resolved.trials)
    driven = sum(loads[trial.load].takes_s(1) for trial in resolved.trials)
    at_most = any(load.may_end_early for load in loads.values())
    return Duration(measured, driven + _OVERHEAD_S * len(resolved.trials), at_most)
