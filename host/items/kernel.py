"""The kernel: its settings, clock, daemons and timers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .. import moment
from ..expectation import DOUBT, EMPTY, HOST, RECORDED, Expectation, Limit, one_of
from ..item import Fact, Item
from ..kernel import NotReadable, NotTaken
from ..knob import Knob, flag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..item import Place
    from ..kernel import Files, Kernel
    from ..knob import Baseline

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
# Parameters that are recorded: what wakes or interrupts every core, and when written bytes go out.
_RECORDED = """
kernel.nmi_watchdog kernel.numa_balancing kernel.perf_event_max_sample_rate kernel.watchdog_cpumask
vm.dirty_background_bytes vm.dirty_background_ratio vm.dirty_bytes vm.dirty_ratio vm.stat_interval
"""
_RUNNING = {"active", "reloading"}
_PASSING = {"activating", "deactivating"}


class Sysctl(Knob):
    """Values below /proc/sys, by the names of sysctl(8)."""

    name = "sysctl"

    def targets(self, kernel: Kernel, wanted: object) -> Mapping[str, str]:  # noqa: ARG002
        """A dict of name and value; several numbers form one text."""
        if not isinstance(wanted, dict):
            raise TypeError(f"{wanted!r} is not a dict of name and value")
        return {_path(name): _text(wanted[name]) for name in wanted}

    def show(self, kernel: Kernel, place: str) -> str:
        """The kernel separates several numbers by tabs."""
        return _text(kernel.read(place))


def _path(name: str) -> str:
    """The file of a parameter (sysctl(8))."""
    return f"proc/sys/{name.replace('.', '/')}"


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError(f"{value!r} is neither a text nor a number")
    return " ".join(str(value).split())


class Units(Knob):
    """Units that are stopped, and masked so that nothing starts them again.

    A mask is a link to /dev/null (systemd.unit(5)) and can be read without a running systemd.
    Whether a unit runs is known only if systemd runs. A unit goes with its package.
    """

    name = "units"
    kept = False
    vanishing = True

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

    def first(self, kernel: Kernel, place: str, shown: str, others: Baseline) -> str:  # noqa: ARG002
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


def _aslr(host: Files) -> int:
    return int(host.read(_ASLR))


def _parameters(host: Files) -> list[str]:
    """Each parameter that is recorded, as ``name=value``; without those that a host lacks."""
    there = [name for name in _RECORDED.split() if host.exists(_path(name))]
    if not there:
        raise NotReadable("none of them is below /proc/sys")
    return [f"{name}={_text(host.read(_path(name)))}" for name in there]


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
    Item(
        "sysctl",
        "parameters of the kernel that decide when it interrupts a core or writes to the disk",
        f"{', '.join(_RECORDED.split())} of /proc/sys",
        read=_parameters,
        expected=RECORDED,
        why="they keep the kernel from swapping, sampling and moving memory in a window",
        knob=Sysctl(),
    ),
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
        why="it moves interrupts to measured cores in the middle of a window",
        knob=Irqbalance(),
    ),
    Item(
        "units",
        "units that may not run",
        f"systemd and /{_ADMIN}",
        why="jobs in the background take time and the disk in whichever window they meet",
        knob=Units(),
    ),
    # Documentation/core-api/irq/irq-affinity.rst: those that a driver requests later.
)
