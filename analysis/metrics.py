"""The figures that subjects are compared by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.figures import Figures
    from analysis.inference import Better


@dataclass(frozen=True)
class Metric:
    """A figure that subjects are compared by.

    Attributes:
        name: in the record.
        unit: of the figure.
        better: higher or lower.
        of: takes it from a trial's figures; None where the trial has none.
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
