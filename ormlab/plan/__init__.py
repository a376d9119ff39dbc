"""Plans: what decides a run before it starts."""

from ormlab.plan.resolve import ResolvedPlan, load, resolve
from ormlab.plan.schedule import Planned
from ormlab.plan.schema import Plan

__all__ = ["Plan", "Planned", "ResolvedPlan", "load", "resolve"]
