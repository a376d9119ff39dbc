"""CPU time and memory of a trial's processes, from the samples the agent took."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ormlab.bundle import tables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ROLES = ("service", "database", "load")
_MOST_UNSEEN_NS = 1_000_000_000


@dataclass(frozen=True)
class Used:
    """What each role's processes used in a window.

    Attributes:
        cpu_s: CPU seconds by role; None where nothing was sampled, or not all of it.
        peak_rss_bytes: the largest sum of resident sets at one instant, by role; None likewise.
    """

    cpu_s: dict[str, float | None]
    peak_rss_bytes: dict[str, int | None]


@dataclass(frozen=True)
class Course:
    """When the agent looked, and what it saw.

    Attributes:
        ticks: by role, the instant of its first reading in each round that saw it, and the CPU
            time of its processes so far in clock ticks; ascending.
    """

    ticks: dict[str, list[tuple[int, int]]]

    def together(self, *roles: str) -> list[tuple[int, int]]:
        """As ``ticks``, of several roles: where one was not seen, it has used what it had."""
        sums, latest = [], dict.fromkeys(roles, 0)
        looks = [(at, role, ticks) for role in roles for at, ticks in self.ticks[role]]
        for at, role, ticks in sorted(looks):
            latest[role] = ticks
            sums.append((at, sum(latest.values())))
        return sums


def read(path: Path, sampler: Mapping[str, Any], span_ns: tuple[int, int]) -> Used:
    """Read ``resources.parquet``.

    CPU time at the ends of the window is interpolated between the two samples around it, because
    the kernel counts in ticks of 10 ms and the sampler looks ten times a second. Where a process
    that ends leaves its ticks to its parent, the processes of a role are added up round by round;
    in older bundles what a process used is gone with it, and each is looked at alone.

    A role of which the sampler could not read every process, or of which it read none near an end
    of the window, has no figure.

    Args:
        path: columns round, at_ns, role, pid, user_ticks, system_ticks, rss_pages.
        sampler: tick_hz and page_bytes of the host, and whether ended_children are counted; and,
            where the sampler told it, the roles that are unread.
        span_ns: begin and end of the window on the same monotonic clock.
    """
    alone = not sampler.get("ended_children")
    ticks: dict[tuple[str, int], dict[int, tuple[int, int]]] = defaultdict(dict)
    pages: dict[str, dict[int, int]] = {role: {} for role in ROLES}
    for turn, at, role, pid, user, system, rss in _rows(path):
        series = ticks[role, pid if alone else 0]
        first, sum_ = series.get(turn, (at, 0))
        series[turn] = (first, sum_ + user + system)
        if span_ns[0] <= at <= span_ns[1]:
            pages[role][turn] = pages[role].get(turn, 0) + rss
    used: dict[str, float | None] = dict.fromkeys(ROLES)
    unknown = set(sampler.get("unread", ()))
    for (role, _), rounds in ticks.items():
        samples = list(rounds.values())
        if not alone and not _covered(samples, span_ns):
            unknown.add(role)
        spent = _at(samples, span_ns[1]) - _at(samples, span_ns[0])
        used[role] = (used[role] or 0.0) + spent / sampler["tick_hz"]
    peaks = {
        role: max(by.values()) * sampler["page_bytes"] if by else None for role, by in pages.items()
    }
    nothing = dict.fromkeys(unknown)
    return Used(used | nothing, peaks | nothing)


def read_course(path: Path) -> Course:
    """Read when the agent looked, and the CPU time of each role's processes at each look.

    Args:
        path: as `read` takes it, of a bundle whose ended processes leave their ticks to others.
    """
    ticks: dict[str, dict[int, tuple[int, int]]] = {role: {} for role in ROLES}
    for turn, at, role, _, user, system, _ in _rows(path):
        first, sum_ = ticks[role].get(turn, (at, 0))
        ticks[role][turn] = (first, sum_ + user + system)
    return Course({role: sorted(by.values()) for role, by in ticks.items()})


def _rows(path: Path) -> zip[tuple[Any, ...]]:
    columns = tables.read(path).to_pydict()
    return zip(*columns.values(), strict=True)


def _covered(samples: list[tuple[int, int]], span_ns: tuple[int, int]) -> bool:
    """Whether a role was looked at near both ends of a window."""
    begin, end = span_ns
    first, last = samples[0][0], samples[-1][0]
    return first - begin <= _MOST_UNSEEN_NS and end - last <= _MOST_UNSEEN_NS


def _at(samples: list[tuple[int, int]], instant: int) -> float:
    """Ticks at an instant, between the samples around it; the nearest one outside of them."""
    if instant <= samples[0][0]:
        return samples[0][1]
    for (before, low), (after, high) in pairwise(samples):
        if before <= instant <= after:
            share = (instant - before) / (after - before) if after > before else 0.0
            return low + share * (high - low)
    return samples[-1][1]
