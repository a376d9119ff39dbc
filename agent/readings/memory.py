"""Readings of memory and disk."""

from __future__ import annotations

import os
import shutil

from .source import NotReadable, Place, Reading

_KIB = 1024


def _meminfo(place: Place, field: str) -> int:
    """A line of /proc/meminfo: kibibytes, or a count where it has no unit."""
    for line in place.text("proc/meminfo").splitlines():
        name, _, value = line.partition(":")
        if name == field:
            number, _, unit = value.strip().partition(" ")
            return int(number) * (_KIB if unit else 1)
    raise NotReadable(f"/proc/meminfo has no {field}")


def _selected(place: Place, path: str) -> str:
    """The bracketed choice of a file such as ``always [madvise] never``."""
    return place.text(path).split("[")[1].split("]")[0]


def _disk_kind(place: Place) -> str:
    device = place.folder.stat().st_dev
    name = f"{os.major(device)}:{os.minor(device)}"
    link = place.root / "sys/dev/block" / name
    if not link.exists():
        raise NotReadable(f"{name} is no block device: an overlay, a network or a memory disk")
    block = link.resolve()
    disk = block if (block / "queue").exists() else block.parent  # a partition lies in its disk
    if disk.name.startswith(("vd", "xvd")):
        return "virtual"  # whatever it says of itself
    if (disk / "queue/rotational").read_text().strip() == "1":
        return "rotating"
    return "nvme" if disk.name.startswith("nvme") else "solid state"


READINGS = (
    Reading(
        "memory_available",
        "number",
        "bytes",
        "memory that can be had without swapping",
        "MemAvailable of /proc/meminfo",
        lambda place: _meminfo(place, "MemAvailable"),
    ),
    Reading(
        "swap",
        "number",
        "bytes",
        "configured swap",
        "SwapTotal of /proc/meminfo",
        lambda place: _meminfo(place, "SwapTotal"),
    ),
    Reading(
        "swap_used",
        "number",
        "bytes",
        "swap in use",
        "SwapTotal and SwapFree of /proc/meminfo",
        lambda place: _meminfo(place, "SwapTotal") - _meminfo(place, "SwapFree"),
    ),
    Reading(
        "swappiness",
        "number",
        None,
        "how readily the kernel swaps",
        "/proc/sys/vm/swappiness",
        lambda place: int(place.text("proc/sys/vm/swappiness")),
    ),
    Reading(
        "thp",
        "text",
        None,
        "transparent huge pages",
        "/sys/kernel/mm/transparent_hugepage/enabled",
        lambda place: _selected(place, "sys/kernel/mm/transparent_hugepage/enabled"),
    ),
    Reading(
        "huge_pages",
        "number",
        None,
        "reserved huge pages",
        "HugePages_Total of /proc/meminfo",
        lambda place: _meminfo(place, "HugePages_Total"),
    ),
    Reading(
        "disk_free",
        "number",
        "bytes",
        "room in the lab's folder",
        "statvfs of that folder",
        lambda place: shutil.disk_usage(place.folder).free,
    ),
    Reading(
        "disk_kind",
        "text",
        None,
        "nvme, solid state, rotating, or virtual",
        "/sys/dev/block",
        _disk_kind,
    ),
)
