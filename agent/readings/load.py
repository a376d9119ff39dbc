"""Readings of what else the host is doing, over the interval between two moments."""

from __future__ import annotations

from . import moment
from .source import Place, Reading

BUSY_CORES = 0.05  # of one core: less than that is lost in the ticks of a second


def _foreign_cpu(place: Place) -> float:
    # The interval is spent asleep, so that whatever is busy in it is somebody else.
    busy = moment.cpu_shares(place.before, place.after)["busy"]
    return round(busy * len(place.online()), 3)


def _foreign_processes(place: Place) -> list[str]:
    busy = moment.busy_processes(place.before, place.after, least=BUSY_CORES)
    return [f"{name} {cores:.2f}" for name, cores in busy]


def _stalled(resource: str) -> Reading:
    return Reading(
        f"pressure_{resource}",
        "number",
        "share",
        f"share of the interval in which some task waited for {resource}",
        f"some of /proc/pressure/{resource}",
        lambda place: round(moment.stalled_share(place.before, place.after, resource), 4),
    )


READINGS = (
    Reading(
        "load_1m",
        "number",
        None,
        "load average of the last minute",
        "/proc/loadavg",
        lambda place: float(place.text("proc/loadavg").split()[0]),
    ),
    Reading(
        "runnable",
        "number",
        None,
        "tasks running or waiting for a CPU, without the one that asks",
        "procs_running of /proc/stat",
        lambda place: max(0, moment.counter(place.after, "procs_running") - 1),
    ),
    Reading(
        "foreign_cpu",
        "number",
        "cores",
        "CPU time used while the lab slept",
        "/proc/stat, twice",
        _foreign_cpu,
    ),
    Reading(
        "foreign_processes",
        "list",
        "cores",
        f"processes that used {BUSY_CORES:g} of a core and more meanwhile",
        "/proc/PID/stat, twice",
        _foreign_processes,
    ),
    Reading(
        "steal",
        "number",
        "share",
        "share of CPU time that the hypervisor gave to others",
        "steal of /proc/stat, twice",
        lambda place: round(moment.cpu_shares(place.before, place.after)["steal"], 4),
    ),
    *(_stalled(resource) for resource in ("cpu", "memory", "io")),
)
