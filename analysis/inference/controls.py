"""Controls: comparisons whose answer is known, which test the run itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from analysis.inference.estimators import paired_t
from analysis.inference.interval import margin_band
from analysis.inference.nullarm import excess
from analysis.rounding import percent, ratio, ratio_interval
from bundle.display import quantity
from bundle.documents.results import Control, Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.inference.sample import LogRatios
    from bundle.documents.results import Better, Estimate


def null_control(a: LogRatios, margin: float) -> Control:
    """Say by how much two deployments of one subject differ beyond chance.

    The difference widens the interval of every comparison with the subject. The control fails
    where it exceeds the margin: nothing can be compared then.

    Args:
        a: ln y_A' - ln y_A; with fewer than two blocks the control fails.
        margin: theta as a fraction.

    Raises:
        ValueError: the margin is not positive.
    """
    band = margin_band(margin)
    if len(a) < 2:  # noqa: PLR2004 - what a spread needs
        what = f"A' over A: {quantity(len(a), 'block')}, without a spread"
        return Control("null", passed=False, band=band, estimate=None, what=what)
    estimate, beyond = paired_t(a.values), excess(a.values)
    what = (
        f"A' over A: {_interval(estimate, estimate.ci95, 95)}; every interval is wider by "
        f"{percent(math.expm1(beyond), 1)}, which chance does not explain"
        if beyond
        else f"A' over A: {_interval(estimate, estimate.ci95, 95)}, which chance explains"
    )
    return Control("null", beyond <= math.log(band.high), band, estimate, what)


def positive_control(
    log_ratios: Sequence[float], *, injected: float, margin: float, better: Better
) -> Control:
    """Test that a slowdown of known size is found with the right sign and about the right size.

    Args:
        log_ratios: d_b of A + delta against A (and A'); with fewer than two the control fails.
        injected: delta as a fraction of a request's cost, such as 0.06; 2 theta by default of
            the plan.
        margin: theta: how far from delta the 90 % interval may reach.
        better: which way the metric improves.

    Raises:
        ValueError: delta or the margin is not positive.
    """
    if not (injected > 0 and margin > 0):
        raise ValueError(f"delta and margin are positive, not {injected} and {margin}")
    band = Interval(1 + injected - margin, 1 + injected + margin)
    costs = [-value if better == "higher" else value for value in log_ratios]
    estimate = paired_t(costs) if costs else None
    measured, wanted = "cost of A + delta over A", f"inside {band.low:.3f} to {band.high:.3f}"
    if estimate is None or estimate.ci95 is None or estimate.ci90 is None:
        what = f"{measured}: fewer than 2 blocks, so nothing lies {wanted}"
        return Control("positive", passed=False, band=band, estimate=estimate, what=what)
    what = f"{measured}: {_interval(estimate, estimate.ci90, 90)}, to lie {wanted}"
    passed = estimate.ci90.inside(band) and estimate.ci95.low > 1
    return Control("positive", passed, band, estimate, what)


def _interval(estimate: Estimate, interval: Interval | None, confidence: int) -> str:
    """``1.003, 95 % interval 0.990 to 1.016``."""
    if interval is None:
        return f"{ratio(estimate.ratio)}, {confidence} % interval unknown"
    low, high = interval.low, interval.high
    ends = ratio_interval(low, high)
    return f"{ratio(estimate.ratio, low, high)}, {confidence} % interval {ends}"
