"""What processes are allowed: control groups with their quotas and CPUs, and descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..cgroups import MOUNT, groups, require_own, version
from ..cpus import CPUS, as_list, cpu_list
from ..expectation import ANY, DOUBT, HOST, Expectation, Limit, one_of
from ..item import Counter, Item
from ..kernel import CONTROL, Files, NotReadable, NotTaken, NotTunable
from ..knob import Knob, word

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..kernel import Kernel

_NO_LIMIT = "none"
_HUGE = 1 << 60  # cgroup v1 writes "no limit" as the largest number of whole pages
_OUTSIDE = "start the lab outside of the container or slice that has the {}"


class Slices(Knob):
    """CPUs of live slices and scopes, read from their control group and their processes.

    systemd's answer is not reliable: after a drop-in and daemon-reload it reports AllowedCPUs= of a
    live slice although nothing is pinned, and it ignores the setting on version 1 control groups.
    This knob sets by set-property, which reaches the kernel, and reads the kernel.
    """

    name = "slices"
    kept = False  # set-property keeps them itself

    def targets(self, kernel: Kernel, wanted: object) -> Mapping[str, str]:  # noqa: ARG002
        """A dict of slice and CPUs in the kernel's list format."""
        if not isinstance(wanted, dict):
            raise TypeError(f"{wanted!r} is not a dict of slice and CPUs")
        return {f"slice/{unit}": as_list(cpu_list(word(cpus))) for unit, cpus in wanted.items()}

    def show(self, kernel: Kernel, place: str) -> str:
        """The group's own list of CPUs; empty if none is set."""
        if not kernel.exists(f"{MOUNT}/cgroup.controllers"):
            raise NotTunable("control groups of version 2 are not mounted here")
        if not kernel.has_systemd():
            raise NotTunable("systemd does not run here")
        group = _group(_unit(place))
        if not kernel.exists(group):
            raise FileNotFoundError(group)
        file = f"{group}/cpuset.cpus"
        return kernel.read(file) if kernel.exists(file) else ""

    def same(self, kernel: Kernel, one: str, other: str) -> bool:
        """An empty list means every CPU."""
        online = kernel.read(f"{CPUS}/online")
        return set(cpu_list(one or online)) == set(cpu_list(other or online))

    def write(self, kernel: Kernel, place: str, value: str) -> None:
        """Set or remove a list, and check that every process follows it.

        Before it removes a setting, it sets all CPUs; otherwise the processes would stay pinned.

        Raises:
            NotTaken: a process runs on other CPUs, or is still pinned.
        """
        unit = _unit(place)
        before = self.show(kernel, place)
        kernel.systemctl("set-property", unit, f"AllowedCPUs={value or _online(kernel)}")
        if not value:
            kernel.remove(f"{CONTROL}/{unit}.d/50-AllowedCPUs.conf")
            kernel.systemctl("daemon-reload")
        allowed = set(cpu_list(value or _online(kernel)))
        for pid, cpus in _affinities(kernel, _group(unit)):
            left_behind = not value and before and set(cpus) == set(cpu_list(before)) < allowed
            if not set(cpus) <= allowed or left_behind:
                raise NotTaken(f"process {pid} of {unit} still runs on CPUs {as_list(cpus)}")


def _unit(place: str) -> str:
    return place.removeprefix("slice/")


def _online(kernel: Kernel) -> str:
    return kernel.read(f"{CPUS}/online")


def _group(unit: str) -> str:
    """The folder of a unit's group: a-b.slice lies in a.slice (systemd.slice(5))."""
    stem, dot, kind = unit.rpartition(".")
    if kind != "slice":
        return f"{MOUNT}/{unit}"
    parts = stem.split("-")
    names = ["-".join(parts[: end + 1]) for end in range(len(parts))]
    return "/".join([MOUNT, *(f"{name}{dot}{kind}" for name in names)])


def _affinities(kernel: Kernel, group: str) -> Iterator[tuple[str, list[int]]]:
    """The allowed CPUs of each process in a group and its subgroups."""
    for listing in kernel.find(f"{group}/**/cgroup.procs"):
        for pid in kernel.read(listing).split():
            try:
                status = kernel.pairs(f"proc/{pid}/status", ":")
            except (FileNotFoundError, ProcessLookupError):  # it has just ended
                continue
            yield pid, cpu_list(status["Cpus_allowed_list"])


def _cpu_quota(host: Files) -> str:
    """The tightest quota on the way up, in cores."""
    quotas, known = [], False
    for group in groups(host, "cpu"):
        if host.exists(f"{group}/cpu.max"):
            quota, period = host.read(f"{group}/cpu.max").split()
        elif host.exists(f"{group}/cpu.cfs_quota_us"):
            quota = host.read(f"{group}/cpu.cfs_quota_us")
            period = host.read(f"{group}/cpu.cfs_period_us")
        else:
            continue
        known = True
        if quota not in {"max", "-1"}:
            quotas.append(int(quota) / int(period))
    if not known:
        require_own(host, "cpu")
    return f"{min(quotas):g}" if quotas else _NO_LIMIT


def _throttled(host: Files) -> int:
    """The sum over the groups, because only a group with a quota counts its throttled periods."""
    files = [f"{group}/cpu.stat" for group in groups(host, "cpu")]
    stats = [host.pairs(file, " ") for file in files if host.exists(file)]
    # A group without the CPU controller, as the topmost one, has the file and not the count.
    counts = [int(stat["nr_throttled"]) for stat in stats if "nr_throttled" in stat]
    if not counts:
        raise NotReadable("no control group of this process counts nr_throttled")
    return sum(counts)


def _memory_limit(host: Files) -> str:
    """The tightest limit on the way up, in MiB."""
    limits = []
    for group in groups(host, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            if host.exists(f"{group}/{name}"):
                text = host.read(f"{group}/{name}")
                limits.append(_HUGE if text == "max" else int(text))
    if not limits:
        require_own(host, "memory")
    tightest = min(limits, default=_HUGE)
    return _NO_LIMIT if tightest >= _HUGE else f"{tightest >> 20}"


def _open_files(host: Files) -> int:
    for line in host.read("proc/self/limits").splitlines():
        if line.startswith("Max open files"):
            return int(line.split()[3])
    raise NotReadable("/proc/self/limits has no line for open files")


ITEMS = (
    Item(
        "cgroup_version",
        "version of control groups",
        f"/{MOUNT}",
        read=version,
        expected=Expectation(one_of("2"), DOUBT, vm=ANY),
        why="systemd ignores AllowedCPUs= on version 1",
        do="boot with systemd.unified_cgroup_hierarchy=1",
    ),
    Item(
        "cpu_quota",
        "CPU time that the control groups allow",
        "cpu.max, or cpu.cfs_quota_us, of the lab's group and those above",
        unit="cores",
        read=_cpu_quota,
        expected=Expectation(one_of(_NO_LIMIT), HOST, required=False),
        why="once a period's quota is used up, all processes of the lab stop until the next period",
        do=_OUTSIDE.format("quota"),
    ),
    Item(
        "throttled",
        "periods in which a CPU quota of the lab's group, or of one above, stopped its processes",
        "nr_throttled of cpu.stat, of the lab's group and those above",
        read=_throttled,
        expected=Expectation(one_of(0), DOUBT),
        why="a quota that has stopped the lab's processes before will stop them in trials",
        do=_OUTSIDE.format("quota"),
        counter=Counter(_throttled),
    ),
    Item(
        "memory_limit",
        "memory that the control groups allow",
        "memory.max, or memory.limit_in_bytes, of the lab's group and those above",
        unit="MiB",
        read=_memory_limit,
        expected=Expectation(Limit(among=(_NO_LIMIT,), low=2 * 1024), DOUBT),
        why="near the limit the kernel reclaims the page cache under the running trial",
        do=_OUTSIDE.format("limit"),
    ),
    Item(
        "open_files",
        "file descriptors that a process may hold",
        "/proc/self/limits",
        read=_open_files,
        expected=Expectation(Limit(low=1024), DOUBT),
        why="each connection is a descriptor on both of its ends",
        do="ulimit -n 4096",
    ),
    Item(
        "slices",
        "CPUs of slices, by name",
        f"cpuset.cpus below /{MOUNT}",
        why="services of the system would run on measured cores",
        knob=Slices(),
    ),
)
