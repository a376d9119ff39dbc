"""Readings of the kernel's settings and clock, and of daemons that change things by themselves."""

from __future__ import annotations

import time

from . import moment
from .source import Place, Reading

_COMM = 15  # characters of a process name that the kernel keeps
_SYNCHRONISERS = ("chronyd", "systemd-timesyncd", "ntpd", "ntpd-rs", "openntpd", "ptp4l", "phc2sys")
_MEDDLERS = (
    "irqbalance",
    "tuned",
    "thermald",
    "power-profiles-daemon",
    "tlp",
    "unattended-upgrade-shutdown",
    "apt.systemd.daily",
    "packagekitd",
    "fwupd",
    "snapd",
)


def _running(place: Place, names: tuple[str, ...]) -> list[str]:
    present = {name[:_COMM] for name in moment.names(place.after)}
    return [name for name in names if name[:_COMM] in present]


READINGS = (
    Reading(
        "aslr",
        "number",
        None,
        "address space randomisation",
        "/proc/sys/kernel/randomize_va_space",
        lambda place: int(place.text("proc/sys/kernel/randomize_va_space")),
    ),
    Reading(
        "clocksource",
        "text",
        None,
        "the kernel's clock source",
        "/sys/devices/system/clocksource/clocksource0/current_clocksource",
        lambda place: place.text("sys/devices/system/clocksource/clocksource0/current_clocksource"),
    ),
    Reading(
        "clock_resolution",
        "number",
        "ns",
        "resolution of the monotonic clock",
        "clock_getres(2)",
        lambda _: round(time.clock_getres(time.CLOCK_MONOTONIC) * 1e9),
    ),
    Reading(
        "perf_paranoid",
        "number",
        None,
        "what unprivileged users may not ask of perf",
        "/proc/sys/kernel/perf_event_paranoid",
        lambda place: int(place.text("proc/sys/kernel/perf_event_paranoid")),
    ),
    Reading(
        "time_sync",
        "list",
        None,
        "running daemons that set the clock",
        "names of processes",
        lambda place: _running(place, _SYNCHRONISERS),
    ),
    Reading(
        "meddlers",
        "list",
        None,
        "running daemons that retune the host or wake up to update it",
        "names of processes",
        lambda place: _running(place, _MEDDLERS),
    ),
)
