"""How fast the trial's CPUs ran in a window, and how hot the processor became.

The clock of a CPU counts only while it is busy; see `host.items.heat` for what the kernel shows.
Two looks a second at 16 CPUs use about 0.1 % of a core.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from statistics import fmean
from typing import TYPE_CHECKING

from bundle.documents.readings import CpuClock, Heat, Pace
from host import moment
from host.items import heat
from host.kernel import NotReadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from host.items.heat import Sensor
    from host.kernel import Files

_BUSY = 0.5  # of the time since the last look
_RESTS = ("idle", "iowait", "steal")
_UNREADABLE = (NotReadable, OSError, ValueError, LookupError)


class Watcher:
    """Looks at the clocks of some CPUs, and at temperatures, while a window is open."""

    def __init__(self, host: Files, cpus: Iterable[int], *, period_s: float = 0.5) -> None:
        self._host = host
        self._period_s = period_s
        self._due = time.monotonic() + period_s
        self._planned: dict[int, int] = {}
        self._sensors: list[Sensor] = []
        self._clocks: dict[int, list[int]] = defaultdict(list)
        self._hottest: dict[Sensor, int] = {}
        self._looked = False
        self._no_clocks = self._no_heat = ""
        self._before: Mapping[str, Mapping[str, int]] = {}
        try:
            self._planned = {cpu: heat.planned_khz(host, cpu) for cpu in sorted(set(cpus))}
            self._before = moment.cpu_ticks(host.read("proc/stat"))
        except _UNREADABLE as problem:
            self._no_clocks = str(problem)
        try:
            self._sensors = heat.sensors(host)
        except _UNREADABLE as problem:
            self._no_heat = str(problem)

    def look(self) -> None:
        """Take the readings, if a period has passed since the last ones."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self._period_s
        self._looked = True
        if not self._no_clocks:
            try:
                self._look_at_clocks()
            except _UNREADABLE as problem:
                self._no_clocks = str(problem)
        if not self._no_heat:
            try:
                self._look_at_sensors()
            except _UNREADABLE as problem:
                self._no_heat = str(problem)

    def record(self) -> Pace:
        """What was seen."""
        unseen = "" if self._looked else f"the window was shorter than {self._period_s:g} s"
        no_clocks, no_heat = self._no_clocks or unseen, self._no_heat or unseen
        return Pace(
            clocks=None if no_clocks else self._clocks_of_cpus(),
            clocks_unread=no_clocks or None,
            heat=None if no_heat else self._heat(),
            heat_unread=no_heat or None,
        )

    def _look_at_clocks(self) -> None:
        ticks = moment.cpu_ticks(self._host.read("proc/stat"))
        for cpu in self._planned:
            if str(cpu) not in ticks:
                raise NotReadable(f"CPU {cpu} went offline in the window")
            if _busy(self._before[str(cpu)], ticks[str(cpu)]) >= _BUSY:
                self._clocks[cpu].append(heat.current_khz(self._host, cpu))
        self._before = ticks

    def _look_at_sensors(self) -> None:
        for sensor in self._sensors:
            shown = int(self._host.read(sensor.path))
            self._hottest[sensor] = max(shown, self._hottest.get(sensor, shown))

    def _clocks_of_cpus(self) -> dict[str, CpuClock]:
        return {
            str(cpu): CpuClock(
                planned_khz=planned,
                looks=len(seen := self._clocks[cpu]),
                mean_khz=round(fmean(seen)) if seen else None,
                lowest_khz=min(seen, default=None),
            )
            for cpu, planned in self._planned.items()
        }

    def _heat(self) -> Heat:
        return nearest(
            Heat(
                sensor=sensor.name,
                highest_mc=highest,
                limit_mc=sensor.limit_mc,
                limit_from=sensor.limit_from,
            )
            for sensor, highest in self._hottest.items()
        )


def nearest(heats: Iterable[Heat]) -> Heat:
    """The one that came nearest to its limit; one of an unknown limit comes first of all.

    Raises:
        ValueError: there is none.
    """

    def headroom(each: Heat) -> float:
        return -math.inf if each.headroom_mc is None else each.headroom_mc

    return min(heats, key=headroom)


def _busy(before: Mapping[str, int], after: Mapping[str, int]) -> float:
    """The share of the time between two looks in which a CPU worked."""
    ticks = {state: after[state] - before[state] for state in after}
    total = sum(ticks.values())
    return 1 - sum(ticks[state] for state in _RESTS) / total if total > 0 else 0.0
