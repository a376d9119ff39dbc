"""The figures that subjects are compared by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from analysis.generators.base import LITTLES_BAND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from analysis.figures import Figures
    from analysis.inference import Better


@dataclass(frozen=True)
class Metric:
    """A figure that subjects are compared by.

    A trial has no such figure where ``of`` gives None.
    """

    name: str
    unit: str
    better: Better
    of: Callable[[Figures], float | None]


def _latency(quantile: str) -> Callable[[Figures], float | None]:
    return lambda figures: figures.latency_ms.get(quantile)


def _cpu(role: str) -> Callable[[Figures], float | None]:
    return lambda figures: figures.cpu_us.get(role)


METRICS = (
    Metric("throughput", "req/s", "higher", lambda figures: figures.throughput),
    Metric("capacity", "req/s", "higher", lambda figures: figures.capacity),
    Metric("p50", "ms", "lower", _latency("p50")),
    Metric("p90", "ms", "lower", _latency("p90")),
    Metric("p99", "ms", "lower", _latency("p99")),
    Metric("cpu_service", "us/request", "lower", _cpu("service")),
    Metric("cpu_database", "us/request", "lower", _cpu("database")),
    Metric("cpu_load", "us/request", "lower", _cpu("load")),
    Metric("rss_service", "bytes", "lower", lambda figures: figures.rss_bytes.get("service")),
)
PRIMARY = "throughput"
_SLICE_STEP_S = 0.05


def waiting_left_out(unit: str, trials: Iterable[Figures]) -> str | None:
    """Say which share of the waiting a latency leaves out; None if it is small or unknown.

    In a closed loop every connection always waits. What Little's ratio lacks to 1 was spent by
    requests that no latency tells of, most often by those without an answer when the window ended,
    which are the slow ones. The seconds per connection that are lacking grow with the window, in
    which requests can wait for longer, so a window that lacks no more than is allowed takes at
    least as long as they would if they stayed the same. A window of slices ends as often as there
    are slices, so these must be longer.

    Args:
        unit: of the metric; those in ms are latencies, and of others nothing is said.
        trials: of one subject under one load.
    """
    known = [each for each in trials if each.littles_ratio is not None]
    if unit != "ms" or not known:
        return None
    lacking = 1 - median(each.littles_ratio or 0.0 for each in known)
    allowed = 1 - LITTLES_BAND[0]
    if lacking <= allowed:
        return None
    what = "windows" if known[0].slice_s is None else "slices"
    step = 1 if known[0].slice_s is None else _SLICE_STEP_S
    least = median(each.slice_s or each.window_s for each in known) * lacking / allowed
    return (
        f"its latencies leave out {100 * lacking:.0f} % of the waiting (littles-law); "
        f"{what} of {math.ceil(least / step) * step:g} s or more are needed"
    )
