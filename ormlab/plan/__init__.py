"""Plans: what decides a run before it starts.

resolve      from a plan as written to one in which nothing is implicit, with its digest
meaning      what a plan of the right form gets wrong: operations, searches
explanation  the subjects that an explanation adds
schedule     the order of the trials
duration     how long they take
overrides    what the command line has in place of a plan's own values
overview     the plans that the lab ships
"""

from bundle.documents.plan import Plan
from host.levels import Profile
from ormlab.plan.duration import Duration, duration, overhead_s
from ormlab.plan.overrides import Overrides
from ormlab.plan.overview import ShippedPlan, overview
from ormlab.plan.resolve import ResolvedPlan, load, resolve, shipped, under
from ormlab.plan.schedule import Planned

__all__ = [
    "Duration",
    "Overrides",
    "Plan",
    "Planned",
    "Profile",
    "ResolvedPlan",
    "ShippedPlan",
    "duration",
    "load",
    "overhead_s",
    "overview",
    "resolve",
    "shipped",
    "under",
]
