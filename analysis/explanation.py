"""From the trials of a bundle to ``explanation.json``: where a difference comes from."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from analysis.contributions import Widening
from analysis.figures import Figures, read
from analysis.inference import FEWEST_FOR_DIRECTION, PairedSample, Verdict
from analysis.inference.nullarm import excess
from analysis.metrics import METRICS, PRIMARY
from analysis.results import middle
from analysis.rounding import percent_interval, ratio, ratio_interval
from analysis.waterfall import RESIDUAL, is_shown, waterfall, way
from analysis.work import Work
from bundle.display import quantity
from bundle.documents.explanation import ExplainedCell, Explanation, Stop
from bundle.documents.results import opened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.inference import ByBlock
    from analysis.metrics import Metric
    from analysis.waterfall import Link
    from bundle.documents.explanation import Effect, Share
    from bundle.documents.plan import Plan, SealedPlan, Way
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
    subjects |= {name for step in explained.steps for name in (step.alone, step.cumulative) if name}
    arm = f"{sealed.plan.null_arm}-null"
    measured = _measured(bundle, {*subjects, arm}, results.unusable)
    foreign = results.foreign_load
    plan, weak = sealed.plan, "; ".join(w for w in results.weaknesses if w != foreign)
    cells = [
        _cell(key, links, measured[key], plan, results)
        for key in product(plan.workloads, plan.loads)
        if key in measured and plan.loads[key[1]].rate is None
    ]
    conclusion = _conclusion(explained, cells, weak)
    if invalid := _invalid(bundle, explained, links, results):
        conclusion = f"{Verdict.VOID}: {invalid[0]} ({weak})."
    if results.failures and not results.cells:
        conclusion = results.conclusion  # it says why no trial can be used
    else:
        conclusion = opened(conclusion, foreign)
    return Explanation(
        schema="explanation/2",
        bundle=bundle.record.id,
        from_=explained.from_,
        to=explained.to,
        conclusion=conclusion,
        weaknesses=results.weaknesses,
        cells=cells,
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
    key: tuple[str, str], links: Sequence[Link], trials: _Trials, plan: Plan, results: Results
) -> ExplainedCell:
    workload, load = key
    throughput, service, database = (_by_block(trials, metric) for metric in _SPLIT)
    widening = _widening(throughput, plan)
    fall = waterfall(links, throughput, service, database, widening)
    cell = results.cell(workload, load)
    subjects = cell.subjects if cell else {}
    on_the_way = sorted(trials.keys() - {f"{plan.null_arm}-null"})
    return ExplainedCell(
        workload=workload,
        load=load,
        blocks=len(fall.blocks),
        dropped=fall.dropped,
        excess=widening.excess if widening else None,
        total=fall.whole,
        parts=list(fall.parts),
        discrepancy=fall.discrepancy,
        subjects={name: _stop(trials[name], subjects.get(name)) for name in on_the_way},
    )


def _widening(throughput: Mapping[str, ByBlock], plan: Plan) -> Widening | None:
    """What the null arm adds to intervals; None without one that was measured twice."""
    if plan.null_arm is None:
        return None
    arm = throughput.get(f"{plan.null_arm}-null", {})
    a = PairedSample.of(throughput.get(plan.null_arm, {}), arm).d.values
    return Widening(plan.beta, excess(a)) if len(a) > 1 else None


def _stop(trials: Mapping[int, Figures], told: Subject | None) -> Stop:
    """One number a metric: the median of the trials' own figures."""
    figures = list(trials.values())
    return Stop(
        trials=len(figures),
        **{metric.name: middle(metric, figures) for metric in _SPLIT},
        round_trips=told.round_trips if told else None,
        statements=told.statements if told else None,
    )


def _conclusion(explained: Way, cells: Sequence[ExplainedCell], weak: str) -> str:
    """The largest cause, what is left and the whole, with what makes them weak."""
    before, after = explained.from_, explained.to
    for cell in cells:
        whole = cell.total.throughput
        if whole is not None:
            return (
                f"{_caused(cell)}. {after} served {ratio(whole.ratio, whole.low, whole.high)} "
                f"times the requests per second of {before} on {cell.workload} under {cell.load} "
                f"({_interval(whole)}, {quantity(whole.blocks, 'block')}; {weak})."
            )
    return f"Nothing was measured on the way from {before} to {after} ({weak})."


def _caused(cell: ExplainedCell) -> str:
    """Which step has the most of the whole, and what is left; only a step that is shown counts."""
    if not cell.blocks:
        return "No block holds every step, so nothing is explained"
    shares = {part.name: part.share for part in cell.parts if part.share}
    if len(shares) < len(cell.parts):
        return "There is no difference to explain"
    unexplained = f"{_sized(shares[RESIDUAL])} stays unexplained"
    steps = [part for part in cell.parts if part.name != RESIDUAL and is_shown(part)]
    largest = max(steps, key=lambda part: shares[part.name].value, default=None)
    if largest is None or shares[largest.name].value <= 0:
        return f"No step is shown to be a cause; {unexplained}"
    said = f"Largest cause: {largest.what}, {_sized(shares[largest.name])} of the time"
    if cell.excess is None or cell.blocks < FEWEST_FOR_DIRECTION:
        said += ", an estimate"
    return f"{said}; {unexplained}"


def _sized(share: Share) -> str:
    return percent_interval(share.value, share.low, share.high)


def _interval(effect: Effect) -> str:
    if effect.low is None or effect.high is None:
        return "no interval with one block"
    return f"95 % interval {ratio_interval(effect.low, effect.high)}"
