"""From the trials of a run to the figure that a claim speaks of, with its intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import scipy

from analysis.claims.evidence import Place
from analysis.claims.ledger import Absolute, Bound, Ordering, Ratio, arms_of
from analysis.claims.metrics import CLAIM_METRICS
from analysis.inference import PairedSample, estimate_ratio
from analysis.inference.estimators import moments
from bundle.documents.results import Estimate, Interval
from bundle.documents.verdicts import Measured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.claims.evidence import Run
    from analysis.claims.ledger import Measurable, Runs
    from analysis.claims.metrics import ClaimMetric

_EXACT = "count"


@dataclass(frozen=True)
class Estimated:
    """What a run says about a claim's figure."""

    #: by three methods for figures with a logarithm, else by one; the first is shown
    estimates: tuple[Estimate, ...]
    blocks: int  #: how many hold all the trials; 0 for a figure that is counted, not measured
    sd: float | None  #: standard deviation of the logarithms; None where there is none

    @property
    def exact(self) -> bool:
        """Whether the figure is a count, which needs no blocks."""
        return self.estimates[0].method == _EXACT

    @property
    def document(self) -> Measured:
        """The estimate as the record has it."""
        first = self.estimates[0]
        return Measured(
            value=first.ratio,
            ci95=first.ci95,
            ci90=first.ci90,
            blocks=self.blocks,
            estimates=self.estimates,
        )


def places_of(claim: Measurable | Runs) -> dict[str, Place]:
    """Where the test of a claim measures each of its subjects, by the ledger's name."""
    return {
        name: Place(arm.subject or name, arm.workload or "", arm.load or "")
        for name, arm in arms_of(claim).items()
    }


def measure(claim: Measurable, run: Run) -> Estimated | None:
    """Estimate the figure that a claim speaks of; None if the run has nothing for it."""
    metric = CLAIM_METRICS[claim.metric]
    places = [places_of(claim)[name] for name in claim.subjects]
    if metric.scale == "count":
        return _counted(claim, metric, run, places)
    series = [_by_block(metric, run, place) for place in places]
    if metric.scale == "plain" and isinstance(claim, Absolute | Bound):
        return _plain([value for value in series[0].values() if value is not None])
    if metric.scale == "plain" and isinstance(claim, Ordering):
        return _plain(_differences(*series))
    logs = _logs(claim, run, places, series)
    if not logs:
        return None
    estimates = tuple(estimate_ratio(logs, seed=run.plan.seed))
    return Estimated(estimates, len(logs), moments(logs).sd if len(logs) > 1 else None)


def _logs(
    claim: Measurable,
    run: Run,
    places: Sequence[Place],
    series: Sequence[dict[int, float | None]],
) -> Sequence[float]:
    if isinstance(claim, Ratio | Ordering):
        base = places[1]
        null = Place(f"{base.subject}-null", base.workload, base.load)
        arm = _by_block(CLAIM_METRICS[claim.metric], run, null) if null in run.trials else None
        return PairedSample.of(_positive(series[1]), _positive(series[0]), arm).d.values
    return [math.log(value) for value in _positive(series[0]).values() if value is not None]


def _differences(first: dict[int, float | None], second: dict[int, float | None]) -> list[float]:
    """The first figure less the second, by block: figures that may be zero have no ratio."""
    pairs = [(first[block], second[block]) for block in first.keys() & second.keys()]
    return [a - b for a, b in pairs if a is not None and b is not None]


def _by_block(metric: ClaimMetric, run: Run, place: Place) -> dict[int, float | None]:
    of = metric.of or (lambda _figures: None)
    return {block: of(each) for block, each in sorted(run.trials.get(place, {}).items())}


def _positive(series: dict[int, float | None]) -> dict[int, float | None]:
    """A figure of zero has no logarithm: it counts as one that the trial does not have."""
    return {block: value or None for block, value in series.items()}


def _plain(values: Sequence[float]) -> Estimated | None:
    """The mean and its t interval: Student, Biometrika 6 (1908) 1."""
    if len(values) < 2:  # noqa: PLR2004 - what a spread needs
        return None
    seen = moments(values)

    def interval(confidence: float) -> Interval:
        half = float(scipy.stats.t.ppf((1 + confidence) / 2, seen.count - 1)) * seen.error
        return Interval(seen.mean - half, seen.mean + half)

    estimate = Estimate("t", seen.mean, interval(0.95), interval(0.90), None)
    return Estimated((estimate,), seen.count, None)


def _counted(
    claim: Measurable, metric: ClaimMetric, run: Run, places: Sequence[Place]
) -> Estimated | None:
    """A count from the results, the same whenever it is taken."""
    counts = [_count(metric, run, place) for place in places]
    known = [count for count in counts if count is not None]
    if len(known) < len(counts) or (len(known) > 1 and not known[1]):
        return None
    value = known[0] / known[1] if isinstance(claim, Ratio | Ordering) else known[0]
    exact = Interval(value, value)
    return Estimated((Estimate(_EXACT, value, exact, exact, None),), 0, None)


def _count(metric: ClaimMetric, run: Run, place: Place) -> float | None:
    cell = run.results.cell(place.workload, place.load)
    subject = cell.subjects.get(place.subject) if cell else None
    return metric.counted(subject) if subject and metric.counted else None
