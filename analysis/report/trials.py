"""What the report shows of single trials: one figure and the quantiles of its latency.

Each quantile is of one trial. Those of several trials are never averaged, and requests of several
trials never pooled: a subject is shown by the median of its trials' quantiles, between the lowest
and the highest of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from analysis import generators, latency
from analysis.report.charts import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from analysis.latency import Bins
    from bundle.codec import Json
    from bundle.read import Bundle, Trial

LADDER = (0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999)
RESPONSE, SERVICE = "response", "service"
type Ladder = dict[float, float]
"""Milliseconds by quantile, as far as the trial's samples allow one to be quoted."""


@dataclass(frozen=True)
class Shown:
    """What is shown of one trial."""

    trial: str
    subject: str
    workload: str
    load: str
    block: int  #: from 1
    kind: str  #: of its latency, in words
    #: throughput, capacity and the like by metric; a figure that it has not is left out
    values: dict[str, float]
    ladders: dict[str, Ladder]  #: by response or service


def read(bundle: Bundle, failed: frozenset[str]) -> tuple[Shown, ...]:
    """Read the trials of a bundle, but for those that failed, in the order of execution."""
    return tuple(_read(trial) for trial in bundle.trials if trial.record.id not in failed)


def _read(trial: Trial) -> Shown:
    record = trial.record
    load = generators.of(trial.path).figures
    ladders = {name: _ladder(bins) for name, bins in _histograms(trial.path, load).items()}
    primary = next(iter(ladders.values()), {})
    values = {
        "throughput": load.throughput,
        "capacity": load.capacity,
        "p50": primary.get(0.5),
        "p90": primary.get(0.9),
        "p99": primary.get(0.99),
    }
    return Shown(
        trial=record.id,
        subject=record.subject,
        workload=record.workload,
        load=record.load,
        block=record.block,
        kind=load.kind,
        values={name: value for name, value in values.items() if value},
        ladders={name: ladder for name, ladder in ladders.items() if ladder},
    )


def _histograms(folder: Path, load: generators.GeneratorFigures) -> dict[str, Bins]:
    """The histograms of a trial; the one that its figures come from first.

    In a closed loop a request is due when it is sent: its response time is its service time.
    """
    if load.kind != generators.OPEN:
        return {SERVICE: load.bins}
    histograms = {RESPONSE: load.bins}
    if (folder / "service.hdr").exists():
        histograms[SERVICE] = latency.read_hdr(folder / "service.hdr")
    return histograms


def _ladder(bins: Bins) -> Ladder:
    quantiles = latency.quantiles(bins, LADDER)
    return {quantile: us / 1000 for quantile, us in quantiles.items() if us is not None}


def of_cell(shown: Iterable[Shown], workload: str, load: str) -> dict[str, list[Shown]]:
    """The trials of one workload under one load by subject, each in the order of execution."""
    by_subject: dict[str, list[Shown]] = {}
    for each in shown:
        if (each.workload, each.load) == (workload, load):
            by_subject.setdefault(each.subject, []).append(each)
    return by_subject


def steps(trials: Sequence[Shown], kind: str) -> tuple[Step, ...]:
    """The quantiles of a subject that every one of its trials has samples enough for."""
    ladders = [each.ladders.get(kind, {}) for each in trials]
    common = []
    for quantile in LADDER:
        values = [ladder[quantile] for ladder in ladders if quantile in ladder]
        if values and len(values) == len(ladders):
            common.append(Step(quantile, median(values), min(values), max(values)))
    return tuple(common)


def by_block(trials: Iterable[Shown], metric: str) -> dict[int, float]:
    """One figure by block; a repeated trial stands for the one that it repeats."""
    return {each.block: each.values[metric] for each in trials if metric in each.values}


def document(shown: Sequence[Shown]) -> list[Json]:
    """The trials as the report's data."""
    return [
        {
            "trial": each.trial,
            "subject": each.subject,
            "workload": each.workload,
            "load": each.load,
            "block": each.block,
            "latency_kind": each.kind,
            **each.values,
            "quantiles_ms": {kind: _named(ladder) for kind, ladder in each.ladders.items()},
        }
        for each in shown
    ]


def named(quantile: float) -> str:
    """``p99.9``."""
    return f"p{100 * quantile:.6g}"


def _named(ladder: Mapping[float, float]) -> Json:
    return {named(quantile): ms for quantile, ms in ladder.items()}
