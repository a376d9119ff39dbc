"""The noise floor of a machine: how much two deployments of one service differ on it.

The spread of ln(A' / A) over blocks is the spread of a comparison of two subjects that are equal,
so it decides how narrow an interval will be and which difference will be found.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import scipy

from analysis.figures import Figures, read
from analysis.inference import ALPHA, FEWEST_BLOCKS, PairedSample, findable_effect
from analysis.inference.estimators import moments
from analysis.metrics import METRICS
from bundle.codec import Part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bundle.documents.plan import SealedPlan
    from bundle.read import Bundle

BLOCKS = (FEWEST_BLOCKS, 20)  # what a verdict needs at least, and what plans ask for

_METRICS = [metric for metric in METRICS if metric.name in {"throughput", "p99"}]


class Spread(Part, frozen=True, kw_only=True):
    """What the spread of null log-ratios promises for runs of 10 and of 20 blocks."""

    blocks: int
    sd: float  #: of ln(A' / A), with its 95 % interval by chi-squared
    sd_low: float
    sd_high: float
    half_width: dict[str, float]  #: exp(t(.975, n-1) sd / sqrt(n)) - 1, by number of blocks n
    #: the smallest relative difference found nine times out of ten, likewise
    detectable: dict[str, float]


class NoiseFloor(Part, frozen=True, kw_only=True):
    """How much two deployments of one service differ on a machine."""

    schema: Literal["noise/1"] = "noise/1"
    bundle: str  #: id of the run that showed it
    subject: str  #: that was measured against itself
    floors: dict[str, Spread]  #: by metric
    lacking: dict[str, str]  #: by metric that has no floor, why


def noise_floor(bundle: Bundle, sealed: SealedPlan) -> NoiseFloor:
    """Compute the noise floor from a run that has a null arm.

    Raises:
        ValueError: the plan has no null arm, or no metric has both trials in two blocks.
    """
    subject = sealed.plan.null_arm
    if subject is None:
        raise ValueError("the plan has no null arm, so the run says nothing of its noise")
    figures: dict[str, dict[int, Figures]] = {subject: {}, f"{subject}-null": {}}
    for trial in bundle.trials:
        record = trial.record
        if record.failure is None and record.subject in figures:
            figures[record.subject][record.block] = read(trial.path, record.readings)
    log_ratios = {}
    for metric in _METRICS:
        # A figure of zero has no ratio: it counts as one that the trial does not have.
        first, second = (
            {block: metric.of(each) or None for block, each in trials.items()}
            for trials in figures.values()
        )
        log_ratios[metric.name] = PairedSample.of(first, second).d.values
    floors, lacking = floors_of(log_ratios)
    return NoiseFloor(bundle=bundle.record.id, subject=subject, floors=floors, lacking=lacking)


def floors_of(
    log_ratios: Mapping[str, Sequence[float]],
) -> tuple[dict[str, Spread], dict[str, str]]:
    """Return the floors by metric, and why the other metrics have none.

    A trial with few samples has a throughput and no 99th percentile, so the metrics of one run may
    have different blocks.

    Args:
        log_ratios: by metric, ln(A' / A) of the blocks in which both trials have it.

    Raises:
        ValueError: no metric has two blocks.
    """
    floors = {name: floor(values) for name, values in log_ratios.items() if len(values) > 1}
    lacking = {
        name: f"a spread needs two blocks where both trials have it, {len(values) or 'none'} has"
        for name, values in log_ratios.items()
        if name not in floors
    }
    if not floors:
        raise ValueError("; ".join(f"{name}: {why}" for name, why in lacking.items()))
    return floors, lacking


def floor(log_ratios: Sequence[float]) -> Spread:
    """What the spread of some null log-ratios promises.

    Raises:
        ValueError: there are fewer than two.
    """
    sd = moments(log_ratios).sd
    free = len(log_ratios) - 1
    low, high = (
        sd * math.sqrt(free / float(scipy.stats.chi2.ppf(p, free)))
        for p in (1 - ALPHA / 2, ALPHA / 2)
    )
    return Spread(
        blocks=len(log_ratios),
        sd=sd,
        sd_low=low,
        sd_high=high,
        half_width={str(count): _half_width(sd, count) for count in BLOCKS},
        detectable={str(count): findable_effect(sd, count) for count in BLOCKS},
    )


def _half_width(sd: float, blocks: int) -> float:
    t = float(scipy.stats.t.ppf(1 - ALPHA / 2, blocks - 1))
    return math.expm1(t * sd / math.sqrt(blocks))
