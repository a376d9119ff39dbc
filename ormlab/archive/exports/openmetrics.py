"""OpenMetrics text: one sample for each trial and metric, at the time at which the trial ended.

Families (OpenMetrics 1.0, ended by ``# EOF``), all gauges but for the two of type info:

    ormlab_<metric>_<unit>   a figure of one trial; in base units: seconds, bytes, requests
    ormlab_trial             what was measured, and how it ended; failed trials are here as well
    ormlab_bundle            what the trials are of

Trials are joined with the info families by the labels ``bundle`` and ``trial``. Every sample has a
timestamp, because it is of the past: Prometheus takes them in with
``promtool tsdb create-blocks-from openmetrics``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from analysis import catalog
from analysis.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from prometheus_client import Metric

    from analysis.metrics import Metric as Figure
    from bundle.read import Bundle

_SAMPLE: Final = ("bundle", "trial", "subject", "workload", "load", "block")
_TRIAL: Final = ("bundle", "trial")
_OF_TRIAL: Final = (
    *("subject", "service", "stack", "workload", "load"),
    *("status", "failure", "doubts"),
)


class Unit(NamedTuple):
    """A base unit of OpenMetrics, and how many of the lab's own make one."""

    name: str
    divisor: float


UNITS: Final = {
    "req/s": Unit("requests_per_second", 1),
    "ms": Unit("seconds", 1e3),
    "us/request": Unit("seconds_per_request", 1e6),
    "bytes": Unit("bytes", 1),
}
"""By the lab's unit; every metric has one of these."""


def write(bundle: Bundle, path: Path) -> None:
    """Write the samples of a bundle."""
    registry = CollectorRegistry()
    registry.register(_Families(bundle))
    path.write_bytes(generate_latest(registry))


class _Families(Collector):
    """The families, each with all its samples: the format forbids to interrupt one."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._rows = tuple(catalog.rows(bundle))
        self._ended = {trial.record.id: trial.record.ended.timestamp() for trial in bundle.trials}

    def collect(self) -> Iterator[Metric]:
        for metric in METRICS:
            yield self._figures(metric)
        yield self._trials()
        yield self._run()

    def _figures(self, metric: Figure) -> Metric:
        unit = UNITS[metric.unit]
        family = GaugeMetricFamily(
            f"ormlab_{metric.name}",
            f"{metric.name} of one trial; {metric.better} is better",
            labels=_SAMPLE,
            unit=unit.name,
        )
        for row in self._rows:
            if row["metric"] == metric.name and row["value"] is not None:
                value = row["value"] / unit.divisor
                family.add_metric(_values(row, _SAMPLE), value, self._ended[row["trial"]])
        return family

    def _trials(self) -> Metric:
        family = InfoMetricFamily("ormlab_trial", "a trial and how it ended", labels=_TRIAL)
        for row in {row["trial"]: row for row in self._rows}.values():
            labels = dict(zip(_OF_TRIAL, _values(row, _OF_TRIAL), strict=True))
            family.add_metric(_values(row, _TRIAL), labels, self._ended[row["trial"]])
        return family

    def _run(self) -> Metric:
        record = self._bundle.record
        labels = {
            "seal": str(self._bundle.seal),
            "status": record.status,
            "plan": label(record.plan.name),
            "plan_sha256": record.plan.sha256,
            "host": record.host or "",
            "tier": next((row["tier"] for row in self._rows), None) or "",
        }
        family = InfoMetricFamily("ormlab_bundle", "a sealed run", labels=["bundle"])
        family.add_metric([record.id], labels, record.sealed.timestamp())
        return family


def _values(row: Mapping[str, object], labels: tuple[str, ...]) -> list[str]:
    """Values of labels; an empty one is the same as none."""
    return [label(row[name]) for name in labels]


def label(value: object) -> str:
    """The value of a label as UTF-8 can have it: JSON may hold halves of letters."""
    return "" if value is None else str(value).encode("utf-8", "replace").decode()
