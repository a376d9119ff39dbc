"""What a pilot tells about a plan: detectable effects, warm-up needed, duration.

A pilot is the sealed bundle of an earlier run, of this plan or of one that is like it. Subjects,
workloads and loads are matched by name.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby, pairwise, product
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from analysis import results, steadiness
from analysis.inference import blocks_needed, findable_effect, variance_shares
from bundle import typed
from bundle.codec import Part
from bundle.documents.host import HostFacts
from bundle.read import Bundle
from ormlab.plan import overhead_s

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bundle.documents.plan import Plan
    from bundle.documents.results import Cell
    from bundle.generators import Load
    from bundle.read import Trial
    from ormlab.plan import Planned, ResolvedPlan

_TENTHS = 10  # windows of a trial that are long enough to depend little on their neighbours

type _Key = tuple[str, str, str]  # subject, workload, load


class Effect(Part, frozen=True, kw_only=True):
    """What a comparison of the plan can find.

    Attributes:
        baseline, candidate, workload, load, metric: which one.
        margin: the plan's, as a fraction.
        sd: of the pilot's log-ratios, one a block.
        detectable: smallest relative effect that the plan's blocks find nine times out of ten;
            None with a single block.
        needed: blocks that find an effect of the size of the margin; None if none do, because two
            deployments may differ by as much.
    """

    baseline: str
    candidate: str
    workload: str
    load: str
    metric: str
    margin: float
    sd: float
    detectable: float | None
    needed: int | None


class Warmup(Part, frozen=True, kw_only=True):
    """The warm-up of a load, in seconds.

    Attributes:
        workload, load: which one.
        planned: by the plan.
        needed: the pilot's own and what MSER-5 leaves out beyond it, the longest of all subjects;
            None where the pilot has no raw samples or was too short to say.
        slowest: the subject that needs it.
    """

    workload: str
    load: str
    planned: float
    needed: float | None
    slowest: str | None


class Rate(Part, frozen=True, kw_only=True):
    """An open loop's arrival rate beside what the subjects can take.

    All subjects are driven at one absolute rate, so the one that can take least decides whether
    they are compared below saturation.

    Attributes:
        workload, load: which one.
        planned: requests per second.
        capacity: the smallest of all subjects, by the pilot's search; None where it made none.
        subject: whose it is.
    """

    workload: str
    load: str
    planned: float
    capacity: float | None
    subject: str | None


class Variance(Part, frozen=True, kw_only=True):
    """Where the noise of the pilot's null arm lives.

    Attributes:
        subject, workload, load: whose trials.
        shares: of the variance of a single figure, by level: block, trial and window.
    """

    subject: str
    workload: str
    load: str
    shares: dict[str, float]


class Forecast(Part, frozen=True, kw_only=True):
    """What a pilot tells of a plan."""

    bundle: str  #: the pilot's id
    effects: tuple[Effect, ...]  #: by comparison and metric
    unknown: tuple[str, ...]  #: comparisons that the pilot says nothing of, in words
    warmups: tuple[Warmup, ...]  #: by workload and load
    rates: tuple[Rate, ...]  #: of the open loops, by workload and load
    #: by workload and load, where the pilot has a null arm and raw samples
    variances: tuple[Variance, ...]
    expected_s: float  #: how long the run takes, setting up included
    #: how many of the plan's trials the pilot has carried out just so; of the others it tells what
    #: they take beyond their load
    timed: int


def forecast(resolved: ResolvedPlan, path: Path) -> Forecast:
    """Read a pilot for a plan.

    Raises:
        BundleError: the pilot is not sealed, or its files are not what the seal says.
    """
    bundle = Bundle.open(path, level="L1")
    sealed = typed.read_plan(path)
    pilot, cells = sealed.plan, results.derive(bundle, sealed, typed.read(path, HostFacts)).cells
    effects, unknown = _effects(resolved, cells)
    expected_s, timed = _duration(resolved, bundle, pilot.loads)
    return Forecast(
        bundle=bundle.record.id,
        effects=tuple(effects),
        unknown=tuple(unknown),
        warmups=tuple(_warmups(resolved, bundle, pilot.loads)),
        rates=tuple(_rates(resolved, cells)),
        variances=tuple(_variances(bundle, pilot)),
        expected_s=expected_s,
        timed=timed,
    )


def _effects(resolved: ResolvedPlan, cells: Sequence[Cell]) -> tuple[list[Effect], list[str]]:
    plan = resolved.plan
    spreads = {
        (cell.workload, cell.load, each.baseline, each.candidate, each.metric): each.sd
        for cell in cells
        for each in cell.comparisons
    }
    effects, unknown = [], []
    for workload, load, wanted in product(plan.workloads, plan.loads, plan.comparisons):
        baseline, candidate = wanted.baseline, wanted.candidate
        known = [
            Effect(
                baseline=baseline,
                candidate=candidate,
                workload=workload,
                load=load,
                metric=metric,
                margin=margin,
                sd=sd,
                detectable=(
                    findable_effect(sd, plan.blocks, beta=plan.beta) if plan.blocks > 1 else None
                ),
                needed=blocks_needed(sd, margin, beta=plan.beta),
            )
            for metric, margin in plan.margins.items()
            if (sd := spreads.get((workload, load, baseline, candidate, metric))) is not None
        ]
        effects += known
        if not known:
            unknown.append(f"{candidate} / {baseline} on {workload} under {load}")
    return effects, unknown


def _rates(resolved: ResolvedPlan, cells: Sequence[Cell]) -> Iterator[Rate]:
    rates = {name: load.rate for name, load in resolved.plan.loads.items() if load.rate}
    for workload, (load, rate) in product(resolved.plan.workloads, rates.items()):
        capacities = {
            name: subject.capacity
            for cell in cells
            if cell.workload == workload
            for name, subject in cell.subjects.items()
            if name in resolved.plan.subjects and subject.capacity is not None
        }
        least = min(capacities, key=capacities.__getitem__) if capacities else None
        yield Rate(
            workload=workload,
            load=load,
            planned=rate,
            capacity=capacities[least] if least else None,
            subject=least,
        )


def _variances(bundle: Bundle, plan: Plan) -> Iterator[Variance]:
    trials, subject = _completed(bundle), plan.null_arm
    if subject is None:
        return
    for workload, load in product(plan.workloads, plan.loads):
        arms = [trials.get((arm, workload, load), []) for arm in (subject, f"{subject}-null")]
        by_block = [{each.record.block: each.path for each in arm} for arm in arms]
        pairs = [
            _logs_of_windows([arm[block] for arm in by_block])
            for block in sorted(by_block[0].keys() & by_block[1].keys())
        ]
        whole = [pair for pair in pairs if pair is not None]
        if len(whole) > 1:
            shares = variance_shares(whole)
            yield Variance(subject=subject, workload=workload, load=load, shares=shares)


def _logs_of_windows(trials: Sequence[Path]) -> NDArray[np.float64] | None:
    """Logarithms of the figures of each trial's tenths, shape (trials, 10); None without them."""
    courses = [steadiness.read_series(trial) for trial in trials]
    tenths = [
        np.reshape(each.values[: len(each.values) // _TENTHS * _TENTHS], (_TENTHS, -1)).mean(axis=1)
        for each in courses
        if each
    ]
    if len(tenths) < len(trials) or min(map(min, tenths)) <= 0:
        return None
    return np.log(tenths)


def _warmups(resolved: ResolvedPlan, bundle: Bundle, loads: Mapping[str, Load]) -> list[Warmup]:
    trials = _completed(bundle)
    found = []
    for workload, load in product(resolved.plan.workloads, resolved.plan.loads):
        planned = resolved.plan.loads[load].warmup_s
        own = loads[load].warmup_s if load in loads else 0.0
        needed = {
            subject: own + beyond
            for subject in resolved.plan.subjects
            if (beyond := _beyond(trials.get((subject, workload, load), []))) is not None
        }
        slowest = max(needed, key=needed.__getitem__) if needed else None
        longest = needed[slowest] if slowest else None
        found.append(
            Warmup(workload=workload, load=load, planned=planned, needed=longest, slowest=slowest)
        )
    return found


def _beyond(trials: Sequence[Trial]) -> float | None:
    """What MSER-5 leaves out of the mean of these trials' courses, in seconds."""
    own = [steadiness.read_series(trial.path) for trial in trials]
    longest = max((each.window_s for each in own if each), default=None)
    if longest is None:
        return None
    # Once more with windows of one length: few requests may have made some longer.
    again = [steadiness.read_series(trial.path, window_s=longest) for trial in trials]
    series = [each for each in again if each]
    return steadiness.warmup_needed(series) if series else None


def _duration(
    resolved: ResolvedPlan, bundle: Bundle, loads: Mapping[str, Load]
) -> tuple[float, int]:
    """Seconds the plan takes, and how many of its trials the pilot has timed as they are."""
    plan, cycles = resolved.plan, _cycles(bundle.trials)
    overheads = [
        seconds - loads[load].takes_s(1)
        for (_, _, load), several in cycles.items()
        if not loads[load].may_end_early
        for seconds in several
    ]
    alike = {name for name, load in plan.loads.items() if loads.get(name) == load}

    def seconds(trial: Planned) -> tuple[float, bool]:
        seen = cycles.get((trial.subject, trial.workload, trial.load))
        if seen and trial.load in alike:
            return median(seen), True
        load = plan.loads[trial.load]
        # A pilot of other loads alone may have no trial that tells it.
        beyond = median(overheads) if overheads else overhead_s(resolved, load)
        return load.takes_s(1) + beyond, False

    each = [seconds(trial) for trial in resolved.trials]
    record = bundle.record
    around = 0.0
    if bundle.trials:
        around += (bundle.trials[0].record.started - record.created).total_seconds()
        around += (record.sealed - bundle.trials[-1].record.ended).total_seconds()
    return around + sum(taken for taken, _ in each), sum(timed for _, timed in each)


def _cycles(trials: Sequence[Trial]) -> dict[_Key, list[float]]:
    """From the start of a trial to the start of the next: fetching and keeping files included.

    Trials that ran together start together, and each has its share of the time until the next.
    """
    found: dict[_Key, list[float]] = defaultdict(list)
    groups = groupby(trials, key=lambda trial: trial.record.together or trial.record.id)
    for group, following in pairwise(list(several) for _, several in groups):
        cycle = (following[0].record.started - group[0].record.started).total_seconds()
        for record in (trial.record for trial in group):
            if record.status == "completed":
                key = record.subject, record.workload, record.load
                found[key].append(cycle / len(group))
    return found


def _completed(bundle: Bundle) -> dict[_Key, list[Trial]]:
    trials: dict[_Key, list[Trial]] = defaultdict(list)
    for trial in bundle.trials:
        record = trial.record
        if record.status == "completed":
            trials[record.subject, record.workload, record.load].append(trial)
    return trials
