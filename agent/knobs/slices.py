"""The knob that confines groups of processes to CPUs: AllowedCPUs= of systemd's slices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cpus import CPUS, as_list, cpu_list
from .kernel import CONTROL, NotTaken, NotTunable
from .knob import Knob, word

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .kernel import Kernel

_CGROUPS = "sys/fs/cgroup"


class Slices(Knob):
    """CPUs of live slices and scopes, read from their control group and their processes.

    systemd's own answer is not reliable. After a drop-in and daemon-reload it reports AllowedCPUs=
    of a live slice although nothing is pinned, and on control groups of version 1 it ignores the
    setting. set-property reaches the kernel, and this knob reads the kernel.
    """

    name = "slices"
    meaning = "CPUs of slices, by name"
    kept = False  # set-property keeps them itself

    def targets(self, kernel: Kernel, wanted: Any) -> Mapping[str, str]:  # noqa: ANN401, ARG002
        """A dict of slice and CPUs in the kernel's list format."""
        if not isinstance(wanted, dict):
            raise TypeError(f"{wanted!r} is not a dict of slice and CPUs")
        return {f"slice/{unit}": as_list(cpu_list(word(cpus))) for unit, cpus in wanted.items()}

    def show(self, kernel: Kernel, place: str) -> str:
        """The group's own list of CPUs; empty if none is set."""
        if not kernel.exists(f"{_CGROUPS}/cgroup.controllers"):
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
        return f"{_CGROUPS}/{unit}"
    parts = stem.split("-")
    names = ["-".join(parts[: end + 1]) for end in range(len(parts))]
    return "/".join([_CGROUPS, *(f"{name}{dot}{kind}" for name in names)])


def _affinities(kernel: Kernel, group: str) -> Iterator[tuple[str, list[int]]]:
    """The allowed CPUs of each process in a group and its subgroups."""
    for listing in kernel.find(f"{group}/**/cgroup.procs"):
        for pid in kernel.read(listing).split():
            try:
                status = kernel.read(f"proc/{pid}/status")
            except (FileNotFoundError, ProcessLookupError):  # it has just ended
                continue
            for line in status.splitlines():
                if line.startswith("Cpus_allowed_list:"):
                    yield pid, cpu_list(line.split()[1])
