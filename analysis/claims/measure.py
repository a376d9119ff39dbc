"""From the trials of a run to the figure that a claim speaks of, with its intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from analysis.claims.evidence import Place
from analysis.claims.ledger import Neighbours, Ordering, arms_of
from analysis.claims.metrics import CLAIM_METRICS
from analysis.inference import (
    PairedSample,
    Undefined,
    estimate_ratio,
    findable_effect,
    widen_sample,
)
from analysis.inference.estimators import moments
from analysis.inference.nullarm import NO_NULL_ARM, HalfWidth, excess
from bundle.documents.results import Estimate, Interval
from bundle.documents.verdicts import Measured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.claims.evidence import Run
    from analysis.claims.ledger import Measurable, Testable
    from analysis.claims.metrics import ClaimMetric

_EXACT = "count"


@dataclass(frozen=True)
class Estimated:
    """What a run, or several together, say about a claim's figure."""

    estimate: Estimate  #: the one that decides
    blocks: int  #: how many hold all the trials; 0 for a figure that is counted, not measured
    checks: tuple[Estimate, ...] = ()  #: the same figure by other methods
    lack: str | None = None  #: why it is only an estimate; None if it may decide
    #: standard error of the mean over blocks, of logarithms for a ratio; None where there is none
    error: float | None = None
    excess: float | None = None  #: e of the null arm; None without one
    detectable: float | None = None  #: smallest effect found nine times in ten; None where unknown

    @property
    def exact(self) -> bool:
        """Whether the figure is a count, which needs no blocks."""
        return self.estimate.method == _EXACT

    @property
    def document(self) -> Measured:
        """The estimate as the record has it."""
        return Measured(
            value=self.estimate.ratio,
            ci95=self.estimate.ci95,
            ci90=self.estimate.ci90,
            blocks=self.blocks,
            estimates=(self.estimate, *self.checks),
            error=None if self.lack else self.error,
            excess=self.excess,
            detectable=self.detectable,
        )


def places_of(claim: Testable) -> dict[str, Place]:
    """Where the test of a claim measures each of its subjects, by the ledger's name."""
    return {
        name: Place(arm.subject or name, arm.workload or "", arm.load or "")
        for name, arm in arms_of(claim).items()
    }


def measure(claim: Measurable, run: Run) -> Estimated | None:
    """Estimate the figure that a claim speaks of; None if the run has nothing for it.

    Ratios and differences of two subjects have the interval that the null arm widens. The figure
    of one subject has the t interval: it is compared with a printed number, not with a service.
    """
    metric = CLAIM_METRICS[claim.metric]
    places = [places_of(claim)[name] for name in claim.subjects]
    if metric.scale == "count":
        return _counted(claim, metric, run, places)
    if claim.compares:
        sample = paired(claim, run)
        return _difference(sample) if _subtracts(claim) else _ratio(sample, run)
    figures = _by_block(metric, run, places[0], zeros=metric.scale == "plain").values()
    known = [value for value in figures if value is not None]
    return _plain(known) if metric.scale == "plain" else _alone(known, run)


def paired(claim: Measurable, run: Run) -> PairedSample:
    """Return the first of two subjects against the second, with the null arm of either.

    Two neighbours in a ranking of which neither has one take that of another subject in it.
    Logarithms of ratios; plain differences of figures that may be zero.
    """
    zeros = _subtracts(claim)
    of = PairedSample.differences if zeros else PairedSample.of

    def figures(place: Place) -> dict[int, float | None]:
        return _by_block(CLAIM_METRICS[claim.metric], run, place, zeros=zeros)

    def arm(place: Place) -> dict[int, float | None] | None:
        found = figures(replace(place, subject=f"{place.subject}-null"))
        return found if any(value is not None for value in found.values()) else None

    first, second = (places_of(claim)[name] for name in claim.subjects)
    if own := arm(second):
        return of(figures(second), figures(first), own)
    if own := arm(first):
        return of(figures(first), figures(second), own).exchanged()
    alone = of(figures(second), figures(first))
    if isinstance(claim, Neighbours):
        for other in places_of(claim.model_copy(update={"subjects": claim.others})).values():
            lent = of(figures(other), figures(second), arm(other))
            if lent.a and len(lent.a) > 1:  # what a spread needs
                return alone.lent(lent)
    return alone


def _subtracts(claim: Measurable) -> bool:
    """Whether an order is one of differences: figures that may be zero have no ratio."""
    return isinstance(claim, Ordering) and CLAIM_METRICS[claim.metric].scale == "plain"


def _by_block(
    metric: ClaimMetric, run: Run, place: Place, *, zeros: bool
) -> dict[int, float | None]:
    """The figures of a subject; without ``zeros`` a zero counts as one that the trial lacks."""
    of = metric.of or (lambda _figures: None)
    series = {block: of(each) for block, each in sorted(run.trials.get(place, {}).items())}
    return series if zeros else {block: value or None for block, value in series.items()}


def _ratio(sample: PairedSample, run: Run) -> Estimated | None:
    d = sample.d.values
    if not d:
        return None
    widened = widen_sample(sample, beta=run.plan.beta)
    checks = tuple(estimate_ratio(d, seed=run.plan.seed))
    if isinstance(widened, Undefined):
        return Estimated(checks[0], len(d), checks[1:], lack=widened.what)
    return Estimated(
        widened.estimate,
        len(d),
        checks,
        error=widened.half_width.error,
        excess=widened.half_width.excess,
        detectable=findable_effect(
            widened.sd, len(d), beta=run.plan.beta, deployments=sample.deployments
        ),
    )


def _alone(figures: Sequence[float], run: Run) -> Estimated | None:
    """The geometric mean of one subject's figures and its t interval."""
    if not figures:
        return None
    logs = [math.log(figure) for figure in figures]
    first, *checks = estimate_ratio(logs, seed=run.plan.seed)
    error = moments(logs).error if len(logs) > 1 else None
    return Estimated(first, len(logs), tuple(checks), error=error)


def _plain(values: Sequence[float], null: Sequence[float] | None = None) -> Estimated | None:
    """The mean and its t interval (Student, Biometrika 6 (1908) 1), wider by e of a null arm."""
    if len(values) < 2:  # noqa: PLR2004 - what a spread needs
        return None
    seen = moments(values)
    beyond = None if null is None else excess(null)
    half = HalfWidth(seen.error, seen.count, 0.0, beyond or 0.0)
    p = None if null is None else half.p(seen.mean)  # of one figure, 0 is nothing to test
    ci95, ci90 = (
        Interval(seen.mean - half.at(alpha), seen.mean + half.at(alpha)) for alpha in (0.05, 0.10)
    )
    estimate = Estimate("t", seen.mean, ci95, ci90, p)
    return Estimated(estimate, seen.count, error=seen.error, excess=beyond)


def _difference(sample: PairedSample) -> Estimated | None:
    found = _plain(sample.d.values, sample.a.values if sample.a else None)
    if found is None or sample.a is not None:
        return found
    return replace(found, lack=NO_NULL_ARM)


def _counted(
    claim: Measurable, metric: ClaimMetric, run: Run, places: Sequence[Place]
) -> Estimated | None:
    """A count from the results, the same whenever it is taken."""
    counts = [_count(metric, run, place) for place in places]
    known = [count for count in counts if count is not None]
    if len(known) < len(counts) or (len(known) > 1 and not known[1]):
        return None
    value = known[0] / known[1] if claim.compares else known[0]
    exact = Interval(value, value)
    return Estimated(Estimate(_EXACT, value, exact, exact, None), 0)


def _count(metric: ClaimMetric, run: Run, place: Place) -> float | None:
    cell = run.results.cell(place.workload, place.load)
    subject = cell.subjects.get(place.subject) if cell else None
    return metric.counted(subject) if subject and metric.counted else None
