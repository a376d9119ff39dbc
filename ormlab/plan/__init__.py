"""Plans: what decides a run before it starts.

resolve      from a plan as written to one in which nothing is implicit, with its digest
meaning      what a plan of the right form gets wrong: operations, searches
explanation  the subjects that an explanation adds
schedule     the order of the trials
duration     how long they take
"""

from bundle.documents.plan import Plan
from host.levels import Profile
from ormlab.plan.duration import Duration, duration
from ormlab.plan.resolve import ResolvedPlan, load, resolve, under
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
