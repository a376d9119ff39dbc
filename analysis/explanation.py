"""From the trials of a bundle to ``explanation.json``: where a difference comes from.

History of the schema: explanation/1 (first).
"""

from __future__ import annotations

from dataclasses import asdict
from itertools import product
from statistics import median
from typing import TYPE_CHECKING, Any

from analysis.figures import Figures, rate_is_given, read
from analysis.inference import FEWEST_BLOCKS, Verdict
from analysis.metrics import METRICS
from analysis.rounding import ratio, ratio_interval
from analysis.waterfall import RESIDUAL, Part, Waterfall, differences, waterfall, way
from analysis.work import Work

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.waterfall import Difference, Effect, Link
    from bundle.read import Bundle

SCHEMA = "explanation/1"
_PRIMARY = "throughput"
_ADDED = ("cpu_service", "cpu_database")  # what is added up link by link, beside the ratio
_WORK = ("round_trips", "statements")  # per request; None where the bundle does not tell
_SHOWN = (_PRIMARY, *_ADDED)

type _Trials = dict[str, dict[int, Figures]]
"""The trials of one cell by subject and block."""


def derive(
    bundle: Bundle, resolved: Mapping[str, Any], results: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Compute the explanation of a sealed bundle.

    Args:
        bundle: verified.
        resolved: the plan as resolved, from ``inputs/plan.yaml``.
        results: the document of ``results.json``: its weaknesses are those of the explanation
            too, and its subjects' round trips and statements, where it has them, are joined.

    Returns:
        The document of ``explanation.json``: conclusion, weaknesses, and for each workload and
        load the whole ratio with its parts; None if the plan explains nothing.
    """
    explanation = resolved.get("explanation")
    if explanation is None:
        return None
    links = way(explanation)
    unusable = {each["trial"] for each in results["failures"]}
    subjects = {explanation["from"], explanation["to"], *_switched(explanation)}
    measured = _measured(bundle, subjects, unusable)
    plan, weaknesses = resolved["plan"], results["weaknesses"]
    falls = {
        key: waterfall(links, _by_block(measured[key], _PRIMARY))
        for key in product(plan["workloads"], plan["loads"])
        if key in measured and not rate_is_given(plan["loads"][key[1]])
    }
    conclusion = _conclusion(explanation, falls, weaknesses)
    if invalid := _invalid(bundle, explanation, links, results):
        conclusion = f"{Verdict.INVALID}: {invalid[0]} ({'; '.join(weaknesses)})."
    if results["failures"] and not results["cells"]:
        conclusion = str(results["conclusion"])  # it says why no trial can be used
    return {
        "schema": SCHEMA,
        "bundle": bundle.record.id,
        "from": explanation["from"],
        "to": explanation["to"],
        "conclusion": conclusion,
        "weaknesses": weaknesses,
        "cells": [
            _cell(key, fall, links, measured[key], _work(results, key))
            for key, fall in falls.items()
        ],
    }


def _switched(explanation: Mapping[str, Any]) -> set[str]:
    return {step[kind] for step in explanation["steps"] for kind in ("alone", "cumulative")}


def _invalid(
    bundle: Bundle,
    explanation: Mapping[str, Any],
    links: list[Link],
    results: Mapping[str, Any],
) -> list[str]:
    """What forbids an explanation: gates of the run, the whole comparison, unequal work."""
    found = [str(gate["said"]) for gate in results["gates"] if gate["verdict"] == "failed"]
    ends = {explanation["from"], explanation["to"]}
    found += [
        str(each["reasons"][0]["what"])
        for cell in results["cells"]
        for each in cell["comparisons"]
        if each["metric"] == _PRIMARY
        and each["verdict"] == Verdict.INVALID
        and {each["baseline"], each["candidate"]} == ends
    ]
    work = Work.read(bundle.path)
    for link in links:
        found += work.problems({"baseline": link.before, "candidate": link.after})
    return found


def _measured(
    bundle: Bundle, subjects: set[str], unusable: set[str]
) -> dict[tuple[str, str], _Trials]:
    """The figures of the trials that may be used, by cell."""
    measured: dict[tuple[str, str], _Trials] = {}
    for trial in bundle.trials:
        record = trial.record
        if record.id not in unusable and record.subject in subjects:
            cell = measured.setdefault((record.workload, record.load), {})
            figures = read(trial.path, record.readings)
            cell.setdefault(record.subject, {})[record.block] = figures
    return measured


def _by_block(trials: _Trials, name: str) -> dict[str, dict[int, float | None]]:
    """One figure a trial; a zero has no ratio and counts as none."""
    (metric,) = (metric for metric in METRICS if metric.name == name)
    return {
        subject: {block: metric.of(figures) or None for block, figures in by_block.items()}
        for subject, by_block in trials.items()
    }


def _cell(
    key: tuple[str, str],
    fall: Waterfall,
    links: list[Link],
    trials: _Trials,
    work: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    workload, load = key
    added = {name: differences(links, _by_block(trials, name)) for name in _ADDED}
    ranks = _ranks(fall)
    parts = [
        {
            **_part(part),
            "rank": ranks.get(part.link.name),
            **{name: _difference(each[at]) for name, (each, _) in added.items()},
        }
        for at, part in enumerate(fall.parts)
    ]
    total = {name: _difference(whole) for name, (_, whole) in added.items()}
    return {
        "workload": workload,
        "load": load,
        "blocks": len(fall.blocks),
        "dropped": fall.dropped,
        "total": {"throughput": _effect(fall.total), **total},
        "parts": parts,
        "discrepancy": fall.discrepancy,
        "subjects": {
            name: _summary(trials[name]) | {key: work.get(name, {}).get(key) for key in _WORK}
            for name in sorted(trials)
        },
    }


def _work(results: Mapping[str, Any], key: tuple[str, str]) -> Mapping[str, Mapping[str, Any]]:
    """What results.json says of the subjects of a cell."""
    for cell in results["cells"]:
        if (cell["workload"], cell["load"]) == key:
            subjects: Mapping[str, Mapping[str, Any]] = cell["subjects"]
            return subjects
    return {}


def _part(part: Part) -> dict[str, Any]:
    return {
        "name": part.link.name,
        "what": part.link.what,
        "before": part.link.before,
        "after": part.link.after,
        "throughput": _effect(part.effect),
        "family_p": part.family_p,
        "share": part.share,
        "alone": _effect(part.alone),
        "interaction": _effect(part.interaction),
    }


def _effect(effect: Effect | None) -> dict[str, Any] | None:
    return None if effect is None else asdict(effect) | {"shown": effect.shown}


def _difference(difference: Difference | None) -> dict[str, Any] | None:
    return None if difference is None else asdict(difference)


def _summary(trials: Mapping[int, Figures]) -> dict[str, Any]:
    """One number a metric: the median of the trials' own figures."""
    summary: dict[str, Any] = {"trials": len(trials)}
    for metric in METRICS:
        if metric.name in _SHOWN:
            values = [value for each in trials.values() if (value := metric.of(each)) is not None]
            summary[metric.name] = median(values) if values else None
    return summary


def _ranks(fall: Waterfall) -> dict[str, int]:
    """The steps by the size of their effect, whichever way it works; the residual has no rank."""
    sized = {
        part.link.name: abs(part.effect.log)
        for part in fall.parts
        if part.effect and part.link.name != RESIDUAL
    }
    ordered = sorted(sized, key=lambda name: -sized[name])
    return {name: rank for rank, name in enumerate(ordered, start=1)}


def _conclusion(
    explanation: Mapping[str, Any],
    falls: Mapping[tuple[str, str], Waterfall],
    weaknesses: list[str],
) -> str:
    """The largest cause in one sentence, with its interval and what makes it weak."""
    weak = "; ".join(weaknesses)
    before, after = explanation["from"], explanation["to"]
    for (workload, load), fall in falls.items():
        if fall.total is None:
            continue
        where = f"on {workload} under {load}"
        whole = (
            f"{after} served {ratio(fall.total.ratio, fall.total.low, fall.total.high)} times the "
            f"requests per second of {before} "
            f"{where} ({_interval(fall.total)}, {fall.total.blocks} blocks)"
        )
        return f"{_largest(fall)}: {whole} ({weak})."
    return f"Nothing was measured on the way from {before} to {after} ({weak})."


def _largest(fall: Waterfall) -> str:
    """Which step contributes most to the whole; only one that is shown counts as a cause."""
    if not fall.blocks:
        return "No block holds every step, so nothing is explained"
    if fall.total is None or not fall.total.shown:
        return "There is no difference to explain"
    along = {
        part.link.name: part
        for part in fall.parts
        if part.effect and part.share is not None and part.share > 0
    }
    residual = along.pop(RESIDUAL, None)
    steps = [part for part in along.values() if part.shown]
    if not steps:
        return "No step is shown to be a cause"
    largest = max(steps, key=lambda part: part.share or 0.0)
    said = f"{largest.link.what}: x {_sized(largest.effect)}"
    if len(fall.blocks) < FEWEST_BLOCKS:
        said += ", an estimate"
    if residual is None or (residual.share or 0.0) <= (largest.share or 0.0):
        return f"Largest cause: {said}"
    left = f"What is left unexplained is larger, x {_sized(residual.effect)}"
    return f"{left}; the largest cause found is: {said}"


def _sized(effect: Effect | None) -> str:
    if effect is None:
        return "unknown"
    return f"{ratio(effect.ratio, effect.low, effect.high)} ({_interval(effect)})"


def _interval(effect: Effect) -> str:
    if effect.low is None or effect.high is None:
        return "no interval with one block"
    return f"95 % interval {ratio_interval(effect.low, effect.high)}"
