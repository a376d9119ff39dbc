"""Plans: what decides a run before it starts."""

from bundle.documents.plan import Plan
from host.levels import Profile
from ormlab.plan.duration import Duration, duration
from ormlab.plan.profiles import under
from ormlab.plan.resolve import ResolvedPlan, load, resolve
from ormlab.plan.schedule import Planned

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
