"""CPU time and memory of a trial's processes, from the samples the agent took."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ROLES = ("service", "database", "load")


@dataclass(frozen=True)
class Used:
    """What each role's processes used in a window.

    Attributes:
        cpu_s: CPU seconds by role; None where nothing was sampled.
        peak_rss_bytes: the largest sum of resident sets at one instant, by role.
    """

    cpu_s: dict[str, float | None]
    peak_rss_bytes: dict[str, int | None]


def read(path: Path, sampler: Mapping[str, Any], span_ns: tuple[int, int]) -> Used:
    """Read ``resources.parquet``.

    CPU time at the ends of the window is interpolated between the two samples around it, because
    the kernel counts in ticks of 10 ms and the sampler looks ten times a second. Where a process
    that ends leaves its ticks to its parent, the processes of a role are added up round by round;
    in older bundles what a process used is gone with it, and each is looked at alone.

    Args:
        path: columns round, at_ns, role, pid, user_ticks, system_ticks, rss_pages.
        sampler: tick_hz and page_bytes of the host, and whether ended_children are counted.
        span_ns: begin and end of the window on the same monotonic clock.
    """
    columns = pq.read_table(path, page_checksum_verification=True).to_pydict()
    alone = not sampler.get("ended_children")
    ticks: dict[tuple[str, int], dict[int, tuple[int, int]]] = defaultdict(dict)
    pages: dict[str, dict[int, int]] = {role: {} for role in ROLES}
    for turn, at, role, pid, user, system, rss in zip(*columns.values(), strict=True):
        series = ticks[role, pid if alone else 0]
        first, sum_ = series.get(turn, (at, 0))
        series[turn] = (first, sum_ + user + system)
        if span_ns[0] <= at <= span_ns[1]:
            pages[role][turn] = pages[role].get(turn, 0) + rss
    used: dict[str, float | None] = dict.fromkeys(ROLES)
    for (role, _), rounds in ticks.items():
        samples = list(rounds.values())
        spent = _at(samples, span_ns[1]) - _at(samples, span_ns[0])
        used[role] = (used[role] or 0.0) + spent / sampler["tick_hz"]
    peaks = {
        role: max(by.values()) * sampler["page_bytes"] if by else None for role, by in pages.items()
    }
    return Used(used, peaks)


def _at(samples: list[tuple[int, int]], instant: int) -> float:
    """Ticks at an instant, between the samples around it; the nearest one outside of them."""
    if instant <= samples[0][0]:
        return samples[0][1]
    for (before, low), (after, high) in pairwise(samples):
        if before <= instant <= after:
            share = (instant - before) / (after - before) if after > before else 0.0
            return low + share * (high - low)
    return samples[-1][1]
