"""What load that switches between services left of one of them: its slices, whoever sent it.

The window of such a trial is its slices together. What the service does between them is part of no
figure: there the last answers of a slice are drained, and the first ones of the next are awaited.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Final

from analysis.generators.base import CoreShare, Output
from analysis.generators.client import busiest
from analysis.rounding import percent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from bundle.generators.slices import HostSlice, Role, Slice, SlicedReport

#: by role, the field of a slice that has its CPU time
CPU: Final = {"service": "service_ns", "database": "database_ns", "load": "load_ns"}
#: never below 0; what foreign programs used is a difference of other counts
_USED = (*CPU.values(), "delay_ns", "steal_ns", "rested_ns", "rest_ns")
_NS = 1e9
_MOST_LATE: Final = 0.05
"""A CPU time is unknown if its readings are further from the ends of the slices, as a share of
them: between the slices the service works as well, or it rests."""
_INSTANT_S = 1e-6  # microseconds of binary fractions


class SlicedOutput(Output):
    """What a generator left whose report is a `SlicedReport`.

    Attributes:
        report: its report.
    """

    tells_timeouts: ClassVar[bool] = True
    tells_cpu: ClassVar[bool] = True

    def __init__(self, folder: Path, report: SlicedReport) -> None:
        super().__init__(folder)
        self.report = report
        self.is_closed = True
        self.resting = self._resting()
        self.foreign = self._foreign()
        self.unread = {
            role: self._why(name) for role, name in CPU.items() if self._sum(name) is None
        } | self._late()

    @property
    def span_ns(self) -> tuple[int, int] | None:
        """From its first slice to its last; None without any."""
        slices = self.report.slices
        return (slices[0].start_ns, slices[-1].stop_ns) if slices else None

    @property
    def cpu_s(self) -> dict[str, float | None]:
        """CPU seconds in the slices by role; None where `unread` says why."""
        return {
            role: None if role in self.unread else self._sum(name) for role, name in CPU.items()
        }

    def busiest(self, cpus: int) -> float | None:
        """In the slices of this subject, of each of the CPUs that the generator has."""
        used_s = self._sum("load_ns")
        return None if used_s is None else busiest([used_s], self._read_s, cpus)

    def _resting(self) -> CoreShare | None:
        """Between the slices of the subject, after the last answers were drained."""
        if len(self.report.spec.subjects) == 1:
            return None
        rested_s = sum(each.rested_ns for each in self.report.slices) / _NS
        share = self._share("rest_ns", rested_s)
        used, working = self._sum("rest_ns"), self._sum("service_ns")
        if share.percent is None or not (used and working):
            return share
        return share._replace(what=f"{percent(used / working, 1)} of what its slices used")

    def _foreign(self) -> CoreShare:
        """In the slices; of several hosts the one that has most."""
        told = self._share("foreign_ns", self._read_s)
        if told.percent is None or not self._on_hosts:
            return told
        used = {
            role: sum(each.foreign_ns or 0 for each in on_host)
            for role, on_host in self._on_hosts.items()
        }
        worst = max(used, key=lambda role: used[role])
        percent_of_core = max(0.0, 100 * used[worst] / _NS / self._read_s)
        return CoreShare(percent_of_core, f"on the host {worst}")

    def _late(self) -> dict[str, str]:
        """The roles whose CPU time was read too far from the ends of the slices."""
        found: dict[str, str] = {}
        for role in CPU:
            host = self._read_on.get(role)
            on_host = self._on_hosts.get(host, []) if host else []
            late_ns = sum(each.late_ns for each in self.report.slices)
            late_s = (late_ns + sum(each.late_ns or 0 for each in on_host)) / _NS
            if late_s > _MOST_LATE * self._read_s:
                whose = f"the readings of the host {host}" if on_host else "the readings"
                found[role] = (
                    f"{whose} are late by {percent(late_s / self._read_s, 1)} of the slices"
                )
        return found

    @property
    def _read_on(self) -> Mapping[str, Role]:
        """By role of processes, the host on which their CPU time was read, if there are several."""
        if self.report.read_on:
            return dict(self.report.read_on.items())
        # Older reports do not say where the database server is.
        return {"service": "app", "database": "db" if "db" in self._on_hosts else "app"}

    @cached_property
    def _on_hosts(self) -> dict[str, list[HostSlice]]:
        """By role of a host, what it did in each slice; empty where there is only one."""
        found: dict[str, list[HostSlice]] = {}
        for each in self.report.slices:
            for role, on_host in (each.hosts or {}).items():
                found.setdefault(role, []).append(on_host)
        return found

    @property
    def _read_s(self) -> float:
        """Length of what the readings of all slices cover."""
        return sum(each.read_s for each in self.report.slices)

    def _share(self, name: str, seconds: float) -> CoreShare:
        used = self._sum(name)
        if used is None or not seconds:
            return CoreShare(None, self._why(name))
        # The rounding errors of foreign load have both signs, slice by slice.
        return CoreShare(max(0.0, 100 * used / seconds), "")

    def _why(self, name: str) -> str:
        """Why a slice lacks a reading."""
        return self.report.unread.get(name, f"a slice lacks {name}")

    def _sum(self, name: str) -> float | None:
        """Seconds of one reading over all slices; None where a slice lacks it."""
        values = [getattr(each, name) for each in self.report.slices]
        return None if None in values else sum(values) / _NS


def in_itself(report: SlicedReport) -> Iterator[str]:
    """What a report says that cannot be so, whatever else its generator left."""
    window, slices, subjects = report.window, report.slices, report.spec.subjects
    if abs(window.seconds - (window.stop_ns - window.start_ns) / _NS) > _INSTANT_S:
        yield f"a window of {window.seconds} s from {window.start_ns} ns to {window.stop_ns} ns"
    if len(set(subjects)) < len(subjects) or report.spec.subject not in subjects:
        yield f"slices of {report.spec.subject} among the subjects {', '.join(subjects)}"
    for due, each in enumerate(slices, start=1):
        if each.round != due:
            yield f"round {each.round} where round {due} was due: each is due once"
            break
    free_ns, most = window.start_ns, len(subjects)
    for each in slices:
        yield from (f"round {each.round}: {what}" for what in _in_slice(each, report))
        if not 1 <= each.position <= most:
            yield f"round {each.round}: position {each.position} among {most} subjects"
        if each.start_ns < free_ns:
            yield f"round {each.round}: a slice begins before the one before it was drained"
        free_ns = each.drained_ns
    if slices and slices[-1].stop_ns > window.stop_ns:
        yield f"round {slices[-1].round}: the slice ends after the window of the block"


def _in_slice(each: Slice, report: SlicedReport) -> Iterator[str]:
    if not each.start_ns < each.stop_ns <= each.drained_ns:
        yield f"from {each.start_ns} to {each.stop_ns}, and drained at {each.drained_ns} ns"
    is_first = (each.round, each.position) == (1, 1)
    if is_first != (each.after is None) or (each.after not in (None, *report.spec.subjects)):
        yield f"position {each.position} after {each.after}"
    if each.after == report.spec.subject and each.position > 1:
        yield f"after {each.after} itself in one round"
    readings = (getattr(each, name) for name in _USED)
    if min((reading for reading in readings if reading is not None), default=0) < 0:
        yield "less than no time was used"
    if each.hosts:
        yield from _by_hosts(each, each.hosts.values())


def _by_hosts(each: Slice, hosts: Collection[HostSlice]) -> Iterator[str]:
    """Hold the sums over all hosts against those of each."""
    for name in ("steal_ns", "foreign_ns"):
        told = [getattr(host, name) for host in hosts]
        due = None if None in told else sum(told)
        if getattr(each, name) != due:
            yield f"{name} is {getattr(each, name)}, and {due} over all hosts"
