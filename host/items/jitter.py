"""The jitter floor of the CPUs that are measured; see `host.spinning`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..expectation import DOUBT, RECORDED, Expectation, Limit, Rule, Severity
from ..item import Item
from ..kernel import NotReadable
from ..spinning import SIZES_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..item import Place
    from ..spinning import Spun

_SOURCE = "gaps between looks at CLOCK_MONOTONIC on every measured CPU at once"
# Where purposes share a core, they disturb each other far more.
_SHARE = Rule(Severity.FATAL, Severity.WARNING, sharing=Severity.WARNING)
_QUIET = (
    "provision the host, which moves interrupts and other programs away; of a virtual machine, "
    "ask for dedicated CPUs"
)


def _spun(place: Place) -> Mapping[int, Spun]:
    if isinstance(place.jitter, str):
        raise NotReadable(place.jitter)
    return place.jitter


def _worst(place: Place) -> int:
    return round(1e6 * max(each.share for each in _spun(place).values()))


def _longest(place: Place) -> float:
    return round(max(each.longest_us for each in _spun(place).values()), 1)


def _cost(place: Place) -> int:
    return round(max(each.look_ns for each in _spun(place).values()))


def _gaps(place: Place) -> list[str]:
    return [f"CPU {cpu}: {'/'.join(map(str, each.counts))}" for cpu, each in _spun(place).items()]


ITEMS = (
    Item(
        "jitter",
        "time that something else took from the measured CPU that lost most",
        _SOURCE,
        unit="us/s",
        read=_worst,
        expected=Expectation(Limit(high=10_000), _SHARE, vm=Limit(high=20_000), required=False),
        why="a CPU loses this time in every trial, and never the same: the limit, 1 %, is a third "
        "of the margin of throughput on bare metal",
        do=_QUIET,
    ),
    Item(
        "jitter_longest",
        "longest time that a measured CPU was away",
        _SOURCE,
        unit="us",
        read=_longest,
        expected=Expectation(Limit(high=1000), DOUBT, vm=Limit(high=10_000)),
        why="requests wait so long for nobody's fault; the gate `dispatch` allows the client 1 ms",
        do=_QUIET,
    ),
    Item(
        "jitter_gaps",
        f"gaps of each measured CPU by size: from {', '.join(map(str, SIZES_US))} us up",
        _SOURCE,
        read=_gaps,
        expected=RECORDED,
        why="short ones are the timer's interrupts, long ones other programs or a hypervisor",
    ),
    Item(
        "jitter_cost",
        "duration of one look at the clock: what the measurement itself costs",
        _SOURCE,
        unit="ns",
        read=_cost,
        expected=RECORDED,
        why="nothing much shorter can be seen",
    ),
)
