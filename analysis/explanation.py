"""From the trials of a bundle to ``explanation.json``: where a difference comes from."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from analysis.figures import Figures, read
from analysis.inference import FEWEST_BLOCKS, Verdict
from analysis.metrics import METRICS, PRIMARY
from analysis.results import middle
from analysis.rounding import ratio, ratio_interval
from analysis.waterfall import RESIDUAL, Waterfall, is_shown, waterfall, way
from analysis.work import Work
from bundle.documents.explanation import ExplainedCell, Explanation, Stop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.metrics import Metric
    from analysis.waterfall import Link
    from bundle.documents.explanation import Effect
    from bundle.documents.plan import SealedPlan, Way
    from bundle.documents.results import Results, Subject
    from bundle.read import Bundle

_BY_NAME = {metric.name: metric for metric in METRICS}
# In the order of the arguments of `waterfall`.
_SPLIT = [_BY_NAME[name] for name in (PRIMARY, "cpu_service", "cpu_database")]

type _Trials = dict[str, dict[int, Figures]]
"""The trials of one cell by subject and block."""


def derive(bundle: Bundle, sealed: SealedPlan, results: Results) -> Explanation | None:
    """Compute the explanation of a verified bundle; None if the plan explains nothing.

    The weaknesses of the results are those of the explanation too. Their subjects' round trips and
    statements, where they have them, are joined.
    """
    explained = sealed.explanation
    if explained is None:
        return None
    links = way(explained)
    subjects = {explained.from_, explained.to}
    subjects |= {name for step in explained.steps for name in (step.alone, step.cumulative)}
    measured = _measured(bundle, subjects, results.unusable)
    plan, weak = sealed.plan, "; ".join(results.weaknesses)
    falls = {
        key: waterfall(links, *(_by_block(measured[key], metric) for metric in _SPLIT))
        for key in product(plan.workloads, plan.loads)
        if key in measured and plan.loads[key[1]].rate is None
    }
    conclusion = _conclusion(explained, falls, weak)
    if invalid := _invalid(bundle, explained, links, results):
        conclusion = f"{Verdict.VOID}: {invalid[0]} ({weak})."
    if results.failures and not results.cells:
        conclusion = results.conclusion  # it says why no trial can be used
    return Explanation(
        schema="explanation/1",
        bundle=bundle.record.id,
        from_=explained.from_,
        to=explained.to,
        conclusion=conclusion,
        weaknesses=results.weaknesses,
        cells=[
            _cell(workload, load, fall, measured[workload, load], results)
            for (workload, load), fall in falls.items()
        ],
    )


def _invalid(bundle: Bundle, explained: Way, links: Sequence[Link], results: Results) -> list[str]:
    """What forbids an explanation: gates of the run, the whole comparison, unequal work."""
    reasons = [gate.said for gate in results.gates if gate.verdict == "failed"]
    ends = {explained.from_, explained.to}
    reasons += [
        each.reasons[0].what
        for cell in results.cells
        for each in cell.comparisons
        if each.metric == PRIMARY
        and each.verdict is Verdict.VOID
        and {each.baseline, each.candidate} == ends
    ]
    work = Work.read(bundle.path)
    for link in links:
        reasons += work.problems(link.before, link.after)
    return reasons


def _measured(
    bundle: Bundle, subjects: set[str], unusable: frozenset[str]
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


def _by_block(trials: _Trials, metric: Metric) -> dict[str, dict[int, float | None]]:
    """One figure a trial; a zero has no ratio and counts as none."""
    return {
        subject: {block: metric.of(figures) or None for block, figures in by_block.items()}
        for subject, by_block in trials.items()
    }


def _cell(
    workload: str, load: str, fall: Waterfall, trials: _Trials, results: Results
) -> ExplainedCell:
    cell = results.cell(workload, load)
    subjects = cell.subjects if cell else {}
    return ExplainedCell(
        workload=workload,
        load=load,
        blocks=len(fall.blocks),
        dropped=fall.dropped,
        total=fall.whole,
        parts=list(fall.parts),
        discrepancy=fall.discrepancy,
        subjects={name: _stop(trials[name], subjects.get(name)) for name in sorted(trials)},
    )


def _stop(trials: Mapping[int, Figures], told: Subject | None) -> Stop:
    """One number a metric: the median of the trials' own figures."""
    figures = list(trials.values())
    return Stop(
        trials=len(figures),
        **{metric.name: middle(metric, figures) for metric in _SPLIT},
        round_trips=told.round_trips if told else None,
        statements=told.statements if told else None,
    )


def _conclusion(explained: Way, falls: Mapping[tuple[str, str], Waterfall], weak: str) -> str:
    """The largest cause in one sentence, with its interval and what makes it weak."""
    before, after = explained.from_, explained.to
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
    along = {part.name: part for part in fall.parts if part.share is not None and part.share > 0}
    residual = along.pop(RESIDUAL, None)
    steps = [part for part in along.values() if is_shown(part)]
    if not steps:
        return "No step is shown to be a cause"
    largest = max(steps, key=lambda part: part.share or 0.0)
    cause = f"{largest.what}: x {_sized(largest.throughput)}"
    if len(fall.blocks) < FEWEST_BLOCKS:
        cause += ", an estimate"
    if residual is None or (residual.share or 0.0) <= (largest.share or 0.0):
        return f"Largest cause: {cause}"
    left = f"What is left unexplained is larger, x {_sized(residual.throughput)}"
    return f"{left}; the largest cause found is: {cause}"


def _sized(effect: Effect | None) -> str:
    if effect is None:
        return "unknown"
    return f"{ratio(effect.ratio, effect.low, effect.high)} ({_interval(effect)})"


def _interval(effect: Effect) -> str:
    if effect.low is None or effect.high is None:
        return "no interval with one block"
    return f"95 % interval {ratio_interval(effect.low, effect.high)}"
