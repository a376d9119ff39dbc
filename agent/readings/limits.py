"""Readings of what the lab's processes are allowed: control groups and descriptors."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from .source import NotReadable, Place, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOUNT = "sys/fs/cgroup"
_NO_LIMIT = "none"
_HUGE = 1 << 60  # cgroup v1 writes "no limit" as the largest number of whole pages


def _version(place: Place) -> str:
    base = place.root / _MOUNT
    if (base / "cgroup.controllers").exists():
        return "2"
    if (base / "unified/cgroup.controllers").exists():
        return "1 and 2"
    if base.is_dir():
        return "1"
    raise NotReadable(f"no control groups at /{_MOUNT}")


def _groups(place: Place, controller: str) -> Iterator[Path]:
    """The folders of this process's groups for a controller, its own first, then those above.

    /proc/self/cgroup names them (cgroups(7)); a controller that no version 1 hierarchy has is
    version 2's. In a container the upper ones may be out of sight.
    """
    base, inside = _place_of(place, controller)
    for group in (inside, *inside.parents):
        if (base / group).is_dir():
            yield base / group


def _require_own(place: Place, controller: str) -> None:
    """Refuse to take no limit from no file, where the group that has the file is out of sight."""
    base, inside = _place_of(place, controller)
    if not (base / inside).is_dir():
        raise NotReadable(f"the control group /{inside} of this process is out of sight")


def _place_of(place: Place, controller: str) -> tuple[Path, PurePosixPath]:
    """Where a controller's hierarchy is mounted, and this process's group inside of it."""
    base = place.root / _MOUNT
    lines = [line.split(":", 2) for line in place.text("proc/self/cgroup").splitlines()]
    named = {name: (names, path) for _, names, path in lines for name in names.split(",")}
    if controller in named:
        hierarchy, path = named[controller]
        base /= hierarchy
    elif "" in named:
        _, path = named[""]
    else:
        raise NotReadable(f"/proc/self/cgroup names no group for {controller}")
    if not base.is_dir():
        raise NotReadable(f"no control groups at /{_MOUNT}")
    return base, PurePosixPath(path.lstrip("/"))


def _cpu_quota(place: Place) -> str:
    """The tightest quota on the way up, in cores."""
    quotas, told = [], False
    for group in _groups(place, "cpu"):
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()
        elif (group / "cpu.cfs_quota_us").exists():
            quota = (group / "cpu.cfs_quota_us").read_text().strip()
            period = (group / "cpu.cfs_period_us").read_text().strip()
        else:
            continue
        told = True
        if quota not in {"max", "-1"}:
            quotas.append(int(quota) / int(period))
    if not told:
        _require_own(place, "cpu")
    return f"{min(quotas):g}" if quotas else _NO_LIMIT


def _throttled(place: Place) -> int:
    group = next(_groups(place, "cpu"), None)
    if group is None or not (group / "cpu.stat").exists():
        raise NotReadable("this control group keeps no cpu.stat")
    told = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
    if "nr_throttled" not in told:
        raise NotReadable("the CPU controller is not enabled for this control group")
    return int(told["nr_throttled"])


def _memory_limit(place: Place) -> str:
    """The tightest limit on the way up, in MiB."""
    found = []
    for group in _groups(place, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            if (group / name).exists():
                text = (group / name).read_text().strip()
                found.append(_HUGE if text == "max" else int(text))
    if not found:
        _require_own(place, "memory")
    tightest = min(found, default=_HUGE)
    return _NO_LIMIT if tightest >= _HUGE else f"{tightest >> 20}"


def _open_files(place: Place) -> int:
    for line in place.text("proc/self/limits").splitlines():
        if line.startswith("Max open files"):
            return int(line.split()[3])
    raise NotReadable("/proc/self/limits has no line for open files")


READINGS = (
    Reading("cgroup_version", "text", None, "version of control groups", f"/{_MOUNT}", _version),
    Reading(
        "cpu_quota",
        "text",
        "cores",
        "CPU time that the control groups allow",
        "cpu.max, or cpu.cfs_quota_us, of the lab's group and those above",
        _cpu_quota,
    ),
    Reading(
        "throttled",
        "number",
        None,
        "periods in which the lab's group was held back so far",
        "nr_throttled of cpu.stat",
        _throttled,
    ),
    Reading(
        "memory_limit",
        "text",
        "MiB",
        "memory that the control groups allow",
        "memory.max, or memory.limit_in_bytes, of the lab's group and those above",
        _memory_limit,
    ),
    Reading(
        "open_files",
        "number",
        None,
        "descriptors a process may hold",
        "/proc/self/limits",
        _open_files,
    ),
)
