"""The CPUs of the kernel's own work: interrupts and deferred work."""

from __future__ import annotations

import errno
from collections import Counter
from typing import TYPE_CHECKING

from ..cpus import as_list, as_mask, cpu_list, mask_cpus
from ..item import Item
from ..knob import Knob, word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..kernel import Kernel
    from ..knob import Baseline

_DEFAULT_IRQ = "proc/irq/default_smp_affinity"
_IRQS = "proc/irq/[0-9]*/smp_affinity_list"
_WATCHDOG = "proc/sys/kernel/watchdog_cpumask"  # a list, in spite of its name
_WORKQUEUES = "sys/devices/virtual/workqueue"


class CpusKnob(Knob):
    """Files that hold CPUs, as a list or as a mask; the notation does not matter."""

    def __init__(self, name: str, *patterns: str, mask: bool = False) -> None:
        self.name = name
        self._patterns = patterns
        self._write, self._read = (as_mask, mask_cpus) if mask else (as_list, cpu_list)

    def targets(self, kernel: Kernel, wanted: object) -> Mapping[str, str]:
        """The CPUs, in the files' form, for every file."""
        files = [file for pattern in self._patterns for file in kernel.find(pattern)]
        return dict.fromkeys(files, self._write(cpu_list(word(wanted))))

    def same(self, kernel: Kernel, one: str, other: str) -> bool:  # noqa: ARG002
        """The same CPUs may have another order in a list, and more or fewer zeros in a mask."""
        return set(self._read(one)) == set(self._read(other))


class WorkqueueCpus(CpusKnob):
    """CPUs of unbound workqueues; those of a device, as scsi_tmf_0, vanish with it."""

    vanishing = True


class IrqCpus(Knob):
    """CPUs of each interrupt. Some cannot be moved: EIO, from Linux 6.12 on EPERM.

    Numbers change at a reboot, so a place is the interrupt's chip and its number in there, which
    stand for a device and its queue: ``irq/PCI-MSIX-0000:01:00.0/3``. Where these do not tell two
    interrupts apart, the place is the file itself. ENOSPC: the CPU has no vector left
    (Documentation/ABI/testing/sysfs-kernel-irq, arch/x86/kernel/apic/vector.c).
    """

    name = "irq_cpus"
    tolerated = frozenset({errno.EIO, errno.EPERM, errno.ENOSPC})
    vanishing = True
    kept = False  # the role sets every interrupt at boot

    def __init__(self) -> None:
        self._files: dict[str, str] = {}  # of the places that were looked up last

    def targets(self, kernel: Kernel, wanted: object) -> Mapping[str, str]:
        """The CPUs, as a list, for every interrupt."""
        self._files = _interrupts(kernel)
        return dict.fromkeys(self._files, as_list(cpu_list(word(wanted))))

    def show(self, kernel: Kernel, place: str) -> str:
        """The CPUs of one interrupt, as a list."""
        return kernel.read(self._file(kernel, place))

    def write(self, kernel: Kernel, place: str, value: str) -> None:
        """Move one interrupt."""
        kernel.write(self._file(kernel, place), value)

    def first(self, kernel: Kernel, place: str, shown: str, others: Baseline) -> str:
        """As it was; of an interrupt that came after the lab's setting, what it would have got.

        The kernel gives a new interrupt the CPUs of ``default_smp_affinity``. Earlier versions of
        the lab knew an interrupt by its file alone.
        """
        by_file = others.get(self.name, {}).get(self._files.get(place, place))
        if by_file is not None:
            return by_file
        untouched = others.get("default_irq_cpus", {}).get(_DEFAULT_IRQ)
        if self.name not in others or untouched is None:
            return shown
        online = kernel.online()
        return as_list(cpu for cpu in mask_cpus(untouched) if cpu in online)

    def late(self, kernel: Kernel, recorded: Baseline) -> Mapping[str, str]:
        """Interrupts that came after the lab's last look: a line of tmpfiles.d has set them."""
        if _DEFAULT_IRQ not in recorded.get("default_irq_cpus", {}):
            return {}  # what they would have got is not known
        self._files = _interrupts(kernel)
        came = self._files.keys() - recorded[self.name].keys()
        return {place: self.first(kernel, place, "", recorded) for place in sorted(came)}

    def same(self, kernel: Kernel, one: str, other: str) -> bool:  # noqa: ARG002
        """The same CPUs may have another order."""
        return set(cpu_list(one)) == set(cpu_list(other))

    def _file(self, kernel: Kernel, place: str) -> str:
        if place.startswith("proc/"):
            return place
        if place not in self._files or _chip_and_number(kernel, self._files[place]) != place:
            self._files = _interrupts(kernel)
        if place not in self._files:
            raise FileNotFoundError(place)
        return self._files[place]


def _interrupts(kernel: Kernel) -> dict[str, str]:
    """The file of each interrupt by its place."""
    files = kernel.find(_IRQS)
    places = [_chip_and_number(kernel, file) for file in files]
    alone = {place for place, count in Counter(places).items() if place and count == 1}
    return {
        place if place in alone else file: file for place, file in zip(places, files, strict=True)
    }


def _chip_and_number(kernel: Kernel, file: str) -> str:
    """The place of an interrupt; empty if the kernel does not say."""
    folder = f"sys/kernel/irq/{file.split('/')[2]}"
    try:
        chip, number = kernel.read(f"{folder}/chip_name"), kernel.read(f"{folder}/hwirq")
    except OSError:
        return ""
    return f"irq/{chip}/{number}" if chip and number else ""


ITEMS = (
    Item(
        "default_irq_cpus",
        "CPUs of future interrupts",
        f"/{_DEFAULT_IRQ}",
        why="a driver that starts later would interrupt measured cores",
        knob=CpusKnob("default_irq_cpus", _DEFAULT_IRQ, mask=True),
    ),
    Item(
        "irq_cpus",
        "CPUs of every interrupt",
        f"/{_IRQS}, known by /sys/kernel/irq",
        why="an interrupt takes time from whatever runs on its core",
        knob=IrqCpus(),
    ),
    # Documentation/core-api/workqueue.rst: the global limit, then queues with their own.
    Item(
        "workqueue_cpus",
        "CPUs of unbound workqueues",
        f"/{_WORKQUEUES}/cpumask, */cpumask",
        why="deferred work of the kernel takes time from whatever runs on its core",
        knob=WorkqueueCpus(
            "workqueue_cpus", f"{_WORKQUEUES}/cpumask", f"{_WORKQUEUES}/*/cpumask", mask=True
        ),
    ),
    Item(
        "watchdog_cpus",
        "CPUs on which the kernel's lockup watchdog runs",
        f"/{_WATCHDOG}",
        why="the watchdog interrupts every core on which it runs",
        knob=CpusKnob("watchdog_cpus", _WATCHDOG),
    ),
)
