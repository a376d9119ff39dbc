"""Memory: how much, swapping, large pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..expectation import ANY, DOUBT, HOST, RECORDED, Expectation, Limit, one_of
from ..item import Counter, Fact, Item
from ..kernel import Files, NotReadable
from ..knob import ChoiceKnob, FileKnob, Knob, flag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..kernel import Kernel

_KIB = 1024
_GIB = 1 << 30
_BY_UUID = "dev/disk/by-uuid"
_THP = "sys/kernel/mm/transparent_hugepage"


class Swap(Knob):
    """Swap devices and swap files.

    A drive may have another name after a reboot, so the place of a device is its link below
    /dev/disk/by-uuid. A file, and a device without a link, are their own place.
    """

    name = "swap"
    kept = False
    vanishing = True

    def targets(self, kernel: Kernel, wanted: object) -> Mapping[str, str]:
        """Every device off if the host must not swap; no place if it may."""
        if flag(wanted):
            return {}
        links = {_real(kernel, link): link for link in kernel.find(f"{_BY_UUID}/*")}
        devices = [device.removeprefix("/") for device in _swapping(kernel)]
        return {f"swap//{links.get(device, device)}": "off" for device in devices}

    def show(self, kernel: Kernel, place: str) -> str:
        """``on`` with the priority, or ``off``."""
        device = place.removeprefix("swap//")
        if not kernel.exists(device):
            raise FileNotFoundError(place)
        priority = _swapping(kernel).get(f"/{_real(kernel, device)}")
        return "off" if priority is None else f"on {priority}"

    def write(self, kernel: Kernel, place: str, value: str) -> None:
        """Swap to the device, or stop."""
        priority = None if value == "off" else int(value.split()[1])
        kernel.set_swap(place.removeprefix("swap/"), priority)

    def same(self, kernel: Kernel, one: str, other: str) -> bool:  # noqa: ARG002
        """All negative priorities are equal: the kernel assigns them by the order of swapon(2)."""
        return one == other or (one.startswith("on -") and other.startswith("on -"))


def _real(kernel: Kernel, path: str) -> str:
    """A path without links; the root of the host is what it is relative to."""
    return (kernel.root / path).resolve().relative_to(kernel.root.resolve()).as_posix()


def _swapping(kernel: Kernel) -> dict[str, int]:
    """Priority by device, from /proc/swaps (proc_swaps(5)), which a kernel without swap lacks."""
    lines = kernel.read("proc/swaps").splitlines()[1:] if kernel.exists("proc/swaps") else []
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
        why="with always, a page fault waits until the kernel has moved other pages away",
        knob=ChoiceKnob("thp_defrag", f"{_THP}/defrag"),
    ),
    _counted("swapped_in", "pages read back from swap", "pswpin"),
    _counted("swapped_out", "pages written to swap", "pswpout"),
)
