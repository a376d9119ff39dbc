"""From the trials of a bundle to ``results.json``: figures by subject, ratios, one sentence.

History of the schema: results/1 (first; keys may be added to it, none changes its meaning).
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import product
from statistics import median
from typing import TYPE_CHECKING, Any

from analysis import gates, rounding
from analysis.comparisons import Comparisons, Order
from analysis.figures import rate_is_given
from analysis.inference import FEWEST_BLOCKS, Verdict
from analysis.metrics import METRICS, PRIMARY
from analysis.work import Work
from bundle import outside

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from analysis.figures import Figures
    from bundle.read import Bundle

SCHEMA = "results/1"
# What decides the first sentence, from the first that a cell has.
_LEADING = (PRIMARY, "p99", "p50")
_SAID = {
    PRIMARY: "{candidate} served {ratio} times the requests per second of {baseline}",
    "p99": "The 99th percentile of {candidate} was {ratio} times that of {baseline}",
    "p50": "The median of {candidate} was {ratio} times that of {baseline}",
}


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
    stopped = bundle.record.status == "aborted"
    cells = [
        _cell(key, gated, resolved, work, _order(bundle, gated.cells[key]), stopped=stopped)
        for key in product(plan["workloads"], plan["loads"])
        if key in gated.cells
    ]
    weaknesses = _weaknesses(bundle, plan, facts, gates.loosened(gated.context))
    return {
        "schema": SCHEMA,
        "bundle": bundle.record.id,
        "conclusion": _conclusion(cells, plan, weaknesses, _lost(bundle, gated)),
        "weaknesses": weaknesses,
        "cells": cells,
        "gates": [gates.document(finding, gated.context) for finding in gated.run],
        "failures": gated.failures,
        "omitted": [{"path": o.path, "reason": o.reason} for o in bundle.record.omitted],
    }


def _cell(
    key: tuple[str, str],
    gated: gates.Gated,
    resolved: Mapping[str, Any],
    work: Work,
    order: Order,
    *,
    stopped: bool,
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

    def undeclared(name: str) -> list[str]:
        # A declaration holds for the options that a service has when nothing is said.
        subject = plan["subjects"][resolved["arms"].get(name, name)]
        return [] if subject.get("options") else work.undeclared(name)

    comparisons = Comparisons(resolved, by_subject, order, fatal, stopped=stopped)
    rate_given = rate_is_given(plan["loads"][load])
    return {
        "workload": workload,
        "load": load,
        "drive": plan["loads"][load],
        "latency_kind": next(iter(next(iter(by_subject.values())).values())).latency_kind,
        "subjects": {
            name: _summary(by_subject[name].values())
            | work.per_request(name, workload)
            | {"doubts": cell.doubts(name), "undeclared": undeclared(name)}
            for name in (*plan["subjects"], *resolved["arms"])
            if name in by_subject
        },
        "comparisons": [
            comparison | {"work": work.verdict(comparison, workload)}
            for metric in METRICS
            if metric.name in plan["margins"] and not (rate_given and metric.name == PRIMARY)
            for comparison in comparisons.by(metric)
        ],
        "controls": [] if rate_given else comparisons.controls(),
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


def _order(bundle: Bundle, cell: gates.Cell) -> Order:
    """How the usable trials of a cell followed each other, by the times they began at."""
    began = {trial.record.id: trial.record.started for trial in bundle.trials}
    first = min(began.values())
    subjects: dict[int, list[tuple[datetime, str]]] = {}
    for subject, by_block in cell.usable.items():
        for block, trial in by_block.items():
            subjects.setdefault(block, []).append((began[trial.id], subject))
    in_order = {block: sorted(several) for block, several in subjects.items()}
    return Order(
        subjects={block: [name for _, name in several] for block, several in in_order.items()},
        started_s={
            block: (several[0][0] - first).total_seconds() for block, several in in_order.items()
        },
    )


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


def _weaknesses(
    bundle: Bundle, plan: Mapping[str, Any], facts: Mapping[str, Any], loosened: list[str]
) -> list[str]:
    """What a reader must know before believing the numbers, worst first."""
    cores = len(facts["facts"]["topology"]["cores"])
    kind = "VM" if facts["facts"]["virtual"] else "machine"
    found = [f"{cores}-core {kind}, tier {facts['placement']['tier']}"]
    if plan["blocks"] < FEWEST_BLOCKS:
        found.append(
            f"{plan['blocks']} blocks: an estimate, not a verdict (that needs {FEWEST_BLOCKS})"
        )
    trials = bundle.record.trials
    if trials.failed > trials.planned:  # those that were repeated failed twice
        carried_out = trials.completed + trials.failed
        found.append(f"{trials.failed} of {carried_out} trials failed, repeats included")
    elif trials.failed:
        found.append(f"{trials.failed} of {trials.planned} trials failed")
    if trials.skipped:
        found.append(f"{trials.skipped} of {trials.planned} trials were not carried out")
    if loosened:
        found.append(f"the plan allows more than the lab's own limits of {', '.join(loosened)}")
    if interruptions := bundle.record.interruptions:
        times = "once" if len(interruptions) == 1 else f"{len(interruptions)} times"
        found.append(f"interrupted {times} and resumed")
    if bundle.record.tool.dirty is not False:
        found.append(_of_the_source(bundle))
    return found


def _of_the_source(bundle: Bundle) -> str:
    """What weakens a result whose source is not the commit's; early versions gave no reason."""
    told = outside.json_if_there(bundle.path / "inputs/source.json") or {}
    reason = told.get("reason")
    return f"no commit has its source: {reason}" if reason else "measured by an uncommitted source"


def _lost(bundle: Bundle, gated: gates.Gated) -> dict[str, list[dict[str, Any]]]:
    """The failures of the trials that may not be used, by subject."""
    subjects = {trial.record.id: trial.record.subject for trial in bundle.trials}
    lost: dict[str, list[dict[str, Any]]] = {}
    for failure in gated.failures:
        lost.setdefault(subjects[failure["trial"]], []).append(failure)
    return lost


def _conclusion(
    cells: list[dict[str, Any]],
    plan: Mapping[str, Any],
    weaknesses: list[str],
    lost: Mapping[str, list[dict[str, Any]]],
) -> str:
    """The result in one sentence, with its interval and what makes it weak.

    It rests on trials whose figures may be used; without one it says why there is none.
    """
    weak = "; ".join(weaknesses)
    if lost and not cells:
        failures = [failure for several in lost.values() for failure in several]
        return f"Nothing is known of any subject: {_said_of_failures(failures)} ({weak})."
    if plan["comparisons"] and cells:
        return _said_of_comparison(cells, plan["comparisons"][0], weak, lost)
    if controls := [control for cell in cells for control in cell["controls"]]:
        return _said_of_controls(controls, weak)
    for cell in cells:
        for name, subject in cell["subjects"].items():
            rate = rounding.rate(subject["throughput"])
            return (
                f"{name} answered {rate} req/s on {cell['workload']} under {cell['load']} "
                f"(median of {subject['trials']} trials; {weak})."
            )
    return f"Nothing was measured ({weak})."


def _said_of_comparison(
    cells: list[dict[str, Any]],
    first: Mapping[str, str],
    weak: str,
    lost: Mapping[str, list[dict[str, Any]]],
) -> str:
    """The plan's first comparison, by the first metric that a cell has; or why there is none."""
    for metric in _LEADING:
        for cell in cells:
            for comparison in cell["comparisons"]:
                if comparison["metric"] == metric and first.items() <= comparison.items():
                    return _sentence(cell, comparison, weak)
    why = "no block holds every trial that this needs"
    usable = {name for cell in cells for name in cell["subjects"]}
    for name in (first["candidate"], first["baseline"]):
        if name in lost and name not in usable:
            why = f"of {name} {_said_of_failures(lost[name])}"
    return f"{first['candidate']} and {first['baseline']} are not compared: {why} ({weak})."


def _said_of_failures(failures: list[dict[str, Any]]) -> str:
    """How many trials failed, and the failure that most of them have in common."""
    codes = Counter(failure["code"] for failure in failures)
    code, count = codes.most_common(1)[0]
    what = next(failure["what"] for failure in failures if failure["code"] == code)
    number = "the only trial" if len(failures) == 1 else f"all {len(failures)} trials"
    share = "" if count == len(failures) else f", {count} of them"
    return f"{number} failed{share} with {code}: {what}"


def _said_of_controls(controls: list[dict[str, Any]], weak: str) -> str:
    """The conclusion of a run that compares nothing but a subject with its own arms."""
    said = "; ".join(
        f"the {control['outcome']['name']} control of {control['baseline']} "
        f"{'passed' if control['outcome']['passed'] else 'failed'} ({control['outcome']['what']})"
        for control in controls
    )
    return f"{said[0].upper()}{said[1:]} ({weak})."


def _sentence(cell: dict[str, Any], comparison: dict[str, Any], weak: str) -> str:
    interval, low, high = "no interval with one block", comparison["low"], comparison["high"]
    if low is not None:
        blocks = comparison["blocks"]
        interval = f"95 % interval {rounding.ratio_interval(low, high)}, {blocks} blocks"
    said = _SAID[comparison["metric"]].format(
        candidate=comparison["candidate"],
        baseline=comparison["baseline"],
        ratio=rounding.ratio(comparison["ratio"], low, high),
    )
    said += f" on {cell['workload']} under {cell['load']} ({interval}; {weak})."
    if comparison["verdict"] == Verdict.ESTIMATE:
        return said
    return f"{comparison['verdict']}: {said} Why: {comparison['reasons'][0]['what']}."


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
