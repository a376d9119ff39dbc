"""Profile and tier: how strictly a host is judged, and how well its CPUs are kept apart."""

from __future__ import annotations

from typing import Literal, get_args

type Profile = Literal["smoke", "vm", "bare-metal"]
"""How strict a plan or a role is about its hosts, the mildest first."""
type Tier = Literal["none", "degraded", "exclusive-core", "exclusive-l3"]
"""How well the CPUs of service, database and load generator are kept apart, the worst first."""

PROFILES: tuple[Profile, ...] = get_args(Profile.__value__)
TIERS: tuple[Tier, ...] = get_args(Tier.__value__)
SHARING_TIERS: frozenset[Tier] = frozenset({"none", "degraded"})
"""Tiers on which load generator and database share a core."""
MEANINGS: dict[Tier, str] = {
    "exclusive-l3": "the service has an L3 cache of its own, no purpose shares a core, and all "
    "cores run at one clock",
    "exclusive-core": "no purpose shares a core, but the L3 cache is shared, or clocks may differ",
    "degraded": "something else may run on a core of the service's, the database's or the load "
    "generator's, or a setting cannot be made: good for smoke tests and estimates",
    "none": "everything shares one core: no purpose can be measured alone",
}
"""What each tier means for a measurement."""


def lowest(*tiers: Tier) -> Tier:
    """The worst of some tiers."""
    return min(tiers, key=TIERS.index)
