"""Which CPUs serve which purpose: a plan from the kernel's own topology.

The tiers say how well the purposes can be kept apart: ``exclusive-l3``, ``exclusive-core``,
``degraded`` or ``none``. Results of different tiers are never compared.

The agent plans with it before a run, and the role cpu_pinning when it sets up the host.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from .cpus import CPUS, cpu_list
from .kernel import Files
from .levels import lowest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .levels import Tier

Layout = Literal["dut_alone", "db_alone", "same_ccd"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
KEPT = "var/lib/ormlab/placement.json"
VERDICT = "var/lib/ormlab/verdict.json"
PURPOSES = ("housekeeping", "load", "database", "service")

_CORES_FOR_L3 = 6
_CORES_FOR_EXCLUSIVE = 4
_CORES_FOR_TWO_LOAD = 8

type _Groups = tuple[Sequence[int], ...]


@dataclass(frozen=True)
class Topology:
    """The online cores of a host."""

    #: the online CPUs of each physical core (its SMT threads), by first CPU
    cores: tuple[tuple[int, ...], ...]
    #: for each L3 domain the indices into ``cores``; empty if the kernel does not say
    l3: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Placement:
    """The plan: disjoint on tiers that promise it, never empty, whole cores only."""

    tier: Tier
    layout: Layout
    housekeeping: tuple[int, ...]
    load: tuple[int, ...]
    database: tuple[int, ...]
    service: tuple[int, ...]


def read_topology(root: Path) -> Topology:
    """Read the online CPUs below ``root``.

    Without the files of topology, each CPU counts as a core of its own, and no L3 domain is known.
    """
    base = root / CPUS
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


def read_boost(root: Path) -> str | None:
    """Whether the clock may exceed its nominal value: ``on``, ``off``, or None without a switch.

    ``mixed`` if the switches disagree: the global one, Intel's, and one for each active policy.
    """
    host = Files(root)
    switches = (f"{CPUS}/cpufreq/boost", f"{CPUS}/cpufreq/policy*/boost")
    states = {host.read(path) == "1" for switch in switches for path in host.find_active(switch)}
    states |= {host.read(path) == "0" for path in host.find(f"{CPUS}/intel_pstate/no_turbo")}
    if not states:
        return None
    if len(states) > 1:
        return "mixed"
    return "on" if states.pop() else "off"


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

    - two L3 domains of at least 6 cores: housekeeping and load on the first, and by the layout
      ``dut_alone`` the database beside them and the service alone on the last one
      (``exclusive-l3``); ``db_alone`` exchanges the two; ``same_ccd`` halves the last domain
      between them, and leaves the rest of the first idle so that nothing else moves;
    - from 4 cores: no core is shared between purposes (``exclusive-core``);
    - 3: housekeeping and load share one (``degraded``);
    - 2: CPU 0 does all but the service (``degraded``, good for smoke tests only);
    - 1: nothing can be kept apart (``none``).

    ``exclusive-l3`` promises that the service has an L3 cache of its own and that every core runs
    at one clock: another layout, or boost that is not known to be off, is ``exclusive-core``. The
    first chiplet of a 7950X boosts up to 300 MHz higher than the second.

    The topology is that after SMT was set. The layout says whether service or database has the
    large share; on one L3 domain ``same_ccd`` means ``dut_alone``.
    """
    tier, groups = _two_domains(topology, layout) or _one_domain(topology, layout)
    if tier == "exclusive-l3" and (layout != "dut_alone" or boost != "off"):
        tier = "exclusive-core"
    housekeeping, load, database, service = (
        tuple(sorted(cpu for index in group for cpu in topology.cores[index])) for group in groups
    )
    return Placement(tier, layout, housekeeping, load, database, service)


def _two_domains(topology: Topology, layout: Layout) -> tuple[Tier, _Groups] | None:
    """Cores by purpose where there are two large L3 domains."""
    large = [domain for domain in topology.l3 if len(domain) >= _CORES_FOR_L3]
    if len(large) < 2:  # noqa: PLR2004 - two domains, as the name says
        return None
    first, last = large[0], large[-1]
    half = len(last) // 2
    database, service = {
        "dut_alone": (first[4:], last),
        "db_alone": (last, first[4:]),
        "same_ccd": (last[:half], last[half:]),
    }[layout]
    return "exclusive-l3", (first[:2], first[2:4], database, service)


def _one_domain(topology: Topology, layout: Layout) -> tuple[Tier, _Groups]:
    """Cores by purpose everywhere else."""
    cores = range(len(topology.cores))
    tier: Tier
    if len(cores) >= _CORES_FOR_EXCLUSIVE:
        load_end = 2 + (len(cores) >= _CORES_FOR_TWO_LOAD)
        database_end = load_end + (len(cores) - load_end) // 2
        tier, load = "exclusive-core", cores[1:load_end]
        database, service = cores[load_end:database_end], cores[database_end:]
    else:
        tier, load = ("degraded" if len(cores) > 1 else "none"), cores[:1]
        database, service = cores[-2:-1] or cores, cores[-1:]
    if layout == "db_alone":
        database, service = service, database
    return tier, (cores[:1], load, database, service)
