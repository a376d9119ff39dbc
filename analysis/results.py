"""From the trials of a bundle to ``results.json``: figures by subject, ratios, one sentence."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import product
from statistics import median
from typing import TYPE_CHECKING

import msgspec

from analysis import gates, growth, rounding, software
from analysis.comparisons import Comparisons, Order, Pair
from analysis.inference import FEWEST_FOR_DIRECTION, Verdict
from analysis.metrics import METRICS, PRIMARY
from analysis.sliced import Sliced
from analysis.tables import growth as tables
from analysis.work import Work
from bundle import typed
from bundle.display import quantity
from bundle.documents.host import Source
from bundle.documents.results import Cell, MemoryGrowth, PairGate, Results, Subject, opened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from analysis.figures import Figures
    from analysis.metrics import Metric
    from bundle.documents.host import HostFacts
    from bundle.documents.plan import Plan, SealedPlan
    from bundle.documents.results import Comparison, ControlArm, FailedTrial
    from bundle.read import Bundle

# What decides the first sentence, from the first that a cell has.
_LEADING = (PRIMARY, "p99", "p50")
_SAID = {
    PRIMARY: "{candidate} served {ratio} times the requests per second of {baseline}",
    "p99": "The 99th percentile of {candidate} was {ratio} times that of {baseline}",
    "p50": "The median of {candidate} was {ratio} times that of {baseline}",
}

type _Lost = Mapping[str, Sequence[FailedTrial]]
"""The trials that may not be used, by subject."""


def derive(bundle: Bundle, sealed: SealedPlan, facts: HostFacts) -> Results:
    """Compute the results of a verified bundle from its plan and the facts of the services' host.

    Raises:
        OSError, ValueError, LookupError, RecordError: a file of the bundle is invalid.
    """
    gated, work = gates.read(bundle), Work.read(bundle.path)
    stopped = bundle.record.status == "aborted"
    cells = [
        _cell(key, gated, sealed, work, _order(bundle, gated.cells[key]), stopped=stopped)
        for key in product(sealed.plan.workloads, sealed.plan.loads)
        if key in gated.cells
    ]
    weaknesses = _weaknesses(bundle, sealed.plan, facts, gated)
    conclusion = _conclusion(cells, sealed.plan, weaknesses, _lost(bundle, gated))
    foreign = gated.foreign_load
    if foreign:
        weaknesses.insert(0, foreign)
        conclusion = opened(conclusion, foreign) if cells else conclusion
    return Results(
        schema="results/2",
        bundle=bundle.record.id,
        conclusion=conclusion,
        weaknesses=weaknesses,
        foreign_load=foreign,
        cells=cells,
        software=software.of(bundle.path, sealed.plan),
        gates=[gates.document(finding, gated.context) for finding in gated.run],
        failures=gated.failures,
        omitted=list(bundle.record.omitted),
    )


def _cell(
    key: tuple[str, str],
    gated: gates.Gated,
    sealed: SealedPlan,
    work: Work,
    order: Order,
    *,
    stopped: bool,
) -> Cell:
    workload, load = key
    plan, cell = sealed.plan, gated.cells[key]
    by_subject = cell.figures
    pairs = [Pair(each.baseline, each.candidate) for each in plan.comparisons]

    @cache
    def findings(pair: Pair) -> list[gates.Finding]:
        return cell.pair(*pair)

    def fatal(pair: Pair) -> list[str]:
        return [*gates.fatal([*gated.run, *findings(pair)]), *work.problems(*pair)]

    comparisons = Comparisons(
        sealed,
        by_subject,
        order,
        fatal,
        lambda pair: work.in_short(*pair, workload),
        stopped=stopped,
        sliced=Sliced.read(cell),
    )
    rate_given = plan.loads[load].rate is not None
    return Cell(
        workload=workload,
        load=load,
        drive=plan.loads[load].keys(given_only=True),
        latency_kind=next(iter(next(iter(by_subject.values())).values())).latency_kind,
        subjects={
            name: _subject(name, workload, cell, sealed, work)
            for name in (*plan.subjects, *sealed.arms)
            if name in by_subject
        },
        comparisons=[
            comparison
            for metric in METRICS
            if metric.name in plan.margins and not (rate_given and metric.name == PRIMARY)
            for comparison in comparisons.by(metric)
        ],
        controls=[] if rate_given else comparisons.controls(),
        gates=gates.documents(cell.trials),
        work=[told for pair in pairs if (told := work.compare(*pair, workload))],
        pair_gates=[
            PairGate(
                **msgspec.structs.asdict(gates.document(finding, gated.context)), **pair._asdict()
            )
            for pair in pairs
            for finding in findings(pair)
        ],
    )


def _order(bundle: Bundle, cell: gates.Cell) -> Order:
    """In which order the usable trials of a cell ran, by the times they began at.

    Trials that began at one time ran side by side, and have no order.
    """
    began = {trial.record.id: trial.record.started for trial in bundle.trials}
    first = min(began.values())
    subjects: dict[int, list[tuple[datetime, str]]] = {}
    for subject, by_block in cell.usable.items():
        for block, trial in by_block.items():
            subjects.setdefault(block, []).append((began[trial.id], subject))
    in_order = {block: sorted(several) for block, several in subjects.items()}
    return Order(
        subjects={
            block: [name for _, name in several]
            for block, several in in_order.items()
            if len({at for at, _ in several}) == len(several)
        },
        started_s={
            block: (several[0][0] - first).total_seconds() for block, several in in_order.items()
        },
    )


def _subject(name: str, workload: str, cell: gates.Cell, sealed: SealedPlan, work: Work) -> Subject:
    """One number a metric: the median of the trials' own figures, never of pooled requests."""
    figures = list(cell.figures[name].values())
    medians = {metric.name: middle(metric, figures) for metric in METRICS}
    cost = work.per_request(name, workload)
    # A declaration holds for the options that a service has when nothing is said.
    declares = not sealed.declared(name).options
    return Subject(
        trials=len(figures),
        requests=sum(each.requests for each in figures),
        errors=sum(each.errors for each in figures),
        **medians,
        **cost._asdict(),
        growth=growth.of_trials(each.evidence for each in cell.usable[name].values()),
        doubts=cell.doubts(name),
        undeclared=work.undeclared(name) if declares else [],
    )


def middle(metric: Metric, trials: Iterable[Figures]) -> float | None:
    """The median of a figure over trials; None where none of them has it."""
    known = [value for each in trials if (value := metric.of(each)) is not None]
    return median(known) if known else None


def _weaknesses(bundle: Bundle, plan: Plan, facts: HostFacts, gated: gates.Gated) -> list[str]:
    """What a reader must know before believing the numbers, worst first."""
    topology = facts.facts.topology
    cores = len(topology.cores) if topology else "?"
    kind = "VM" if facts.facts.virtual else "machine"
    weaknesses = [f"{cores}-core {kind}, tier {facts.placement.tier}"]
    if plan.blocks < FEWEST_FOR_DIRECTION:
        weaknesses.append(
            f"{quantity(plan.blocks, 'block')}: an estimate, not a verdict (that needs "
            f"{FEWEST_FOR_DIRECTION})"
        )
    trials = bundle.record.trials
    if trials.failed > trials.planned:  # those that were repeated failed twice
        carried_out = trials.completed + trials.failed
        weaknesses.append(
            f"{trials.failed} of {quantity(carried_out, 'trial')} failed, repeats included"
        )
    elif trials.failed:
        weaknesses.append(f"{trials.failed} of {quantity(trials.planned, 'trial')} failed")
    if trials.skipped:
        weaknesses.append(
            f"{trials.skipped} of {quantity(trials.planned, 'trial')} not carried out"
        )
    if plan.overridden:
        weaknesses.append(f"the plan was overridden: {'; '.join(map(str, plan.overridden))}")
    if len(plan.databases) > 1:
        weaknesses.append(
            f"sizes of two databases ({' and '.join(plan.databases)}) are not compared"
        )
    weaknesses += gated.slowed
    if loosened := gates.loosened(gated.context):
        weaknesses.append(
            f"the plan allows more than the lab's own limits of {', '.join(loosened)}"
        )
    if interruptions := bundle.record.interruptions:
        times = "once" if len(interruptions) == 1 else f"{len(interruptions)} times"
        weaknesses.append(f"interrupted {times} and resumed")
    if bundle.record.tool.dirty is not False:
        weaknesses.append(_of_the_source(bundle))
    return weaknesses


def _of_the_source(bundle: Bundle) -> str:
    """The weakness of a result whose source is not a commit's; early versions gave no reason."""
    source = typed.read_if_there(bundle.path, Source)
    if source and source.reason:
        return f"no commit has its source: {source.reason}"
    return "measured by an uncommitted source"


def _lost(bundle: Bundle, gated: gates.Gated) -> _Lost:
    subjects = {trial.record.id: trial.record.subject for trial in bundle.trials}
    lost: dict[str, list[FailedTrial]] = {}
    for failure in gated.failures:
        lost.setdefault(subjects[failure.trial], []).append(failure)
    return lost


def _conclusion(cells: Sequence[Cell], plan: Plan, weaknesses: list[str], lost: _Lost) -> str:
    """The result in one sentence, with its interval and what makes it weak.

    It rests on trials whose figures may be used; without one it says why there is none.
    """
    weak = "; ".join(weaknesses)
    if lost and not cells:
        failures = [failure for several in lost.values() for failure in several]
        return f"Nothing is known of any subject: {_said_of_failures(failures)} ({weak})."
    if plan.comparisons and cells:
        first = plan.comparisons[0]
        return _said_of_comparison(cells, Pair(first.baseline, first.candidate), weak, lost)
    if controls := [control for cell in cells for control in cell.controls]:
        return _said_of_controls(controls, weak)
    if grown := next((said for cell in cells if (said := _said_of_growth(cell))), None):
        return f"{grown} ({weak})."
    for cell in cells:
        for name, subject in cell.subjects.items():
            rate = rounding.rate(subject.throughput)
            return (
                f"{name} answered {rate} req/s on {cell.workload} under {cell.load} "
                f"(median of {quantity(subject.trials, 'trial')}; {weak})."
            )
    return f"Nothing was measured ({weak})."


def _said_of_comparison(cells: Sequence[Cell], first: Pair, weak: str, lost: _Lost) -> str:
    """The plan's first comparison, by the first metric that a cell has; or why there is none."""
    for metric in _LEADING:
        for cell in cells:
            for each in cell.comparisons:
                if (each.metric, each.baseline, each.candidate) == (metric, *first):
                    return _sentence(cell, each, weak)
    why = "no block holds every trial that this needs"
    usable = {name for cell in cells for name in cell.subjects}
    for name in (first.candidate, first.baseline):
        if name in lost and name not in usable:
            why = f"of {name} {_said_of_failures(lost[name])}"
    return f"{first.candidate} and {first.baseline} are not compared: {why} ({weak})."


def _said_of_failures(failures: Sequence[FailedTrial]) -> str:
    """How many trials failed, and the failure that most of them have in common."""
    codes = Counter(failure.code for failure in failures)
    code, count = codes.most_common(1)[0]
    what = next(failure.what for failure in failures if failure.code == code)
    number = "the only trial" if len(failures) == 1 else f"all {len(failures)} trials"
    share = "" if count == len(failures) else f", {count} of them"
    return f"{number} failed{share} with {code}: {what}"


def _said_of_controls(controls: Sequence[ControlArm], weak: str) -> str:
    """The conclusion of a run that compares nothing but a subject with its own arms."""
    outcomes = "; ".join(
        f"the {control.outcome.name} control of {control.baseline} "
        f"{'passed' if control.outcome.passed else 'failed'} ({control.outcome.what})"
        for control in controls
    )
    return f"{outcomes[0].upper()}{outcomes[1:]} ({weak})."


def _said_of_growth(cell: Cell) -> str | None:
    """How the resident set of each subject grew; None where the windows are too short for that."""
    grown = {
        name: subject.growth.rss
        for name, subject in cell.subjects.items()
        if isinstance(subject.growth, MemoryGrowth) and subject.growth.rss.per_hour is not None
    }
    if not grown:
        return None
    each = ", ".join(f"{name} {tables.per_hour(rss)}" for name, rss in grown.items())
    return (
        f"Growth of the resident set on {cell.workload} under {cell.load}, MiB an hour with its "
        f"95 % interval: {each}"
    )


def _sentence(cell: Cell, comparison: Comparison, weak: str) -> str:
    interval, low, high = "no interval with one block", comparison.low, comparison.high
    if low is not None and high is not None:
        known = rounding.ratio_interval(low, high)
        interval = f"95 % interval {known}, {quantity(comparison.blocks, 'block')}"
    sentence = _SAID[comparison.metric].format(
        candidate=comparison.candidate,
        baseline=comparison.baseline,
        ratio=rounding.ratio(comparison.ratio, low, high),
    )
    sentence += f" on {cell.workload} under {cell.load} ({interval}; {weak})."
    if comparison.verdict is Verdict.ESTIMATE:
        return f"{sentence} An estimate: {comparison.reasons[0].what}."
    return f"{comparison.verdict}: {sentence} Why: {comparison.reasons[0].what}."
