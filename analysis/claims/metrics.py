"""The figures that a claim may speak of: one registry, built on that of the results.

A claim is written in the unit that publications print, which for memory is not the results' own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from analysis.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from analysis.figures import Figures
    from bundle.documents.results import Better, Subject

type Scale = Literal["ratio", "plain", "count"]
"""How a figure is averaged over blocks: by its logarithm, as it is, or not at all."""

_MIB = 2**20
_MS = 1000.0


@dataclass(frozen=True)
class ClaimMetric:
    """A figure that claims are made of, in the unit in which a claim states it."""

    name: str
    unit: str
    better: Better
    estimator: str  #: how the lab arrives at it, in words
    #: ``ratio`` for figures above zero, whose logarithms are averaged; ``plain`` for those that may
    #: be zero; ``count`` for those that are counted once and do not vary
    scale: Scale = "ratio"
    #: takes it from a trial's figures, in ``unit``; None for a count
    of: Callable[[Figures], float | None] | None = None
    #: takes a count from a subject's results; None for all else
    counted: Callable[[Subject], float | None] | None = None
    #: the metric of the results that is the same figure, so that an invalid comparison by it speaks
    #: against this one; its own name if empty
    compared_as: str = ""

    def rests_on(self, trials: Iterable[Figures]) -> list[Figures]:
        """Those of the trials whose histogram the figure comes from."""
        known = list(trials)
        return (
            [each for each in known if each.slice_s is None] if self.of is _latency_mean else known
        )

    @property
    def everywhere(self) -> bool:
        """Whether it is the same on every host."""
        return self.scale == "count"


def _latency_mean(figures: Figures) -> float | None:
    """Mean latency in ms by Little's law, whose ratio was computed from the measured mean.

    In slices every connection waits all the time, and an answer that comes after the slice has no
    latency: there the mean of all requests is connections over throughput.
    """
    ratio, connections = figures.littles_ratio, figures.connections
    if ratio is None or connections is None or not figures.throughput:
        return None
    if figures.slice_s is not None:
        ratio = 1.0
    return ratio * connections / figures.throughput * _MS


def _whole_tail(take: Callable[[Figures], float | None]) -> Callable[[Figures], float | None]:
    """A figure that the slowest requests decide; None where a closed loop switches.

    There what outlasts a slice has no latency.
    """

    def of(figures: Figures) -> float | None:
        in_slices = figures.slice_s is not None and figures.littles_ratio is not None
        return None if in_slices else take(figures)

    return of


def _error_rate(figures: Figures) -> float | None:
    return 100 * figures.errors / figures.requests if figures.requests else None


def _rss(figures: Figures) -> float | None:
    resident = figures.rss_bytes.get("service")
    return None if resident is None else resident / _MIB


_MEAN = "geometric mean over blocks of one figure a trial"
_SHARED = {
    "throughput": "answers per second of the window",
    "p50": "the median of a trial's own histogram",
    "p90": "the 90th percentile of a trial's own histogram",
    "p99": "the 99th percentile of a trial's own histogram",
    "cpu_service": "CPU time of the service's processes over the requests of the window",
    "cpu_database": "CPU time of PostgreSQL's processes over the requests of the window",
    "cpu_load": "CPU time of the generator's processes over the requests of the window",
}
_ALL = (
    *(
        ClaimMetric(
            name=metric.name,
            unit=metric.unit,
            better=metric.better,
            estimator=f"{_SHARED[metric.name]}; {_MEAN}",
            of=metric.of,
        )
        for metric in METRICS
        if metric.name in _SHARED
    ),
    ClaimMetric(
        "latency_mean",
        "ms",
        "lower",
        "mean of a trial's own histogram, closed loop only; under load that switches, connections "
        f"over throughput; {_MEAN}",
        of=_latency_mean,
        compared_as="throughput",  # connections over it, times Little's ratio
    ),
    ClaimMetric(
        "latency_max",
        "ms",
        "lower",
        "the longest latency of a trial's own histogram, which grows with the requests of the "
        f"window; not where a closed loop switches; {_MEAN}",
        of=_whole_tail(lambda figures: figures.longest_ms),
    ),
    ClaimMetric(
        "latency_stdev",
        "ms",
        "lower",
        f"standard deviation of a trial's own histogram; not where a closed loop switches; {_MEAN}",
        of=_whole_tail(lambda figures: figures.deviation_ms),
    ),
    ClaimMetric(
        "rss",
        "MiB",
        "lower",
        f"largest sum of the resident sets of the service's processes; {_MEAN}",
        of=_rss,
        compared_as="rss_service",
    ),
    ClaimMetric(
        "error_rate",
        "%",
        "lower",
        "failed requests over all; mean over blocks of one figure a trial",
        scale="plain",
        of=_error_rate,
    ),
    ClaimMetric(
        "statements",
        "per request",
        "lower",
        "counted in the server's own log of one request, outside the measured windows",
        scale="count",
        counted=lambda subject: subject.statements,
    ),
    ClaimMetric(
        "queries",
        "per request",
        "lower",
        "statements without those that begin or end a transaction or reset a session",
        scale="count",
        counted=lambda subject: subject.queries,
    ),
    ClaimMetric(
        "round_trips",
        "per request",
        "lower",
        "counted between service and PostgreSQL, outside the measured windows",
        scale="count",
        counted=lambda subject: subject.round_trips,
    ),
)
CLAIM_METRICS = {metric.name: metric for metric in _ALL}
