"""Which CPUs serve which purpose: a pure plan made from the kernel's own topology.

The tiers say how well the purposes can be kept apart: ``exclusive-l3``, ``exclusive-core``,
``degraded`` or ``none``. Results of different tiers are never compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.processes import cpu_list

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_CPUS = "sys/devices/system/cpu"
_CORES_FOR_L3 = 6
_CORES_FOR_EXCLUSIVE = 4
_CORES_FOR_TWO_LOAD = 8


@dataclass(frozen=True)
class Topology:
    """What the planner needs to know of a host.

    Attributes:
        cores: the online CPUs of each physical core (its SMT threads), by first CPU.
        l3: for each L3 domain the indices into ``cores``; empty where the kernel does not say.
    """

    cores: tuple[tuple[int, ...], ...]
    l3: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Placement:
    """The plan: disjoint on tiers that promise it, never empty, whole cores only."""

    tier: str
    housekeeping: tuple[int, ...]
    load: tuple[int, ...]
    database: tuple[int, ...]
    service: tuple[int, ...]


def read_topology(root: Path) -> Topology:
    """Read the topology below ``root`` (``/`` on a real host, a fixture tree in tests).

    CPUs that are offline do not exist for the plan. Where a file is missing, each CPU counts as
    a core of its own and no L3 domain is known.
    """
    base = root / _CPUS
    online = cpu_list((base / "online").read_text())
    cores = sorted(
        {
            tuple(c for c in _group(base, cpu, "topology/thread_siblings_list") if c in online)
            for cpu in online
        }
    )
    domains = {_group(base, cpu, "cache/index3/shared_cpu_list", default=()) for cpu in online}
    l3 = sorted(
        tuple(index for index, core in enumerate(cores) if core[0] in domain)
        for domain in domains
        if domain
    )
    return Topology(tuple(cores), tuple(l3))


def _group(
    base: Path, cpu: int, name: str, default: tuple[int, ...] | None = None
) -> tuple[int, ...]:
    try:
        return tuple(cpu_list((base / f"cpu{cpu}" / name).read_text()))
    except FileNotFoundError:
        return (cpu,) if default is None else default


def plan(topology: Topology) -> Placement:
    """Choose CPUs by the rules of the tiers.

    - two L3 domains of at least 6 cores: the service alone on the last one; housekeeping,
      load and database side by side on the first (``exclusive-l3``);
    - from 4 cores: no core is shared between purposes (``exclusive-core``);
    - 3: housekeeping and load share one (``degraded``);
    - 2: CPU 0 does all but the service (``degraded``, good for smoke tests only);
    - 1: nothing can be kept apart (``none``).
    """
    cores = range(len(topology.cores))
    large = [domain for domain in topology.l3 if len(domain) >= _CORES_FOR_L3]
    groups: tuple[Sequence[int], ...]
    if len(large) > 1:
        first, last = large[0], large[-1]
        tier, groups = "exclusive-l3", (first[:2], first[2:4], first[4:], last)
    elif len(cores) >= _CORES_FOR_EXCLUSIVE:
        load_end = 2 + (len(cores) >= _CORES_FOR_TWO_LOAD)
        database_end = load_end + (len(cores) - load_end) // 2
        tier = "exclusive-core"
        groups = (cores[:1], cores[1:load_end], cores[load_end:database_end], cores[database_end:])
    else:
        tier = "degraded" if len(cores) > 1 else "none"
        groups = (cores[:1], cores[:1], cores[-2:-1] or cores, cores[-1:])
    housekeeping, load, database, service = (
        tuple(sorted(cpu for index in group for cpu in topology.cores[index])) for group in groups
    )
    return Placement(tier, housekeeping, load, database, service)
