"""Knobs: the settings of a host that the lab changes and restores.

    knob        the interface of a knob: its places, and how to read and write them
    processor, system, interrupts, services, slices
                the knobs by area
    settling    record, tune, verify and restore, with the outcome of each place
    kernel      the one seam to a host; `played` simulates one for tests

The roles use the knobs through the module lab_knobs, which ships this folder to the host. The
folder therefore needs only the standard library, and its imports are relative.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .interrupts import DefaultIrqAffinity, IrqAffinity, WorkqueueCpus
from .kernel import Kernel, kernel_at
from .processor import Boost, EnergyPreference, Governor, IdleStates, Smt
from .services import Irqbalance, Swap, Units
from .settling import FAILURES, Outcome, Store, compare, record, records, restore, tune, verify
from .slices import Slices
from .system import HugePages, Sysctl, TransparentHugePageDefragmentation, TransparentHugePages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .knob import Knob

# In the order in which they are set and restored: SMT first, because it decides which CPUs are
# online; the governor before the energy preference, which it limits.
KNOBS: tuple[Knob, ...] = (
    Smt(),
    Governor(),
    EnergyPreference(),
    Boost(),
    IdleStates(),
    Sysctl(),
    HugePages(),
    TransparentHugePages(),
    TransparentHugePageDefragmentation(),
    Irqbalance(),
    DefaultIrqAffinity(),
    IrqAffinity(),
    WorkqueueCpus(),
    Units(),
    Swap(),
    Slices(),
)
BY_NAME: Mapping[str, Knob] = {knob.name: knob for knob in KNOBS}

__all__ = [
    "BY_NAME",
    "FAILURES",
    "KNOBS",
    "Kernel",
    "Outcome",
    "Store",
    "chosen",
    "compare",
    "kernel_at",
    "record",
    "records",
    "restore",
    "tmpfiles",
    "tune",
    "verify",
]


def chosen(wanted: Mapping[str, Any]) -> dict[Knob, Any]:
    """The knobs by name, in order, without those whose wanted value is None.

    Raises:
        KeyError: there is no knob of that name.
    """
    for name in wanted:
        if name not in BY_NAME:
            raise KeyError(f"there is no knob {name}; there are {', '.join(BY_NAME)}")
    return {knob: wanted[knob.name] for knob in KNOBS if wanted.get(knob.name) is not None}


def tmpfiles(outcomes: list[Outcome]) -> list[str]:
    """Lines of tmpfiles.d(5) that set the same values at every boot."""
    return [
        f"w /{each.place} - - - - {each.wanted}"
        for each in outcomes
        if each.verdict in {"held", "changed"} and BY_NAME[each.knob].kept
    ]
