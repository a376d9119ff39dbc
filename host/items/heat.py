"""How fast the CPUs run when nothing slows them, and how near to its limit the processor is.

The kernel computes ``scaling_cur_freq`` of a busy x86 CPU from the counters APERF and MPERF over
its last tick: arch_freq_get_on_cpu() in arch/x86/kernel/cpu/aperfmperf.c, since Linux 5.18. Of a
CPU that was idle for 20 ms it shows what the driver last asked for, which says nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ..cpus import CPUS
from ..expectation import ANY, DOUBT, RECORDED, Expectation, Limit
from ..item import Item
from ..kernel import NotReadable

if TYPE_CHECKING:
    from ..kernel import Files

LEAST_HEADROOM = 5
"""Degrees Celsius below its limit that leave a processor at its clock, by this project's judgement:
its temperature rises by some degrees between two looks."""

_HWMON = "sys/class/hwmon"
# Of the processor as a whole. Reading a single core of coretemp interrupts that core.
_LABELS = {
    "k10temp": re.compile(r"Tctl"),
    "coretemp": re.compile(r"Package id \d+|Physical id \d+"),
}
# "Max. Operating Temperature (Tjmax)" of AMD's product pages, degrees Celsius. Since family 17h
# k10temp has no crit: k10temp_is_visible() in drivers/hwmon/k10temp.c.
_AMD_LIMITS = {
    "3900X": 95,
    "3950X": 95,
    "5950X": 90,
    "7950X": 95,
    "7950X3D": 89,
    "9950X": 95,
    "9950X3D": 95,
}


class Sensor(NamedTuple):
    """A temperature of the processor."""

    name: str  #: of the driver and of the sensor
    path: str  #: of its file, which holds millidegrees Celsius
    #: at which the processor slows itself down, millidegrees Celsius; None if it is not known
    limit_mc: int | None
    limit_from: str  #: where the limit is from, or why it is not known


def planned_khz(host: Files, cpu: int) -> int:
    """The clock that a CPU holds without boost: its base clock, unless cpufreq caps it below.

    Documentation/admin-guide/pm/intel_pstate.rst has base_frequency,
    Documentation/admin-guide/acpi/cppc_sysfs.rst nominal_freq, in MHz, and 0 where the firmware
    leaves it out. The table of acpi-cpufreq has no clocks of boost.

    Raises:
        NotReadable: the host has none of these files.
    """
    own = f"{CPUS}/cpu{cpu}"
    if not host.exists(f"{own}/cpufreq/scaling_max_freq"):
        raise NotReadable(f"there is no cpufreq below /{own}")
    highest = int(host.read(f"{own}/cpufreq/scaling_max_freq"))
    return min(highest, _base_khz(host, own))


def _base_khz(host: Files, own: str) -> int:
    if host.exists(f"{own}/cpufreq/base_frequency"):
        return int(host.read(f"{own}/cpufreq/base_frequency"))
    if host.exists(f"{own}/acpi_cppc/nominal_freq"):
        nominal = 1000 * int(host.read(f"{own}/acpi_cppc/nominal_freq"))
        if nominal:
            return nominal
    if host.exists(f"{own}/cpufreq/scaling_available_frequencies"):
        return max(map(int, host.read(f"{own}/cpufreq/scaling_available_frequencies").split()))
    raise NotReadable(f"neither cpufreq nor acpi_cppc below /{own} says the base clock")


def current_khz(host: Files, cpu: int) -> int:
    """The clock of a CPU over its last tick, if it is busy; see the module."""
    return int(host.read(f"{CPUS}/cpu{cpu}/cpufreq/scaling_cur_freq"))


def sensors(host: Files) -> list[Sensor]:
    """The temperatures of each processor package (Documentation/hwmon/k10temp.rst, coretemp.rst).

    Raises:
        NotReadable: the host has none.
    """
    found = []
    for file in host.find(f"{_HWMON}/hwmon*/name"):
        driver = host.read(file)
        if driver in _LABELS:
            found += _of_driver(host, file.removesuffix("/name"), driver)
    if not found:
        raise NotReadable(f"no k10temp or coretemp below /{_HWMON}")
    return found


def _of_driver(host: Files, folder: str, driver: str) -> list[Sensor]:
    sensors = []
    for file in host.find(f"{folder}/temp*_label"):
        label = host.read(file)
        if _LABELS[driver].fullmatch(label):
            own = file.removesuffix("_label")
            limit = _limit(host, f"{own}_crit")
            sensors.append(Sensor(f"{driver} {label}", f"{own}_input", *limit))
    return sensors


def _limit(host: Files, crit: str) -> tuple[int | None, str]:
    if host.exists(crit):
        return int(host.read(crit)), f"/{crit}"
    model = host.pairs("proc/cpuinfo", ":").get("model name", "an unnamed processor")
    for word in model.split():
        if word in _AMD_LIMITS:
            return 1000 * _AMD_LIMITS[word], f"AMD's product page of the {word}"
    return None, f"no temperature is known at which {model} slows itself down"


def headroom(host: Files) -> int:
    """How far the hottest package is below its limit now, degrees Celsius.

    Raises:
        NotReadable: the host has no such sensor, or its limit is not known.
    """
    left_mc = []
    for sensor in sensors(host):
        if sensor.limit_mc is None:
            raise NotReadable(sensor.limit_from)
        left_mc.append(sensor.limit_mc - int(host.read(sensor.path)))
    return round(min(left_mc) / 1000)


def _base_clocks(host: Files) -> list[int]:
    return sorted({planned_khz(host, cpu) // 1000 for cpu in host.online()})


ITEMS = (
    Item(
        "base_clock",
        "clocks of the CPUs without boost, capped by cpufreq",
        f"/{CPUS}/cpu*/cpufreq/base_frequency, acpi_cppc/nominal_freq or "
        "cpufreq/scaling_available_frequencies, and cpufreq/scaling_max_freq",
        unit="MHz",
        read=_base_clocks,
        expected=RECORDED,
        why="the gate `frequency` compares the clock in each window with it",
    ),
    Item(
        "heat_headroom",
        "how far the processor is below the temperature at which it slows itself down",
        f"k10temp's Tctl or coretemp's package below /{_HWMON}, against its crit or, for a Ryzen, "
        "the Tjmax of AMD's product page",
        unit="degrees C",
        read=headroom,
        expected=Expectation(Limit(low=LEAST_HEADROOM), DOUBT, vm=ANY),
        why="a processor that is hot before the run lowers its clock during it",
        do="clean or mount the cooler; switch boost off, or lower the power limit in the firmware",
    ),
)
