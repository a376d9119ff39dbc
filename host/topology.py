"""The cores of a host as its kernel describes them: threads, caches, memory nodes, boost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .cgroups import usable_cpus
from .cpus import CPUS, cpu_list
from .kernel import Files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_NODES = "sys/devices/system/node"
# The CPUs of the slower kind, as the driver of their performance counters says: Intel's hybrids.
_ATOM = "sys/devices/cpu_atom/cpus"
_SLOWER = 0.75  # of the fastest core's capacity; cores of one kind differ by a few percent
_KIB = {"K": 1, "M": 1024}


@dataclass(frozen=True)
class Topology:
    """The cores that this process may use. An index is one into ``cores``."""

    #: the CPUs of each physical core (its SMT threads), by first CPU
    cores: tuple[tuple[int, ...], ...]
    #: for each L3 cache the indices of its cores; empty if the kernel does not say
    l3: tuple[tuple[int, ...], ...]
    #: for each L3 cache its size in KiB; None if the kernel does not say
    l3_kib: tuple[int | None, ...] = ()
    #: for each memory node, or each processor package without nodes, the indices of its cores
    nodes: tuple[tuple[int, ...], ...] = ()
    #: indices of the cores that are slower by design, as the E cores of an Intel hybrid
    efficient: tuple[int, ...] = ()
    #: indices of the cores of which another online thread belongs to somebody else's cpuset
    split: tuple[int, ...] = ()


def read_topology(root: Path) -> Topology:
    """Read the CPUs below ``root`` that are online and in the cpuset of this process.

    Without the files of topology, each CPU counts as a core of its own, and no L3 cache is known.

    Raises:
        OSError, ValueError: the kernel does not say which CPUs are online.
    """
    host = Files(root)
    online, usable = host.online(), usable_cpus(host)
    whole = {cpu: _cpus_of(host, cpu, "topology/thread_siblings_list") or [cpu] for cpu in usable}
    cores = sorted({tuple(each for each in whole[cpu] if each in usable) for cpu in usable})
    caches = {tuple(_cpus_of(host, cpu, "cache/index3/shared_cpu_list")): cpu for cpu in usable}
    l3 = sorted((_indices(cores, shared), cpu) for shared, cpu in caches.items() if shared)
    slow = _efficient(host, cores)
    return Topology(
        cores=tuple(cores),
        l3=tuple(indices for indices, _ in l3),
        l3_kib=tuple(_kib(host, cpu) for _, cpu in l3),
        nodes=_nodes(host, cores),
        efficient=tuple(slow) if len(slow) < len(cores) else (),
        split=tuple(
            index
            for index, core in enumerate(cores)
            if set(core) != {cpu for cpu in whole[core[0]] if cpu in online}
        ),
    )


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


def _cpus_of(host: Files, cpu: int, name: str) -> list[int]:
    """A list of CPUs among the files of one; empty if there is no such file."""
    try:
        return cpu_list(host.read(f"{CPUS}/cpu{cpu}/{name}"))
    except FileNotFoundError:
        return []


def _indices(cores: list[tuple[int, ...]], cpus: Iterable[int]) -> tuple[int, ...]:
    wanted = set(cpus)
    return tuple(index for index, core in enumerate(cores) if core[0] in wanted)


def _kib(host: Files, cpu: int) -> int | None:
    """The size of a CPU's L3 cache: ``32768K`` (drivers/base/cacheinfo.c)."""
    try:
        text = host.read(f"{CPUS}/cpu{cpu}/cache/index3/size")
        return int(text[:-1]) * _KIB[text[-1]]
    except (OSError, ValueError, LookupError):
        return None


def _nodes(host: Files, cores: list[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
    """The cores of each memory node; of each package where the kernel knows no nodes."""
    lists = [cpu_list(host.read(path)) for path in host.find(f"{_NODES}/node[0-9]*/cpulist")]
    if not lists:
        packages: dict[tuple[int, ...], list[int]] = {}
        for core in cores:
            package = tuple(_cpus_of(host, core[0], "topology/physical_package_id"))
            packages.setdefault(package, []).append(core[0])
        lists = list(packages.values())
    return tuple(filter(None, (_indices(cores, cpus) for cpus in lists)))


def _efficient(host: Files, cores: list[tuple[int, ...]]) -> tuple[int, ...]:
    """The cores that the kernel calls slower: Intel's E cores, or those of a smaller capacity.

    Documentation/admin-guide/perf/hybrid.rst; cpu_capacity of
    Documentation/ABI/testing/sysfs-devices-system-cpu.
    """
    if host.exists(_ATOM):
        return _indices(cores, cpu_list(host.read(_ATOM)))
    capacities = [_cpus_of(host, core[0], "cpu_capacity") for core in cores]
    if not all(capacities):
        return ()
    largest = max(capacity[0] for capacity in capacities)
    return tuple(i for i, [capacity] in enumerate(capacities) if capacity < _SLOWER * largest)
