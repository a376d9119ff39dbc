"""From the trials of a bundle to ``results.json``: figures by subject, ratios, one sentence.

History of the schema: results/1 (first).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import product
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from analysis.comparison import paired_ratio
from analysis.figures import Figures, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ormlab.bundle.read import Bundle

SCHEMA = "results/1"
_VERDICT_BLOCKS = 10


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
    better: str
    of: Callable[[Figures], float | None]


def _latency(quantile: str) -> Callable[[Figures], float | None]:
    return lambda figures: figures.latency_ms.get(quantile)


def _cpu(role: str) -> Callable[[Figures], float | None]:
    return lambda figures: figures.cpu_us.get(role)


METRICS = (
    Metric("throughput", "req/s", "higher", lambda figures: figures.throughput),
    Metric("p50", "ms", "lower", _latency("p50")),
    Metric("p90", "ms", "lower", _latency("p90")),
    Metric("p99", "ms", "lower", _latency("p99")),
    Metric("cpu_service", "us/request", "lower", _cpu("service")),
    Metric("cpu_database", "us/request", "lower", _cpu("database")),
    Metric("cpu_load", "us/request", "lower", _cpu("load")),
    Metric("rss_service", "bytes", "lower", lambda figures: figures.rss_bytes.get("service")),
)
_COMPARED = ("throughput", "p50", "p99", "cpu_service")

type _Measured = dict[tuple[str, str], dict[str, dict[int, Figures]]]


def derive(bundle: Bundle, plan: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Compute the results of a sealed bundle.

    Args:
        bundle: verified.
        plan: the plan as resolved, from ``inputs/plan.yaml``.
        facts: the host's, from ``host/facts.before.json``.

    Returns:
        The document of ``results.json``: conclusion, weaknesses, one cell for each workload and
        load with the figures of every subject and the ratios of every comparison, and the
        trials that failed.
    """
    measured: _Measured = {}
    failures = []
    for trial in bundle.trials:
        record = trial.record
        if record.status == "failed":
            failures.append({"trial": record.id, **_failure(record.failure)})
            continue
        cell = measured.setdefault((record.workload, record.load), {})
        cell.setdefault(record.subject, {})[record.block] = read(trial.path, record.readings)
    cells = [
        _cell(key, measured[key], plan)
        for key in product(plan["workloads"], plan["loads"])
        if key in measured
    ]
    weaknesses = _weaknesses(bundle, plan, facts)
    return {
        "schema": SCHEMA,
        "bundle": bundle.record.id,
        "conclusion": _conclusion(cells, plan, weaknesses),
        "weaknesses": weaknesses,
        "cells": cells,
        "failures": failures,
        "omitted": [{"path": o.path, "reason": o.reason} for o in bundle.record.omitted],
    }


def _cell(
    key: tuple[str, str], by_subject: dict[str, dict[int, Figures]], plan: Mapping[str, Any]
) -> dict[str, Any]:
    workload, load = key
    return {
        "workload": workload,
        "load": load,
        "drive": plan["loads"][load],
        "latency_kind": next(iter(next(iter(by_subject.values())).values())).latency_kind,
        "subjects": {
            name: _summary(by_subject[name].values())
            for name in plan["subjects"]
            if name in by_subject
        },
        "comparisons": [
            comparison
            for hypothesis in plan["comparisons"]
            for comparison in _compare(by_subject, hypothesis["baseline"], hypothesis["candidate"])
        ],
    }


def _summary(trials: Iterable[Figures]) -> dict[str, Any]:
    """One number a metric: the median of the trials' own figures, never of pooled requests."""
    figures = list(trials)
    values = {metric.name: _known(metric.of(each) for each in figures) for metric in METRICS}
    return {
        "trials": len(figures),
        "requests": sum(each.requests for each in figures),
        "errors": sum(each.errors for each in figures),
        **{name: median(known) if known else None for name, known in values.items()},
        "throughput_geometric_mean": math.exp(fmean(math.log(f.throughput) for f in figures)),
        "doubts": sorted({fault.code for each in figures for fault in each.faults}),
    }


def _compare(
    by_subject: dict[str, dict[int, Figures]], baseline: str, candidate: str
) -> list[dict[str, Any]]:
    """The ratios candidate / baseline over the blocks that hold both."""
    ours, theirs = by_subject.get(candidate, {}), by_subject.get(baseline, {})
    blocks = sorted(ours.keys() & theirs.keys())
    found = []
    for metric in METRICS:
        if metric.name not in _COMPARED:
            continue
        pairs = [(metric.of(theirs[b]), metric.of(ours[b])) for b in blocks]
        whole = [(a, b) for a, b in pairs if a and b]
        if whole:
            ratio = paired_ratio([a for a, _ in whole], [b for _, b in whole])
            found.append(
                {
                    "baseline": baseline,
                    "candidate": candidate,
                    "metric": metric.name,
                    "better": metric.better,
                    **asdict(ratio),
                }
            )
    return found


def _weaknesses(bundle: Bundle, plan: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    """What a reader must know before believing the numbers, worst first."""
    cores = len(facts["facts"]["topology"]["cores"])
    kind = "VM" if facts["facts"]["virtual"] else "machine"
    found = [f"{cores}-core {kind}, tier {facts['placement']['tier']}"]
    if plan["blocks"] < _VERDICT_BLOCKS:
        found.append(
            f"{plan['blocks']} blocks: an estimate, not a verdict (that needs {_VERDICT_BLOCKS})"
        )
    trials = bundle.record.trials
    if trials.failed:
        found.append(f"{trials.failed} of {trials.planned} trials failed")
    if trials.skipped:
        found.append(f"{trials.skipped} of {trials.planned} trials were not carried out")
    if bundle.record.tool.dirty is not False:
        found.append("measured by an uncommitted source")
    return found


def _conclusion(cells: list[dict[str, Any]], plan: Mapping[str, Any], weaknesses: list[str]) -> str:
    """The result in one sentence, with its interval and what makes it weak."""
    first = plan["comparisons"][0] if plan["comparisons"] else None
    for cell in cells:
        for comparison in cell["comparisons"]:
            if first and comparison["metric"] == "throughput" and _same(comparison, first):
                return _sentence(cell, comparison, weaknesses)
    for cell in cells:
        for name, subject in cell["subjects"].items():
            rate = subject["throughput"]
            return (
                f"{name} answered {rate:,.0f} req/s on {cell['workload']} under {cell['load']} "
                f"(median of {subject['trials']} trials; {'; '.join(weaknesses)})."
            )
    return f"Nothing was measured ({'; '.join(weaknesses)})."


def _sentence(cell: dict[str, Any], comparison: dict[str, Any], weaknesses: list[str]) -> str:
    interval = "no interval with one block"
    if comparison["low"] is not None:
        low, high = comparison["low"], comparison["high"]
        interval = f"95 % interval {low:.2f} to {high:.2f}, {comparison['blocks']} blocks"
    return (
        f"{comparison['candidate']} served {comparison['ratio']:.2f} times the requests per "
        f"second of {comparison['baseline']} on {cell['workload']} under {cell['load']} "
        f"({interval}; {'; '.join(weaknesses)})."
    )


def _same(comparison: Mapping[str, Any], hypothesis: Mapping[str, Any]) -> bool:
    return all(comparison[key] == hypothesis[key] for key in ("baseline", "candidate"))


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _failure(failure: Any) -> dict[str, str]:  # noqa: ANN401
    return {"code": failure.code, "what": failure.what}
