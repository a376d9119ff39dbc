"""Memory: how much, swapping, large pages; and the disk on which the lab keeps its state."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from ..expectation import ALWAYS, ANY, DOUBT, HOST, RECORDED, Expectation, Limit, one_of
from ..item import Counter, Fact, Item
from ..kernel import Files, NotReadable, NotTunable
from ..knob import ChoiceKnob, FileKnob, Knob, flag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..item import Place
    from ..kernel import Kernel

_KIB = 1024
_GIB = 1 << 30
_THP = "sys/kernel/mm/transparent_hugepage"


class Swap(Knob):
    """Swap devices and swap files."""

    name = "swap"
    kept = False

    def targets(self, kernel: Kernel, wanted: object) -> Mapping[str, str]:
        """Every device off if the host must not swap; no place if it may."""
        if flag(wanted):
            return {}
        return {f"swap/{device}": "off" for device in _swapping(kernel)}

    def show(self, kernel: Kernel, place: str) -> str:
        """``on`` with the priority, or ``off``."""
        priority = _swapping(kernel).get(place.removeprefix("swap/"))
        return "off" if priority is None else f"on {priority}"

    def write(self, kernel: Kernel, place: str, value: str) -> None:
        """Swap to the device, or stop."""
        priority = None if value == "off" else int(value.split()[1])
        kernel.set_swap(place.removeprefix("swap/"), priority)

    def same(self, kernel: Kernel, one: str, other: str) -> bool:  # noqa: ARG002
        """All negative priorities are equal: the kernel assigns them by the order of swapon(2)."""
        return one == other or (one.startswith("on -") and other.startswith("on -"))


def _swapping(kernel: Kernel) -> dict[str, int]:
    """Priority by device, from /proc/swaps (proc_swaps(5))."""
    try:
        lines = kernel.read("proc/swaps").splitlines()[1:]
    except FileNotFoundError:
        raise NotTunable("this kernel has no swap") from None
    return {line.split()[0]: int(line.split()[-1]) for line in lines}


def meminfo(host: Files, field: str) -> int:
    """A line of /proc/meminfo, in bytes; a count where it has no unit.

    Raises:
        OSError, NotReadable: there is none.
    """
    fields = host.pairs("proc/meminfo", ":")
    if field not in fields:
        raise NotReadable(f"/proc/meminfo has no {field}")
    number, _, unit = fields[field].partition(" ")
    return int(number) * (_KIB if unit else 1)


def _counted(key: str, meaning: str, field: str) -> Item:
    read = Counter(lambda host: int(host.pairs("proc/vmstat", " ")[field]))
    return Item(key, meaning, f"{field} of /proc/vmstat", counter=read)


def _disk_kind(place: Place) -> str:
    device = place.folder.stat().st_dev
    name = f"{os.major(device)}:{os.minor(device)}"
    link = place.root / "sys/dev/block" / name
    if not link.exists():
        raise NotReadable(f"{name} is no block device: an overlay, or a network or memory disk")
    block = link.resolve()
    disk = block if (block / "queue").exists() else block.parent  # a partition lies in its disk
    if disk.name.startswith(("vd", "xvd")):
        return "virtual"  # whatever it says of itself
    if (disk / "queue/rotational").read_text().strip() == "1":
        return "rotating"
    return "nvme" if disk.name.startswith("nvme") else "solid state"


ITEMS = (
    Item(
        "memory_bytes",
        "physical memory",
        "MemTotal of /proc/meminfo",
        unit="bytes",
        read=lambda host: meminfo(host, "MemTotal"),
        fact=Fact(),
    ),
    Item(
        "memory_available",
        "memory that programs can get without swapping",
        "MemAvailable of /proc/meminfo",
        unit="bytes",
        read=lambda host: meminfo(host, "MemAvailable"),
        fact=Fact("memory_available_bytes", identity=False),
        expected=Expectation(
            Limit(low=8 * _GIB), HOST, vm=Limit(low=2 * _GIB), smoke=Limit(low=_GIB), required=False
        ),
        why="dataset, service and samples must fit into memory together",
        do="stop programs that hold much memory, or use a smaller dataset",
    ),
    Item(
        "swap",
        "configured swap",
        "SwapTotal of /proc/meminfo",
        unit="bytes",
        read=lambda host: meminfo(host, "SwapTotal"),
        fact=Fact("swap_bytes"),
        expected=Expectation(one_of(0), HOST, vm=ANY),
        why="reading a page back from swap takes milliseconds in the middle of a window",
        do="swapoff -a, and remove swap from /etc/fstab",
        knob=Swap(),
    ),
    Item(
        "swap_used",
        "swap in use",
        "SwapTotal and SwapFree of /proc/meminfo",
        unit="bytes",
        read=lambda host: meminfo(host, "SwapTotal") - meminfo(host, "SwapFree"),
        expected=Expectation(one_of(0), DOUBT),
        why="the kernel reads swapped pages back during some trial",
        do="swapoff -a && swapon -a, once enough memory is free",
    ),
    Item(
        "swappiness",
        "how readily the kernel swaps",
        "/proc/sys/vm/swappiness",
        read=lambda host: int(host.read("proc/sys/vm/swappiness")),
        expected=RECORDED,
        why="when memory is short, it decides whether the kernel swaps or drops cached files first",
    ),
    Item(
        "huge_pages",
        "reserved huge pages",
        "HugePages_Total of /proc/meminfo",
        read=lambda host: meminfo(host, "HugePages_Total"),
        expected=RECORDED,
        why="PostgreSQL with huge pages performs differently from PostgreSQL without",
        # The kernel may reserve fewer than requested: hugetlbpage.rst of its admin-guide.
        knob=FileKnob("huge_pages", "proc/sys/vm/nr_hugepages"),
    ),
    Item(
        "thp",
        "transparent huge pages",
        f"/{_THP}/enabled",
        read=lambda host: host.choice(f"{_THP}/enabled"),
        fact=Fact(),
        expected=Expectation(one_of("madvise", "never"), HOST),
        why="with always, the kernel stops processes at any time to form huge pages",
        do="write madvise to /sys/kernel/mm/transparent_hugepage/enabled",
        knob=ChoiceKnob("thp", f"{_THP}/enabled"),
    ),
    Item(
        "thp_defrag",
        "whether a process waits while the kernel makes room for a transparent huge page",
        f"/{_THP}/defrag",
        knob=ChoiceKnob("thp_defrag", f"{_THP}/defrag"),
    ),
    _counted("swapped_in", "pages read back from swap", "pswpin"),
    _counted("swapped_out", "pages written to swap", "pswpout"),
)
DISK = (
    Item(
        "disk_free",
        "free space in the lab's folder",
        "statvfs of that folder",
        unit="bytes",
        read=lambda place: shutil.disk_usage(place.folder).free,
        expected=Expectation(Limit(low=2 * _GIB), ALWAYS),
        why="the database's templates, the stacks' environments and the raw samples need space",
        do="free some space, or set lab_root to a larger disk",
    ),
    Item(
        "disk_kind",
        "kind of the lab's disk: nvme, solid state, rotating or virtual",
        "/sys/dev/block",
        read=_disk_kind,
        expected=Expectation(one_of("nvme", "solid state"), DOUBT, vm=ANY),
        why="commits wait for the disk; on a rotating or virtual one they vary by milliseconds",
        do="set lab_root to a folder on a local solid-state disk",
    ),
)
