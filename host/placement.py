"""Which CPUs serve which purpose: a plan from the kernel's own topology.

The tiers say how well the purposes can be kept apart: ``exclusive-l3``, ``exclusive-core``,
``degraded`` or ``none``. Results of different tiers are never compared.

The agent plans with it before a run, and the role cpu_pinning when it sets up the host.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

from .cpus import as_list
from .levels import lowest
from .topology import read_boost, read_topology

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from .levels import Tier
    from .topology import Topology

Layout = Literal["dut_alone", "db_alone", "same_ccd"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
KEPT = "var/lib/ormlab/placement.json"
VERDICT = "var/lib/ormlab/verdict.json"
PURPOSES = ("housekeeping", "load", "database", "service")

_SERVICE_CORES = 3  # a Ryzen 9 3900X has three to an L3 cache
_CACHE_FOR_EACH = 4
_CORES_FOR_EXCLUSIVE = 4
_CORES_FOR_TWO_LOAD = 8
_CORES_FOR_TWO_OF_EACH = 6  # of a cache that housekeeping, load generator and database share
_EFFICIENT_LOAD_CORES = 4
_MIB = 1024


@dataclass(frozen=True)
class Placement:
    """The plan: disjoint on tiers that promise it, never empty, whole cores only."""

    tier: Tier
    layout: Layout
    housekeeping: tuple[int, ...]
    load: tuple[int, ...]
    database: tuple[int, ...]
    service: tuple[int, ...]
    why: tuple[str, ...]  #: the reasons for the choice and for the tier, a sentence each


@dataclass(frozen=True)
class _Cores:
    """A plan in cores: indices into those of the topology."""

    tier: Tier
    housekeeping: Sequence[int]
    load: Sequence[int]
    database: Sequence[int]
    service: Sequence[int]
    why: tuple[str, ...]

    @property
    def groups(self) -> tuple[Sequence[int], ...]:
        """The cores of each of PURPOSES."""
        return self.housekeeping, self.load, self.database, self.service


def read_plan(root: Path, layout: Layout | None = None) -> Placement:
    """Plan a host; without ``layout``, by the layout for which it was provisioned."""
    chosen = _provisioned(root, KEPT, "layout", LAYOUTS[0]) if layout is None else layout
    return plan(read_topology(root), chosen, boost=read_boost(root))


def read_tier(root: Path, planned: Placement) -> Tier:
    """The tier of a host: the plan's, or the lower one that provisioning could tune it for.

    Raises:
        ValueError: the verdict that the roles wrote names no tier.
    """
    return lowest(planned.tier, _provisioned(root, VERDICT, "tier", planned.tier))


def _provisioned[T](root: Path, path: str, key: str, otherwise: T) -> T:
    """A value from a file of the roles; ``otherwise`` on a host that they have not provisioned."""
    try:
        document = json.loads((root / path).read_text())
    except FileNotFoundError:
        return otherwise
    value: T = document.get(key, otherwise)
    return value


def plan(topology: Topology, layout: Layout, *, boost: str | None) -> Placement:
    """Choose the CPUs of each purpose.

    - two or three L3 caches, of at least 3 cores for the service and 4 for what shares the other:
      housekeeping and load on the first, by the layout ``dut_alone`` the database beside them and
      the service alone (``exclusive-l3``); ``db_alone`` exchanges the two; ``same_ccd`` halves the
      service's cache between them, and leaves the rest idle so that nothing else moves;
    - four L3 caches or more: each purpose has one of its own;
    - efficient cores beside the fast ones: housekeeping and load on the efficient ones;
    - from 4 cores: no core is shared between purposes (``exclusive-core``);
    - 3: housekeeping and load share one (``degraded``);
    - 2: CPU 0 does all but the service (``degraded``, good for smoke tests only);
    - 1: nothing can be kept apart (``none``).

    With several memory nodes the plan stays in one that has two L3 caches or more, if there is
    one. The service takes the smallest cache: a stacked one, as in a 7950X3D, is the exception
    among processors.

    ``exclusive-l3`` promises that the service has an L3 cache of its own and that every core runs
    at one clock: another layout, or boost that is not known to be off, is ``exclusive-core``. The
    first chiplet of a 7950X boosts up to 300 MHz higher than the second.

    The topology is that after SMT was set.
    """
    chosen = _chosen(topology, layout)
    chosen = _limited(chosen, topology, layout, boost)
    idle = sorted(set(range(len(topology.cores))) - {i for group in chosen.groups for i in group})
    if idle:
        said = f"CPUs {_listed(topology, idle)} stay idle, so that nothing runs beside the measured"
        chosen = replace(chosen, why=(*chosen.why, f"{said} purposes."))
    housekeeping, load, database, service = (
        tuple(sorted(_cpus(topology, group))) for group in chosen.groups
    )
    return Placement(chosen.tier, layout, housekeeping, load, database, service, chosen.why)


def _chosen(topology: Topology, layout: Layout) -> _Cores:
    """The best rule that the host has cores for, near before far."""
    every = range(len(topology.cores))
    fast = [index for index in every if index not in topology.efficient]
    if topology.efficient:
        return _of_two_kinds(topology, fast, layout)
    if len(topology.nodes) > 1:
        node = max(topology.nodes, key=len)
        near = f"All purposes stay on the memory node of CPUs {_listed(topology, node)}."
        if found := _by_cache(topology, node, layout):
            return replace(found, why=(near, *found.why))
        if found := _by_cache(topology, fast, layout):
            far = "Purposes lie on several memory nodes, because none has two L3 caches."
            return replace(found, why=(far, *found.why))
        if len(node) >= _CORES_FOR_EXCLUSIVE:
            return replace(_by_core(node, layout), why=(near,))
    return _by_cache(topology, fast, layout) or _by_core(every, layout)


def _by_cache(topology: Topology, among: Sequence[int], layout: Layout) -> _Cores | None:
    """A cache for the service alone; None where these cores do not have two caches."""
    sizes = topology.l3_kib or (None,) * len(topology.l3)
    caches = [
        (domain, size or 0)
        for domain, size in zip(topology.l3, sizes, strict=True)
        if set(domain) <= set(among) and len(domain) >= _SERVICE_CORES
    ][:_CACHE_FOR_EACH]
    if len(caches) < 2:  # noqa: PLR2004 - the service's, and another
        return None
    smallest = min(size for _, size in caches)
    mine = next(cache for cache in reversed(caches) if cache[1] == smallest)
    rest = [cache for cache in caches if cache is not mine]
    service = mine[0]
    if len(rest) == 1:
        shared = rest[0][0]
        if len(shared) < _CORES_FOR_EXCLUSIVE:
            return None
        each = 1 + (len(shared) >= _CORES_FOR_TWO_OF_EACH)
        housekeeping, load, database = shared[:each], shared[each : 2 * each], shared[2 * each :]
    elif len(rest) == 2:  # noqa: PLR2004 - housekeeping and load share one, the database has one
        (shared, _), (database, _) = rest
        each = (len(shared) + 1) // 2
        housekeeping, load = shared[:each], shared[each:]
    else:
        housekeeping = rest[0][0]
        load, database = (cores for cores, _ in sorted(rest[1:], key=lambda cache: cache[1]))
    if layout == "db_alone":
        database, service = service, database
    elif layout == "same_ccd":
        half = len(service) // 2
        database, service = service[:half], service[half:]
    alone, it = ("The database" if layout == "db_alone" else "The service"), "has {} to itself"
    if layout == "same_ccd":
        alone, it = "Service and database together", "have {} to themselves"
    why = [f"{alone} {it.format(f'the L3 cache of {_cache(topology, mine)}')}."]
    if len({size for _, size in caches}) > 1:
        larger = max(rest, key=lambda cache: cache[1])
        why.append(
            f"That is the smaller cache, as most processors have; {_cache(topology, larger)} share "
            "the larger one."
        )
    return _Cores("exclusive-l3", housekeeping, load, database, service, tuple(why))


def _of_two_kinds(topology: Topology, fast: Sequence[int], layout: Layout) -> _Cores:
    """Service and database on the fast cores, as far as there are enough; the rest on the slow."""
    slow = topology.efficient
    if len(slow) < 2:  # noqa: PLR2004 - housekeeping and load
        return _by_core([*slow, *fast], layout)
    load_end = 1 + min(_EFFICIENT_LOAD_CORES, (len(slow) + 1) // 2)
    housekeeping, load, left = slow[:1], slow[1:load_end], slow[load_end:]
    if len(fast) >= _CORES_FOR_EXCLUSIVE:
        database, service = fast[: len(fast) // 2], fast[len(fast) // 2 :]
        why = "Service and database have the fast cores, housekeeping and load efficient ones."
    elif left:
        database, service = left, fast
        alone, other = ("database", "service") if layout == "db_alone" else ("service", "database")
        why = f"The {alone} has the fast cores, which are too few for the {other} as well."
    else:
        return _by_core([*slow, *fast], layout)
    if layout == "db_alone":
        database, service = service, database
    return _Cores("exclusive-core", housekeeping, load, database, service, (why,))


def _by_core(cores: Sequence[int], layout: Layout) -> _Cores:
    """Cores by purpose where nothing but their number is known or matters."""
    tier: Tier
    if len(cores) >= _CORES_FOR_EXCLUSIVE:
        load_end = 2 + (len(cores) >= _CORES_FOR_TWO_LOAD)
        database_end = load_end + (len(cores) - load_end) // 2
        tier, load = "exclusive-core", cores[1:load_end]
        database, service = cores[load_end:database_end], cores[database_end:]
        why = "There is no second L3 cache that is large enough, so all purposes share one."
    else:
        tier, load = ("degraded" if len(cores) > 1 else "none"), cores[:1]
        database, service = cores[-2:-1] or cores, cores[-1:]
        few = "One core is" if len(cores) == 1 else f"{len(cores)} cores are"
        why = f"{few} too few for four purposes."
    if layout == "db_alone":
        database, service = service, database
    return _Cores(tier, cores[:1], load, database, service, (why,))


def _limited(chosen: _Cores, topology: Topology, layout: Layout, boost: str | None) -> _Cores:
    """The plan with the tier that holds under these conditions, and the reason for a lower one."""
    tier, why = chosen.tier, []
    if tier == "exclusive-l3" and layout != "dut_alone":
        tier = "exclusive-core"
        why.append(f"The layout {layout} takes the service's own L3 cache away.")
    if tier == "exclusive-l3" and boost != "off":
        tier = "exclusive-core"
        state = "no switch says whether boost is off" if boost is None else f"boost is {boost}"
        why.append(f"The cores do not run at one clock for certain, because {state}.")
    split = {index for group in chosen.groups for index in group} & set(topology.split)
    if split:
        tier = lowest(tier, "degraded")
        why.append(
            f"Another thread of the cores of CPUs {_listed(topology, split)} belongs to another "
            "cpuset, so foreign programs may share these cores."
        )
    return replace(chosen, tier=tier, why=(*chosen.why, *why))


def _cpus(topology: Topology, cores: Iterable[int]) -> list[int]:
    return [cpu for index in cores for cpu in topology.cores[index]]


def _listed(topology: Topology, cores: Iterable[int]) -> str:
    return as_list(_cpus(topology, cores))


def _cache(topology: Topology, cache: tuple[Sequence[int], int]) -> str:
    """A cache by its CPUs and its size, if the kernel says it."""
    cores, kib = cache
    return f"CPUs {_listed(topology, cores)}" + (f" ({kib // _MIB} MiB)" if kib else "")
