"""What the firmware decides: its version, microcode, and how fast the memory runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ..expectation import DOUBT, RECORDED, Expectation, Limit
from ..item import Item
from ..kernel import NotReadable
from .processor import cpuinfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..kernel import Files

_DMI = "sys/class/dmi/id"
# The whole table (Documentation/ABI/testing/sysfs-firmware-dmi-tables). The folder ``entries`` of
# single structures is there only once the module dmi-sysfs is loaded.
_TABLE = "sys/firmware/dmi/tables/DMI"
# Beginnings of names in Documentation/admin-guide/kernel-parameters.txt.
_PARAMETERS = """
amd_iommu amd_pstate apparmor audit clocksource cpufreq cpuidle default_hugepagesz hugepages
hugepagesz idle init_on_ intel_idle intel_iommu intel_pstate iommu irqaffinity isolcpus kpti kvm
maxcpus mitigations nmi_watchdog no nr_cpus numa nvme pcie_aspm preempt processor psi pti rcu_
rcupdate selinux skew_tick spec ssbd swapaccount threadirqs transparent_hugepage tsc workqueue
"""
# The SMBIOS specification, DSP0134: a structure begins with its type, its length and its handle;
# strings follow it, up to two zeros. Of a Memory Device the offsets of words in MT/s, and of the
# number of the string that names the part.
_MEMORY_DEVICE, _HEADER = 17, 4
_SIZE, _SPEED, _PART, _CONFIGURED = 0x0C, 0x15, 0x1A, 0x20
_EMPTY = 0
_UNKNOWN = {0, 0xFFFF}
# Firmware often has the speed without EXPO or XMP for the one of the label, so that only the part's
# name tells: F5-6000J3038F16G, CMK32GX5M2B6000C36, KF560C36BBE, CP16G60C36U5.
_NAMED_SPEEDS = (
    (re.compile(r"F[45]-(\d{4})"), 1),
    (re.compile(r"CM\w+?(\d{4})C\d\d"), 1),
    (re.compile(r"KF[45](\d\d)C"), 100),
    (re.compile(r"C[PT]\w*?G(\d\d)C\d\d"), 100),
)


def _bios(host: Files) -> str:
    names = ("board_name", "bios_version", "bios_date")
    return ", ".join(host.read(f"{_DMI}/{name}") for name in names)


def _boot_parameters(host: Files) -> list[str]:
    known = tuple(_PARAMETERS.split())
    return [word for word in host.read("proc/cmdline").split() if word.startswith(known)]


class _Module(NamedTuple):
    """A kind of memory module; None for what the firmware does not say."""

    label: int | None  #: MT/s for which it is sold
    runs: int | None  #: MT/s
    part: str  #: as its maker names it; empty if unknown


def _structures(table: bytes) -> Iterator[bytes]:
    """The structures of a table, each with its strings."""
    at = 0
    while at + _HEADER <= len(table):
        length = table[at + 1]
        end = table.find(b"\0\0", at + length)
        if length < _HEADER or end < 0:
            raise NotReadable(f"/{_TABLE} is cut off, or no table")
        yield table[at : end + 1]
        at = end + 2


def _modules(host: Files) -> set[_Module]:
    table = (host.root / _TABLE).read_bytes()
    devices = [each for each in _structures(table) if each[0] == _MEMORY_DEVICE]
    if not devices:
        raise NotReadable("the firmware lists no memory modules")
    if min(each[1] for each in devices) < _CONFIGURED + 2:
        raise NotReadable("the firmware's table of memory modules is older than SMBIOS 2.7")
    return {_module(each) for each in devices if _word(each, _SIZE) != _EMPTY}


def _module(device: bytes) -> _Module:
    part = _string(device, device[_PART])
    speeds = (_speed(device, _SPEED), _named_speed(part))
    label = max((speed for speed in speeds if speed is not None), default=None)
    return _Module(label, _speed(device, _CONFIGURED), part)


def _named_speed(part: str) -> int | None:
    """The speed that the name of a part tells, MT/s."""
    for pattern, unit in _NAMED_SPEEDS:
        if match := pattern.match(part):
            return unit * int(match[1])
    return None


def _string(structure: bytes, number: int) -> str:
    """A string of a structure by its number, from 1; empty if it has none."""
    strings = structure[structure[1] :].split(b"\0")
    known = 0 < number <= len(strings)
    return strings[number - 1].decode("ascii", "replace").strip() if known else ""


def _word(structure: bytes, offset: int) -> int:
    return int.from_bytes(structure[offset : offset + 2], "little")


def _speed(structure: bytes, offset: int) -> int | None:
    speed = _word(structure, offset)
    return None if speed in _UNKNOWN else speed


def _memory_modules(host: Files) -> list[str]:
    """Each kind of module with its part, the speed on its label and the speed at which it runs."""

    def said(speed: int | None) -> str:
        return "unknown" if speed is None else f"{speed} MT/s"

    return sorted(
        f"{each.part or 'unnamed'}: {said(each.label)}, runs at {said(each.runs)}"
        for each in _modules(host)
    )


def _slow_modules(host: Files) -> int:
    """How many kinds of modules run below their speed."""
    return sum(
        each.label is not None and each.runs is not None and each.runs < each.label
        for each in _modules(host)
    )


ITEMS = (
    Item(
        "microcode",
        "revision of the processor's microcode",
        "microcode of /proc/cpuinfo",
        read=lambda host: cpuinfo(host, "microcode"),
        expected=RECORDED,
        why="an update changes what mitigations cost",
    ),
    Item(
        "firmware",
        "board, and version and date of its firmware",
        f"/{_DMI}/board_name, bios_version, bios_date",
        read=_bios,
        expected=RECORDED,
        why="the firmware decides clocks, memory timings and which CPUs are offered",
    ),
    Item(
        "boot_parameters",
        "boot parameters of the kernel that change performance",
        "/proc/cmdline; the others may name the owner's disks and networks",
        read=_boot_parameters,
        expected=RECORDED,
        why="they decide mitigations, idle states and which CPUs the scheduler uses",
    ),
    Item(
        "memory_modules",
        "memory modules: part, speed on the label or in the part's name, speed at which they run",
        f"/{_TABLE}, which root may read",
        read=_memory_modules,
        expected=RECORDED,
        why="a new board runs its memory below the label until EXPO or XMP is switched on",
    ),
    Item(
        "memory_below_label",
        "kinds of memory modules that run below the speed on their label",
        f"/{_TABLE}, which root may read",
        read=_slow_modules,
        expected=Expectation(Limit(high=0), DOUBT, required=False),
        why="slower memory makes the host differ from others of its name",
        do="switch EXPO or XMP on in the firmware, or leave it and say so beside the results",
    ),
)
