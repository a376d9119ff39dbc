"""From the trials of a bundle to ``results.json``: figures by subject, ratios, one sentence.

History of the schema: results/1 (first).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from itertools import product
from statistics import median
from typing import TYPE_CHECKING, Any

from analysis import gates
from analysis.inference import (
    FEWEST_BLOCKS,
    Better,
    Control,
    Judgement,
    PairedSample,
    Verdict,
    holm,
    judge_comparison,
    null_control,
    positive_control,
    weigh,
)
from analysis.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from analysis.figures import Figures
    from ormlab.bundle.read import Bundle

SCHEMA = "results/1"


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
_PRIMARY = "throughput"

type _Trials = dict[int, Figures]
"""The trials of one subject under one load, by block."""

type _Fatal = Callable[[Mapping[str, str]], list[str]]
"""What makes a comparison invalid, one sentence each."""


def derive(bundle: Bundle, resolved: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Compute the results of a sealed bundle.

    Args:
        bundle: verified.
        resolved: the plan as resolved, from ``inputs/plan.yaml``.
        facts: the host's, from ``host/facts.before.json``.

    Returns:
        The document of ``results.json``: conclusion, weaknesses, one cell for each workload and
        load with the figures of every subject, the judgement of every comparison and what the
        gates say, the gates of the run, and the trials that failed.
    """
    plan = resolved["plan"]
    gated, work = gates.read(bundle), Work.read(bundle.path)
    cells = [
        _cell(key, gated, resolved, work)
        for key in product(plan["workloads"], plan["loads"])
        if key in gated.cells
    ]
    weaknesses = _weaknesses(bundle, plan, facts)
    return {
        "schema": SCHEMA,
        "bundle": bundle.record.id,
        "conclusion": _conclusion(cells, plan, weaknesses),
        "weaknesses": weaknesses,
        "cells": cells,
        "gates": [gates.document(finding, gated.context) for finding in gated.run],
        "failures": gated.failures,
        "omitted": [{"path": o.path, "reason": o.reason} for o in bundle.record.omitted],
    }


def _cell(
    key: tuple[str, str], gated: gates.Gated, resolved: Mapping[str, Any], work: Work
) -> dict[str, Any]:
    workload, load = key
    plan, cell = resolved["plan"], gated.cells[key]
    by_subject = cell.figures

    @cache
    def pair(baseline: str, candidate: str) -> list[gates.Finding]:
        return cell.pair({"baseline": baseline, "candidate": candidate})

    def fatal(hypothesis: Mapping[str, str]) -> list[str]:
        findings = [*gated.run, *pair(**hypothesis)]
        return [*gates.fatal(findings), *work.problems(hypothesis)]

    return {
        "workload": workload,
        "load": load,
        "drive": plan["loads"][load],
        "latency_kind": next(iter(next(iter(by_subject.values())).values())).latency_kind,
        "subjects": {
            name: _summary(by_subject[name].values())
            | work.per_request(name, workload)
            | {"doubts": cell.doubts(name), "undeclared": work.undeclared(name)}
            for name in (*plan["subjects"], *resolved["arms"])
            if name in by_subject
        },
        "comparisons": [
            comparison | {"work": work.verdict(comparison, workload)}
            for metric in METRICS
            if metric.name in plan["margins"]
            for comparison in _compare(metric, by_subject, resolved, fatal)
        ],
        "controls": _controls(by_subject, resolved, fatal),
        "gates": gates.documents(cell.trials),
        "work": [
            {**hypothesis, **side_by_side}
            for hypothesis in plan["comparisons"]
            if (side_by_side := work.compare(hypothesis, workload))
        ],
        "pair_gates": [
            {**hypothesis, **gates.document(finding, gated.context)}
            for hypothesis in plan["comparisons"]
            for finding in pair(**hypothesis)
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
    }


def _compare(
    metric: Metric,
    by_subject: dict[str, _Trials],
    resolved: Mapping[str, Any],
    fatal: _Fatal,
) -> list[dict[str, Any]]:
    """Judge every comparison of the plan by one metric.

    The comparisons by the primary metric are one family, adjusted by Holm; the other metrics
    describe and are not adjusted.
    """
    plan = resolved["plan"]
    positive = None
    if metric.name == _PRIMARY and (arm := _positive_arm(resolved)):
        positive = _positive_control(metric, by_subject, arm, resolved)
    weighed = []
    for hypothesis in plan["comparisons"]:
        sample = _sample(metric, by_subject, hypothesis, resolved)
        if sample.d.values:
            margin = plan["margins"][metric.name]
            weighed.append((hypothesis, weigh(sample, margin=margin, seed=plan["seed"])))
    ps = [evidence.estimates.t.p for _, evidence in weighed]
    known = [p for p in ps if p is not None]
    is_family = metric.name == _PRIMARY and known and len(known) == len(ps)
    family = holm(known) if is_family else [None] * len(ps)
    return [
        _comparison(
            hypothesis,
            metric,
            judge_comparison(
                evidence,
                better=metric.better,
                profile=plan["profile"],
                fatal_gates=fatal(hypothesis),
                positive=positive,
                family_p=p,
            ),
        )
        for (hypothesis, evidence), p in zip(weighed, family, strict=True)
    ]


def _controls(
    by_subject: dict[str, _Trials], resolved: Mapping[str, Any], fatal: _Fatal
) -> list[dict[str, Any]]:
    """Each control's arm against its subject, by the primary metric, judged as anything else is.

    What is said of a null arm shows how often this run would find a difference where there is
    none; what is said of a positive one, whether it finds one that is there.
    """
    plan = resolved["plan"]
    metric = next(metric for metric in METRICS if metric.name == _PRIMARY)
    positive_arm = _positive_arm(resolved)
    judged = []
    for arm, subject in resolved["arms"].items():
        # Against the subject alone: a null arm is no part of the baseline it is held against.
        hypothesis = {"baseline": subject, "candidate": arm}
        paired = resolved if arm == positive_arm else {**resolved, "arms": {}}
        sample = _sample(metric, by_subject, hypothesis, paired)
        if not sample.d.values:
            continue
        margin = plan["margins"][metric.name]
        judgement = judge_comparison(
            weigh(sample, margin=margin, seed=plan["seed"]),
            better=metric.better,
            profile=plan["profile"],
            fatal_gates=fatal(hypothesis),
        )
        outcome = (
            _positive_control(metric, by_subject, arm, resolved)
            if arm == positive_arm
            else null_control(sample.d.values, margin)
        )
        judged.append(_comparison(hypothesis, metric, judgement) | {"outcome": asdict(outcome)})
    return judged


def _positive_arm(resolved: Mapping[str, Any]) -> str | None:
    """The arm that is slowed down, if the plan has one."""
    null = resolved["plan"].get("null_arm")
    return next((arm for arm in resolved["arms"] if arm != f"{null}-null"), None)


def _positive_control(
    metric: Metric, by_subject: dict[str, _Trials], arm: str, resolved: Mapping[str, Any]
) -> Control:
    plan = resolved["plan"]
    hypothesis = {"baseline": resolved["arms"][arm], "candidate": arm}
    return positive_control(
        _sample(metric, by_subject, hypothesis, resolved).d.values,
        injected=plan["positive_control"]["delta"],
        margin=plan["margins"][metric.name],
        better=metric.better,
    )


def _sample(
    metric: Metric,
    by_subject: dict[str, _Trials],
    hypothesis: Mapping[str, str],
    resolved: Mapping[str, Any],
) -> PairedSample:
    """The metric of both subjects by block, with the null arm if it is the baseline's."""

    def by_block(name: str) -> dict[int, float | None]:
        trials = by_subject.get(name, {})
        # A figure of zero has no ratio: it counts as one that the trial does not have.
        return {block: metric.of(figures) or None for block, figures in trials.items()}

    arm = f"{hypothesis['baseline']}-null"
    null = arm if arm in resolved["arms"] else None
    return PairedSample.of(
        by_block(hypothesis["baseline"]),
        by_block(hypothesis["candidate"]),
        by_block(null) if null else None,
    )


def _comparison(hypothesis: Mapping[str, str], metric: Metric, judged: Judgement) -> dict[str, Any]:
    evidence = judged.evidence
    primary = evidence.estimates.t
    return {
        "baseline": hypothesis["baseline"],
        "candidate": hypothesis["candidate"],
        "metric": metric.name,
        "better": metric.better,
        "verdict": judged.verdict.value,
        "size_resolved": judged.size_resolved,
        "reasons": [asdict(reason) for reason in judged.reasons],
        "ratio": primary.ratio,
        "low": primary.ci95.low if primary.ci95 else None,
        "high": primary.ci95.high if primary.ci95 else None,
        "family_p": judged.family_p,
        **asdict(evidence),
    }


def _weaknesses(bundle: Bundle, plan: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    """What a reader must know before believing the numbers, worst first."""
    cores = len(facts["facts"]["topology"]["cores"])
    kind = "VM" if facts["facts"]["virtual"] else "machine"
    found = [f"{cores}-core {kind}, tier {facts['placement']['tier']}"]
    if plan["blocks"] < FEWEST_BLOCKS:
        found.append(
            f"{plan['blocks']} blocks: an estimate, not a verdict (that needs {FEWEST_BLOCKS})"
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
    weak = "; ".join(weaknesses)
    if plan["comparisons"]:
        first = plan["comparisons"][0]
        for cell in cells:
            for comparison in cell["comparisons"]:
                if comparison["metric"] == _PRIMARY and first.items() <= comparison.items():
                    return _sentence(cell, comparison, weak)
    if controls := [control for cell in cells for control in cell["controls"]]:
        return _said_of_controls(controls, weak)
    for cell in cells:
        for name, subject in cell["subjects"].items():
            return (
                f"{name} answered {subject['throughput']:,.0f} req/s on {cell['workload']} under "
                f"{cell['load']} (median of {subject['trials']} trials; {weak})."
            )
    return f"Nothing was measured ({weak})."


def _said_of_controls(controls: list[dict[str, Any]], weak: str) -> str:
    """The conclusion of a run that compares nothing but a subject with its own arms."""
    said = "; ".join(
        f"the {control['outcome']['name']} control of {control['baseline']} "
        f"{'passed' if control['outcome']['passed'] else 'failed'} ({control['outcome']['what']})"
        for control in controls
    )
    return f"{said[0].upper()}{said[1:]} ({weak})."


def _sentence(cell: dict[str, Any], comparison: dict[str, Any], weak: str) -> str:
    interval = "no interval with one block"
    if comparison["low"] is not None:
        low, high = comparison["low"], comparison["high"]
        interval = f"95 % interval {low:.2f} to {high:.2f}, {comparison['blocks']} blocks"
    said = (
        f"{comparison['candidate']} served {comparison['ratio']:.2f} times the requests per "
        f"second of {comparison['baseline']} on {cell['workload']} under {cell['load']} "
        f"({interval}; {weak})."
    )
    if comparison["verdict"] == Verdict.ESTIMATE:
        return said
    return f"{comparison['verdict']}: {said} Why: {comparison['reasons'][0]['what']}."


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
