"""Plans: what decides a run before it starts."""

from ormlab.plan.duration import Duration, duration
from ormlab.plan.profiles import under
from ormlab.plan.resolve import ResolvedPlan, load, resolve
from ormlab.plan.schedule import Planned
from ormlab.plan.schema import Plan, Profile

__all__ = [
    "Duration",
    "Plan",
    "Planned",
    "Profile",
    "ResolvedPlan",
    "duration",
    "load",
    "resolve",
    "under",
]
