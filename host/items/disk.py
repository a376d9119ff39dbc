"""The disk on which the lab keeps its state, and what the kernel does with writes to it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from ..expectation import ALWAYS, ANY, DOUBT, RECORDED, Expectation, Limit, one_of
from ..item import Item
from ..kernel import Files, NotReadable
from ..knob import Knob, word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ..item import Place
    from ..kernel import Kernel
    from ..levels import Profile

_GIB = 1 << 30
# What a run may fill. On bare metal the log of PostgreSQL alone may take 32 GiB (host/durable.py).
# Virtual machines write less; environments, templates and samples remain.
_ROOM = Expectation(Limit(low=40 * _GIB), ALWAYS, vm=Limit(low=8 * _GIB), smoke=Limit(low=2 * _GIB))
_NVME_SCHEDULERS = "sys/block/nvme*n*/queue/scheduler"
_NVME_LATENCY = "sys/class/nvme/nvme*/power/pm_qos_latency_tolerance_us"
_DIRTY = "proc/sys/vm/{}_bytes"
_RATIO = "ratio "


class NvmeFiles(Knob):
    """A file of every NVMe drive, gone with it; of a scheduler the word in brackets counts."""

    vanishing = True

    def __init__(self, name: str, pattern: str) -> None:
        self.name = name
        self._pattern = pattern

    def targets(self, kernel: Kernel, wanted: object) -> Mapping[str, str]:
        """The word for every drive."""
        return dict.fromkeys(kernel.find(self._pattern), word(wanted))

    def show(self, kernel: Kernel, place: str) -> str:
        """The word, or the chosen one of several."""
        text = kernel.read(place)
        return kernel.choice(place) if "[" in text else text


class DirtyBytes(Knob):
    """How many written bytes may wait in memory: before the kernel writes, and before writers wait.

    Each limit is a number of bytes or a share of the memory, and setting the one sets the other to
    0 (Documentation/admin-guide/sysctl/vm.rst). So a place shows ``ratio 20`` where a share is set.
    """

    name = "dirty_bytes"

    def targets(self, kernel: Kernel, wanted: object) -> Mapping[str, str]:  # noqa: ARG002
        """A dict with the bytes of ``dirty`` and ``dirty_background``."""
        if not isinstance(wanted, dict) or not wanted.keys() <= {"dirty", "dirty_background"}:
            raise TypeError(f"{wanted!r} is not a dict of dirty and dirty_background")
        return {_DIRTY.format(name): str(int(word(wanted[name]))) for name in sorted(wanted)}

    def show(self, kernel: Kernel, place: str) -> str:
        """The bytes, or the share in percent."""
        shown = kernel.read(place)
        return shown if shown != "0" else _RATIO + kernel.read(_ratio_of(place))

    def write(self, kernel: Kernel, place: str, value: str) -> None:
        """Set the bytes, or the share."""
        if value.startswith(_RATIO):
            kernel.write(_ratio_of(place), value.removeprefix(_RATIO))
        else:
            kernel.write(place, value)


def _ratio_of(place: str) -> str:
    return place.replace("_bytes", "_ratio")


def needed_gib(profile: Profile, *, database: bool) -> float:
    """GiB that must be free on a host before it is provisioned, with a database or without."""
    return (_ROOM.under(profile if database else "smoke").low or 0) / _GIB


def _disk(place: Place) -> Path:
    """The folder in /sys of the disk that holds the lab's folder; a partition lies in its disk."""
    device = place.folder.stat().st_dev
    name = f"{os.major(device)}:{os.minor(device)}"
    link = place.root / "sys/dev/block" / name
    if not link.exists():
        raise NotReadable(f"{name} is no block device: an overlay, or a network or memory disk")
    block = link.resolve()
    return block if (block / "queue").exists() else block.parent


def _disk_kind(place: Place) -> str:
    disk = _disk(place)
    if disk.name.startswith(("vd", "xvd")):
        return "virtual"  # whatever it says of itself
    if (disk / "queue/rotational").read_text().strip() == "1":
        return "rotating"
    return "nvme" if disk.name.startswith("nvme") else "solid state"


def _of_disk(name: str) -> Callable[[Place], str]:
    """A file of the disk, as a text."""

    def read(place: Place) -> str:
        file = _disk(place) / name
        if not file.exists():
            raise NotReadable(f"this disk has no {name}")
        return file.read_text().strip()

    return read


def _scheduler(place: Place) -> str:
    return Files(_disk(place)).choice("queue/scheduler")


def _mount(place: Place) -> str:
    """File system and options of the mount that holds the lab's folder (proc_pid_mountinfo(5))."""
    folder = place.folder.resolve()
    mounts = [line.split(" - ", 1) for line in place.read("proc/self/mountinfo").splitlines()]
    found = {}
    for own, rest in mounts:
        point, options = own.split()[4:6]
        kind, _, more = rest.split()[:3]
        if folder.is_relative_to(point.replace("\\040", " ")):
            found[len(point)] = f"{kind} {','.join(dict.fromkeys(f'{options},{more}'.split(',')))}"
    if not found:
        raise NotReadable("no line of /proc/self/mountinfo holds the lab's folder")
    return found[max(found)]


ITEMS = (
    Item(
        "disk_free",
        "free space in the lab's folder",
        "statvfs of that folder",
        unit="bytes",
        read=lambda place: shutil.disk_usage(place.folder).free,
        expected=_ROOM,
        why="the database, its log, the stacks' environments and the raw samples need space",
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
    Item(
        "disk_model",
        "model of the lab's disk",
        "device/model of /sys/dev/block",
        read=_of_disk("device/model"),
        expected=RECORDED,
        why="how long a commit waits depends on the drive",
    ),
    Item(
        "disk_mount",
        "file system of the lab's folder, and its mount options",
        "/proc/self/mountinfo",
        read=_mount,
        expected=RECORDED,
        why="file system, barriers and access times decide what a commit writes",
    ),
    Item(
        "write_cache",
        "write cache of the lab's disk",
        "queue/write_cache of /sys/dev/block",
        read=_of_disk("queue/write_cache"),
        expected=RECORDED,
        why="write back makes each commit flush the cache; a drive with capacitors needs none",
    ),
    Item(
        "io_scheduler",
        "I/O scheduler of the lab's disk",
        "queue/scheduler of /sys/dev/block",
        read=_scheduler,
        expected=Expectation(one_of("none"), DOUBT, vm=ANY),
        why="a scheduler delays requests to order them, which a solid-state disk does not need",
        do="write none to the queue/scheduler of the drive",
        knob=NvmeFiles("io_scheduler", _NVME_SCHEDULERS),
    ),
    Item(
        "nvme_latency",
        "time that an NVMe drive may take to leave a power state",
        f"/{_NVME_LATENCY}",
        unit="us",
        read=lambda place: place.of_files(_NVME_LATENCY),
        expected=RECORDED,
        why="a drive that rests answers the next commit late (APST); 0 keeps it awake",
        knob=NvmeFiles("nvme_latency_us", _NVME_LATENCY),
    ),
    Item(
        "dirty_bytes",
        "how many written bytes may wait in memory, in bytes or as a share of it",
        "/proc/sys/vm/dirty_*",
        why="a share of a large memory waits for minutes, and then goes to the disk in one window",
        knob=DirtyBytes(),
    ),
)
