"""Knobs of what runs by itself: units of systemd, and swapping."""

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

    A mask is a link to /dev/null (systemd.unit(5)), which is true with or without a running
    systemd; whether a unit runs is only known where systemd does.
    """

    name = "units"
    meaning = "units that may run"
    kept = False

    def targets(self, kernel: Kernel, wanted: Any) -> Mapping[str, str]:  # noqa: ANN401, ARG002
        """A list of the units that should not."""
        if not isinstance(wanted, list):
            raise TypeError(f"{wanted!r} is not a list of units")
        # All masks before all starts: a timer does not start while its service is masked.
        quiet = {"masked": "yes", "active": "no"}
        return {
            f"unit/{unit}/{aspect}": value for aspect, value in quiet.items() for unit in wanted
        }

    def show(self, kernel: Kernel, place: str) -> str:
        """Say yes, no, or passing while it starts or ends; of a unit that is not there, nothing."""
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
        """A service such as apt-daily.service is passing all its life; its timer starts it anew."""
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
                raise NotTaken(f"/{_ADMIN}/{unit} is the administrator's own: move it away first")
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to("/dev/null")
        else:
            link.unlink()
        if kernel.has_systemd():
            kernel.systemctl("daemon-reload")


class Irqbalance(Units):
    """One unit with a knob of its own, for it belongs to another role."""

    name = "irqbalance"
    meaning = "whether irqbalance may run"

    def targets(self, kernel: Kernel, wanted: Any) -> Mapping[str, str]:  # noqa: ANN401
        """Where it should not run, as other units; else it is left alone."""
        return {} if flag(wanted) else super().targets(kernel, ["irqbalance.service"])


class Swap(Knob):
    """Devices and files that are swapped to."""

    name = "swap"
    meaning = "whether the host swaps"
    kept = False

    def targets(self, kernel: Kernel, wanted: Any) -> Mapping[str, str]:  # noqa: ANN401
        """Where it should not swap, every device is off; else none is touched."""
        if flag(wanted):
            return {}
        return {f"swap/{device}": "off" for device in _swapping(kernel)}

    def show(self, kernel: Kernel, place: str) -> str:
        """Say ``on`` with the priority, or ``off``."""
        priority = _swapping(kernel).get(place.removeprefix("swap/"))
        return "off" if priority is None else f"on {priority}"

    def write(self, kernel: Kernel, place: str, value: str) -> None:
        """Swap there or no more."""
        priority = None if value == "off" else int(value.split()[1])
        kernel.set_swap(place.removeprefix("swap/"), priority)

    def same(self, kernel: Kernel, one: str, other: str) -> bool:  # noqa: ARG002
        """Negative priorities are the kernel's choice, by the order of swapon(2)."""
        return one == other or (one.startswith("on -") and other.startswith("on -"))


def _swapping(kernel: Kernel) -> dict[str, int]:
    """Priority by device, from /proc/swaps (proc_swaps(5))."""
    try:
        lines = kernel.read("proc/swaps").splitlines()[1:]
    except FileNotFoundError:
        raise NotTunable("the kernel does not swap") from None
    return {line.split()[0]: int(line.split()[-1]) for line in lines}
