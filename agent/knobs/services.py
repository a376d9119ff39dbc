"""Knobs for background work: systemd units and swap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .kernel import NotTaken, NotTunable
from .knob import Knob, flag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .kernel import Kernel

_ADMIN = "etc/systemd/system"
_UNITS = (_ADMIN, "run/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
_RUNNING = {"active", "reloading"}
_PASSING = {"activating", "deactivating"}


class Units(Knob):
    """Units that are stopped, and masked so that nothing starts them again.

    A mask is a link to /dev/null (systemd.unit(5)) and can be read without a running systemd.
    Whether a unit runs is known only if systemd runs.
    """

    name = "units"
    meaning = "units that may run"
    kept = False

    def targets(self, kernel: Kernel, wanted: Any) -> Mapping[str, str]:  # noqa: ANN401, ARG002
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
    meaning = "whether irqbalance may run"

    def targets(self, kernel: Kernel, wanted: Any) -> Mapping[str, str]:  # noqa: ANN401
        """The places of the unit if it must not run; none if it may."""
        return {} if flag(wanted) else super().targets(kernel, ["irqbalance.service"])


class Swap(Knob):
    """Swap devices and swap files."""

    name = "swap"
    meaning = "whether the host swaps"
    kept = False

    def targets(self, kernel: Kernel, wanted: Any) -> Mapping[str, str]:  # noqa: ANN401
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
