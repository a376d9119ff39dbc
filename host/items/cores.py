"""How the cores are arranged, which of them the lab may use, and for what it plans them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import placement, topology
from ..cgroups import usable_cpus
from ..cpus import CPUS, as_list
from ..expectation import ANY, DOUBT, HOST, RECORDED, Expectation, Limit, one_of
from ..item import Item
from ..kernel import NotReadable

if TYPE_CHECKING:
    from ..kernel import Files

_EXCLUSIVE = ("exclusive-l3", "exclusive-core")


def _l3_domains(host: Files) -> list[int]:
    return [len(domain) for domain in _caches(host).l3]


def _l3_sizes(host: Files) -> list[int]:
    sizes = [kib for kib in _caches(host).l3_kib if kib is not None]
    if not sizes:
        raise NotReadable(f"no cache/index3/size below /{CPUS}")
    return [kib // 1024 for kib in sizes]


def _caches(host: Files) -> topology.Topology:
    read = topology.read_topology(host.root)
    if not read.l3:
        raise NotReadable(f"no cache/index3 below /{CPUS}")
    return read


def _efficient(host: Files) -> int:
    return len(topology.read_topology(host.root).efficient)


def _nodes(host: Files) -> list[int]:
    return [len(node) for node in topology.read_topology(host.root).nodes]


def _placement(host: Files) -> list[str]:
    planned = placement.read_plan(host.root)
    cpus = [f"{name} {as_list(getattr(planned, name))}" for name in placement.PURPOSES]
    return [*cpus, *planned.why]


def _cpus_allowed(host: Files) -> str:
    usable = usable_cpus(host)
    return "all" if usable == host.online() else as_list(usable)


ITEMS = (
    Item(
        "cores",
        "physical cores online",
        f"/{CPUS}",
        read=lambda host: len(topology.read_topology(host.root).cores),
        expected=RECORDED,
        why="service, database and load generator each need cores of their own",
        do="use a machine with four cores or more",
    ),
    Item(
        "sockets",
        "processor packages",
        f"/{CPUS}/cpu*/topology/physical_package_id",
        read=lambda host: len(host.of_each_cpu("topology/physical_package_id")),
        expected=Expectation(Limit(high=1), DOUBT, vm=ANY),
        why="memory of the other socket is slower, and chance decides in which memory a page lies",
        do="bind the lab to one socket, or use a machine with one",
    ),
    Item(
        "l3_domains",
        "cores in each L3 domain",
        f"/{CPUS}/cpu*/cache/index3/shared_cpu_list",
        read=_l3_domains,
        expected=RECORDED,
        why="cores that share a cache slow each other down",
        do="nothing: the placement takes them into account",
    ),
    Item(
        "l3_sizes",
        "size of each L3 cache",
        f"/{CPUS}/cpu*/cache/index3/size",
        unit="MiB",
        read=_l3_sizes,
        expected=RECORDED,
        why="the service gets the smaller cache where sizes differ, as on a 7950X3D",
        do="nothing: the placement takes them into account",
    ),
    Item(
        "memory_nodes",
        "cores of each memory node, or of each package where the kernel knows no nodes",
        "/sys/devices/system/node/node*/cpulist",
        read=_nodes,
        expected=RECORDED,
        why="memory of another node is slower to reach",
        do="nothing: the placement stays in one node, if one has two L3 caches",
    ),
    Item(
        "efficient_cores",
        "cores that are slower by design, as the E cores of an Intel hybrid",
        f"/sys/devices/cpu_atom/cpus, /{CPUS}/cpu*/cpu_capacity",
        read=_efficient,
        expected=RECORDED,
        why="a service on cores of two kinds is as fast as chance places it",
        do="nothing: the placement keeps the service on the fast cores, if there are enough",
    ),
    Item(
        "cpus_allowed",
        "the online CPUs that the cpuset of the lab allows: all, or a list",
        "cpuset.cpus.effective of the lab's control group",
        read=_cpus_allowed,
        expected=Expectation(one_of("all"), DOUBT, required=False),
        why="the other CPUs run programs that the lab neither sees nor confines",
        do="start the lab outside of the container or slice that has the cpuset",
    ),
    Item(
        "tier",
        "how well purposes can be kept apart on these cores",
        "host/placement.py",
        read=lambda host: placement.read_plan(host.root).tier,
        expected=Expectation(one_of(*_EXCLUSIVE), HOST, smoke=one_of(*_EXCLUSIVE, "degraded")),
        why="purposes that share a core are measured together, and the faster service suffers more",
        do="use a machine with more cores; until then read results as estimates",
    ),
    Item(
        "placement",
        "CPUs by purpose, and the reasons for the choice and the tier",
        "host/placement.py",
        read=_placement,
        expected=RECORDED,
        why="where programs run decides how much they disturb each other",
        do="nothing: docs/cores.md has the rules",
    ),
)
