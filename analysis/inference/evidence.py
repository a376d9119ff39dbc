"""All the numbers of one comparison, before anyone judges them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.inference.controls import null_control
from analysis.inference.estimators import RESAMPLES, estimate_ratio, moments
from analysis.inference.hypotheses import tost
from analysis.inference.interval import margin_band
from analysis.inference.power import blocks_needed, detectable_effect
from bundle.documents.results import Evidence

if TYPE_CHECKING:
    from analysis.inference.sample import PairedSample


def weigh(
    sample: PairedSample, *, margin: float, seed: int, resamples: int = RESAMPLES
) -> Evidence:
    """Compute everything that a judgement rests on.

    Args:
        sample: of one metric.
        margin: theta as a fraction, such as 0.03.
        seed: of the bootstrap.
        resamples: of the bootstrap.

    Raises:
        ValueError: no block holds all the trials, or the margin is not positive.
    """
    margin_band(margin)
    d = sample.d
    if not d.values:
        raise ValueError("no block holds a trial of every subject of the comparison")
    known = len(d) > 1
    sd = moments(d.values).sd if known else None
    return Evidence(
        margin=margin,
        blocks=len(d),
        dropped=d.dropped,
        estimates=estimate_ratio(d.values, seed=seed, resamples=resamples),
        sd=sd,
        equivalence_p=tost(d.values, margin) if known else None,
        detectable=None if sd is None else detectable_effect(sd, len(d)),
        needed=None if sd is None else blocks_needed(sd, margin),
        null=None if sample.a is None else null_control(sample.a.values, margin),
    )
