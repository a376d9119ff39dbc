"""The control groups of this process: where they are, and which CPUs they allow."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from .cpus import cpu_list
from .kernel import NotReadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .kernel import Files

MOUNT = "sys/fs/cgroup"
# cgroup-v2.rst, cgroup-v1/cpusets.rst: what applies to the tasks of a group, after the groups above
# it and CPUs that are offline. cpuset.cpus is what somebody asked for, and may be empty.
_EFFECTIVE = ("cpuset.cpus.effective", "cpuset.effective_cpus")


def version(host: Files) -> str:
    """``2``, ``1``, or ``1 and 2`` where both are mounted."""
    if host.exists(f"{MOUNT}/cgroup.controllers"):
        return "2"
    if host.exists(f"{MOUNT}/unified/cgroup.controllers"):
        return "1 and 2"
    if host.exists(MOUNT):
        return "1"
    raise NotReadable(f"no control groups at /{MOUNT}")


def groups(host: Files, controller: str) -> Iterator[str]:
    """The folders of this process's groups for a controller, its own first, then those above.

    The limit of a group applies to the groups in it. A container may hide the upper groups.
    """
    mount, inside = _place_of(host, controller)
    for group in (inside, *inside.parents):
        if host.exists(f"{mount}/{group}"):
            yield f"{mount}/{group}"


def require_own(host: Files, controller: str) -> None:
    """Make sure that the process's own group is visible: otherwise its limit is unknown."""
    mount, inside = _place_of(host, controller)
    if not host.exists(f"{mount}/{inside}"):
        raise NotReadable(f"the control group /{inside} of this process is out of sight")


def usable_cpus(host: Files) -> list[int]:
    """The online CPUs that the cpuset of this process allows; all of them where no group says.

    A container or a unit with AllowedCPUs= has fewer than the host, and to every other CPU
    sched_setaffinity(2) answers EINVAL. A process's own affinity is no limit: it may widen that.
    """
    online = host.online()
    try:
        files = [f"{group}/{name}" for group in groups(host, "cpuset") for name in _EFFECTIVE]
    except (OSError, NotReadable):
        return online
    # A group without the controller has no file; the one above then applies.
    found = next((file for file in files if host.exists(file)), None)
    allowed = cpu_list(host.read(found)) if found else online
    return [cpu for cpu in online if cpu in allowed]


def _place_of(host: Files, controller: str) -> tuple[str, PurePosixPath]:
    """Where a controller's hierarchy is mounted, and this process's group inside of it.

    /proc/self/cgroup names both (cgroups(7)); a controller that no version 1 hierarchy has is
    version 2's.
    """
    lines = [line.split(":", 2) for line in host.read("proc/self/cgroup").splitlines()]
    named = {name: (names, path) for _, names, path in lines for name in names.split(",")}
    if controller in named:
        together, path = named[controller]
        mounts = [f"{MOUNT}/{together}", f"{MOUNT}/{controller}"]
    elif "" in named:
        _, path = named[""]
        mounts = [f"{MOUNT}/unified" if version(host) == "1 and 2" else MOUNT]
    else:
        raise NotReadable(f"/proc/self/cgroup names no group for {controller}")
    mount = next((path for path in mounts if host.exists(path)), None)
    if mount is None:
        raise NotReadable(f"no control groups at /{mounts[0]}")
    return mount, PurePosixPath(path.lstrip("/"))
