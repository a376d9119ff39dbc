"""The kernel: its settings and clock, daemons and timers, and the CPUs of its own work."""

from __future__ import annotations

import errno
import time
from typing import TYPE_CHECKING

from .. import moment
from ..cpus import as_list, as_mask, cpu_list, mask_cpus
from ..expectation import DOUBT, EMPTY, HOST, RECORDED, Expectation, Limit, one_of
from ..item import Fact, Item
from ..kernel import NotTaken
from ..knob import Knob, flag, word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..item import Place
    from ..kernel import Files, Kernel

_COMM = 15  # characters of a process name that the kernel keeps
_ASLR = "proc/sys/kernel/randomize_va_space"
_CLOCK = "sys/devices/system/clocksource/clocksource0/current_clocksource"
_CHEAP_IN_A_VM = ("tsc", "kvm-clock", "hyperv_clocksource_tsc_page")  # read without a system call
_SYNCHRONISERS = "chronyd systemd-timesyncd ntpd ntpd-rs openntpd ptp4l phc2sys"
_MEDDLERS = (
    "irqbalance tuned thermald power-profiles-daemon tlp unattended-upgrade-shutdown "
    "apt.systemd.daily packagekitd fwupd snapd"
)
_ADMIN = "etc/systemd/system"
_UNITS = (_ADMIN, "run/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
_RUNNING = {"active", "reloading"}
_PASSING = {"activating", "deactivating"}
_DEFAULT_IRQ = "proc/irq/default_smp_affinity"
_IRQS = "proc/irq/[0-9]*/smp_affinity_list"
_WORKQUEUES = "sys/devices/virtual/workqueue"


class Sysctl(Knob):
    """Values below /proc/sys, by the names of sysctl(8)."""

    name = "sysctl"

    def targets(self, kernel: Kernel, wanted: object) -> Mapping[str, str]:  # noqa: ARG002
        """A dict of name and value; several numbers form one text."""
        if not isinstance(wanted, dict):
            raise TypeError(f"{wanted!r} is not a dict of name and value")
        return {f"proc/sys/{name.replace('.', '/')}": _text(wanted[name]) for name in wanted}

    def show(self, kernel: Kernel, place: str) -> str:
        """The kernel separates several numbers by tabs."""
        return _text(kernel.read(place))


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError(f"{value!r} is neither a text nor a number")
    return " ".join(str(value).split())


class Units(Knob):
    """Units that are stopped, and masked so that nothing starts them again.

    A mask is a link to /dev/null (systemd.unit(5)) and can be read without a running systemd.
    Whether a unit runs is known only if systemd runs.
    """

    name = "units"
    kept = False

    def targets(self, kernel: Kernel, wanted: object) -> Mapping[str, str]:  # noqa: ARG002
        """A list of the units that must not run."""
        if not isinstance(wanted, list):
            raise TypeError(f"{wanted!r} is not a list of units")
        # All masks before all starts: a timer does not start while its service is masked.
        quiet = {"masked": "yes", "active": "no"}
        return {
            f"unit/{unit}/{aspect}": value for aspect, value in quiet.items() for unit in wanted
        }

    def show(self, kernel: Kernel, place: str) -> str:
        """``yes``, ``no``, or ``passing`` while the unit starts or stops."""
        _, unit, aspect = place.split("/")
        link = kernel.root / _ADMIN / unit
        masked = link.is_symlink() and link.readlink().as_posix() == "/dev/null"
        if not masked and not any((kernel.root / folder / unit).exists() for folder in _UNITS):
            raise FileNotFoundError(place)
        if aspect == "masked":
            return "yes" if masked else "no"
        state = kernel.systemctl("is-active", unit)
        if state in _PASSING:
            return "passing"
        return "yes" if state in _RUNNING else "no"

    def lasting(self, shown: str) -> str:
        """One-shot units are never active: restore them as stopped, their timer starts them."""
        return "no" if shown == "passing" else shown

    def write(self, kernel: Kernel, place: str, value: str) -> None:
        """Mask or unmask, start or stop."""
        _, unit, aspect = place.split("/")
        if aspect == "active":
            kernel.systemctl("start" if value == "yes" else "stop", unit)
            return
        link = kernel.root / _ADMIN / unit
        if value == "yes":
            if link.is_symlink() or link.exists():
                raise NotTaken(f"/{_ADMIN}/{unit} belongs to the administrator: move it away first")
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to("/dev/null")
        else:
            link.unlink()
        if kernel.has_systemd():
            kernel.systemctl("daemon-reload")


class Irqbalance(Units):
    """One unit with its own knob, because another role sets it."""

    name = "irqbalance"

    def targets(self, kernel: Kernel, wanted: object) -> Mapping[str, str]:
        """The places of the unit if it must not run; none if it may."""
        return {} if flag(wanted) else super().targets(kernel, ["irqbalance.service"])


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


class IrqCpus(CpusKnob):
    """CPUs of each interrupt. Some cannot be moved: EIO, from Linux 6.12 on EPERM."""

    tolerated = frozenset({errno.EIO, errno.EPERM})
    vanishing = True
    kept = False  # the numbers change at each boot, so the role sets every interrupt then


def _aslr(host: Files) -> int:
    return int(host.read(_ASLR))


def _running(place: Place, names: str) -> list[str]:
    present = {name[:_COMM] for name in moment.names(place.after)}
    return [name for name in names.split() if name[:_COMM] in present]


ITEMS = (
    Item(
        "distribution",
        "name and version of the distribution",
        "PRETTY_NAME of /etc/os-release",
        read=lambda host: host.release()["PRETTY_NAME"],
        fact=Fact(),
    ),
    Item(
        "kernel",
        "release of the kernel",
        "/proc/sys/kernel/osrelease",
        read=lambda host: host.read("proc/sys/kernel/osrelease"),
        fact=Fact(),
    ),
    Item("sysctl", "kernel parameters by name", "/proc/sys", knob=Sysctl()),
    Item(
        "aslr",
        "address space randomisation",
        f"/{_ASLR}",
        read=_aslr,
        fact=Fact(read=lambda host: str(_aslr(host))),
        expected=Expectation(one_of(2), HOST),
        why="the layout of memory changes speed by some percent: it must vary from trial to trial",
        do="sysctl kernel.randomize_va_space=2",
    ),
    Item(
        "clocksource",
        "the kernel's clock source",
        f"/{_CLOCK}",
        read=lambda host: host.read(_CLOCK),
        fact=Fact(),
        expected=Expectation(one_of("tsc"), HOST, vm=one_of(*_CHEAP_IN_A_VM)),
        why="reading another clock takes a system call, and asyncio reads it in every turn",
        do="find out in the kernel log why the kernel refused tsc; a firmware update often helps",
    ),
    Item(
        "clock_resolution",
        "resolution of the monotonic clock",
        "clock_getres(2)",
        unit="ns",
        read=lambda _: round(time.clock_getres(time.CLOCK_MONOTONIC) * 1e9),
        expected=Expectation(Limit(high=1000), HOST),
        why="latencies are recorded in microseconds, and a coarser clock would round them",
        do="boot with high-resolution timers (no highres=off)",
    ),
    Item(
        "perf_paranoid",
        "how much of perf the kernel forbids to users other than root",
        "/proc/sys/kernel/perf_event_paranoid",
        read=lambda host: int(host.read("proc/sys/kernel/perf_event_paranoid")),
        expected=RECORDED,
        why="it decides whether a user other than root can examine a difference with perf",
    ),
    Item(
        "time_sync",
        "running daemons that set the clock",
        "names of processes",
        read=lambda place: _running(place, _SYNCHRONISERS),
        expected=RECORDED,
        why="a daemon may step the clock of the dates; durations come from the monotonic clock",
    ),
    Item(
        "meddlers",
        "running daemons that retune the host or wake up to update it",
        "names of processes",
        read=lambda place: _running(place, _MEDDLERS),
        expected=Expectation(EMPTY, DOUBT),
        why="they move interrupts, change the clock or start updates while the lab measures",
        do="systemctl stop each of them during the run",
    ),
    Item(
        "irqbalance",
        "whether irqbalance, which moves interrupts, may run",
        "irqbalance.service of systemd",
        knob=Irqbalance(),
    ),
    Item("units", "units that may not run", f"systemd and /{_ADMIN}", knob=Units()),
    # Documentation/core-api/irq/irq-affinity.rst: those that a driver requests later.
    Item(
        "default_irq_cpus",
        "CPUs of future interrupts",
        f"/{_DEFAULT_IRQ}",
        knob=CpusKnob("default_irq_cpus", _DEFAULT_IRQ, mask=True),
    ),
    Item("irq_cpus", "CPUs of every interrupt", f"/{_IRQS}", knob=IrqCpus("irq_cpus", _IRQS)),
    # Documentation/core-api/workqueue.rst: the global limit, then queues with their own.
    Item(
        "workqueue_cpus",
        "CPUs of unbound workqueues",
        f"/{_WORKQUEUES}/cpumask, */cpumask",
        knob=CpusKnob(
            "workqueue_cpus", f"{_WORKQUEUES}/cpumask", f"{_WORKQUEUES}/*/cpumask", mask=True
        ),
    ),
)
