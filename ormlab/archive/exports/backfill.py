"""The history of an archive as OpenMetrics, which promtool writes into the blocks of Prometheus.

Families (OpenMetrics 1.0, all gauges, no exemplars), each sample at the second the run began:

    ormlab_<metric>_median_<unit>    a figure of a subject: the median of its trials
    ormlab_<metric>_low_<unit>       lower end of its 95 % interval
    ormlab_<metric>_high_<unit>      upper end
    ormlab_comparison_*_ratio        candidate over baseline, its interval, margin and null control
    ormlab_comparison_verdict        1 for the verdict, 0 for every other
    ormlab_comparison_beyond_margin  1 if the difference is shown to be beyond the margin, else 0
    ormlab_run_completed_trials      a run

A series has no label of its bundle, so that a release that is measured again continues its series.
What a bundle does not tell is an empty label, which Prometheus treats as none. Timestamps are whole
seconds, so that the file is also in Prometheus' own text format, which ``promtool check metrics``
reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from analysis.metrics import METRICS
from analysis.software import orm_of
from bundle.documents.results import Verdict
from ormlab.archive import keep
from ormlab.archive.errors import EntryError
from ormlab.archive.exports.openmetrics import UNITS, label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from prometheus_client import Metric

    from bundle.documents.host import HostFacts
    from bundle.format import BundleRecord
    from ormlab.archive.history import History, KeptComparison
    from ormlab.archive.query import SubjectFigure

FIGURE: Final = (
    *("subject", "arm", "orm", "release", "driver", "python"),
    *("workload", "load", "host", "host_class"),
)
"""Labels of a figure; ``arm`` is ``null`` or ``positive`` for a control's arm, else empty."""
COMPARISON: Final = (
    *("metric", "compares", "subject", "baseline", "orm", "release", "baseline_release"),
    *("driver", "python", "workload", "load", "host", "host_class"),
)
"""Labels of a comparison; ``compares`` is ``releases`` or ``subjects``."""
_RUN: Final = ("bundle", "plan", "status", "host", "host_class")
_HOST: Final = 12  # characters of a fingerprint


class _Sample(NamedTuple):
    """One sample; its order is the one that OpenMetrics demands within a family."""

    labels: tuple[str, ...]
    second: int
    value: float


def store(history: History, path: Path) -> int:
    """Write all samples of a history into a file, whole or not at all; returns how many.

    Raises:
        EntryError: there is a folder of that name.
        DiskFullError: there was no room; an earlier file is still there.
    """
    if path.is_dir():
        hint = "name a file; an earlier one is replaced"
        raise EntryError("export-exists", "the output is a folder", where=str(path), hint=hint)
    families = _Families(history)
    registry = CollectorRegistry()
    registry.register(families)
    with keep.staged(path, hint="free some space and write it again") as staged:
        staged.write_bytes(generate_latest(registry))
    return families.samples


class _Families(Collector):
    """The families, each with all its samples, a series after the other."""

    def __init__(self, history: History) -> None:
        self._history = history
        self.samples = 0

    def collect(self) -> Iterator[Metric]:
        self.samples = 0
        yield from self._figures()
        yield from self._comparisons()
        runs = (_of_run(run.record, run.facts) for run in self._history.runs if run.record)
        what = "trials of a run that completed"
        yield self._family("ormlab_run_completed_trials", what, _RUN, runs)

    def _figures(self) -> Iterator[Metric]:
        for metric in METRICS:
            unit = UNITS[metric.unit]
            figures = [each for each in self._history.figures if each.metric == metric.name]
            for name, (what, of) in _FIGURES.items():
                samples = (
                    _Sample(_labels(each), _second(each.created), value / unit.divisor)
                    for each in figures
                    if (value := of(each)) is not None
                )
                said = f"{metric.name}, {metric.better} is better: {what}"
                name_of = f"ormlab_{metric.name}_{name}"
                yield self._family(name_of, said, FIGURE, samples, unit.name)

    def _comparisons(self) -> Iterator[Metric]:
        compared = self._history.compared
        for name, what in _RATIOS.items():
            samples = (
                _Sample(_compared(each), _second(each.created), value)
                for each in compared
                if (value := _ratios(each)[name]) is not None
            )
            said = f"candidate over baseline: {what}"
            yield self._family(f"ormlab_comparison{name}", said, COMPARISON, samples, "ratio")
        verdicts = (
            _Sample(
                (*_compared(each), verdict),
                _second(each.created),
                each.comparison.verdict == verdict,
            )
            for each in compared
            for verdict in Verdict
        )
        what, labels = "1 for the verdict on the candidate, else 0", (*COMPARISON, "verdict")
        yield self._family("ormlab_comparison_verdict", what, labels, verdicts)
        beyond = (
            _Sample(
                _compared(each),
                _second(each.created),
                each.comparison.size_resolved is True,
            )
            for each in compared
        )
        what = "1 if the candidate is shown to differ by more than the margin, else 0"
        yield self._family("ormlab_comparison_beyond_margin", what, COMPARISON, beyond)

    def _family(
        self,
        name: str,
        what: str,
        labels: tuple[str, ...],
        samples: Iterable[_Sample],
        unit: str = "",
    ) -> Metric:
        family = GaugeMetricFamily(name, what, labels=labels, unit=unit)
        # A second bundle at the same instant of the same series would break the format.
        unique = {each[:2]: each for each in samples}
        for sample in sorted(unique.values()):
            family.add_metric(list(sample.labels), sample.value, sample.second)
        self.samples += len(unique)
        return family


_FIGURES: Final[dict[str, tuple[str, Callable[[SubjectFigure], float | None]]]] = {
    "median": ("median of the trials of a run", lambda figure: figure.value),
    "low": ("lower end of the 95 % interval of the median", lambda figure: figure.low),
    "high": ("upper end of the 95 % interval of the median", lambda figure: figure.high),
}
_RATIOS: Final = {
    "": "the ratio of the figures",
    "_low": "lower end of its 95 % interval",
    "_high": "upper end of its 95 % interval",
    "_margin": "the relative difference that counts as none",
    "_null": "two deployments of the baseline, one over the other",
    "_null_low": "lower end of the 95 % interval of the null control",
    "_null_high": "upper end of the 95 % interval of the null control",
}


def _ratios(compared: KeptComparison) -> dict[str, float | None]:
    """The ratios of a comparison by the keys of `_RATIOS`."""
    judged = compared.comparison
    null = judged.null
    interval = null.ci95 if null else None
    return {
        "": judged.ratio,
        "_low": judged.low,
        "_high": judged.high,
        "_margin": judged.margin,
        "_null": null.ratio if null else None,
        "_null_low": interval.low if interval else None,
        "_null_high": interval.high if interval else None,
    }


def _labels(figure: SubjectFigure) -> tuple[str, ...]:
    return _texts(
        *(figure.declared or figure.subject, figure.arm, figure.orm, figure.release),
        *(figure.driver, figure.interpreter, figure.workload, figure.load),
        *((figure.host or "")[:_HOST], figure.host_class),
    )


def _compared(compared: KeptComparison) -> tuple[str, ...]:
    judged, made = compared.comparison, compared.candidate
    orm, before = orm_of(made), orm_of(compared.baseline)
    return _texts(
        *(judged.metric, "releases" if compared.is_of_releases else "subjects"),
        *(judged.candidate, judged.baseline, orm.name, orm.release, before.release),
        *(made.driver if made else None, made.interpreter if made else None),
        *(compared.workload, compared.load, (compared.host or "")[:_HOST], compared.host_class),
    )


def _of_run(record: BundleRecord, facts: HostFacts | None) -> _Sample:
    host_class = facts.host_class if facts else None
    labels = (record.id, record.plan.name, record.status, (record.host or "")[:_HOST], host_class)
    return _Sample(_texts(*labels), _second(record.created), record.trials.completed)


def _second(instant: datetime) -> int:
    return int(instant.timestamp())


def _texts(*values: object) -> tuple[str, ...]:
    return tuple(label(value) for value in values)
