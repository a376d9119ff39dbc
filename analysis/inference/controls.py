"""Controls: comparisons whose answer is known, which test the run itself."""

from __future__ import annotations

from copy import replace
from statistics import stdev
from typing import TYPE_CHECKING, Literal

from analysis.inference.estimators import paired_t
from analysis.inference.interval import margin_band
from analysis.inference.power import blocks_needed
from bundle.documents.results import Control, Interval, Scatter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.inference.sample import LogRatios
    from bundle.documents.results import Better


def scatter(throughput: LogRatios, cpu: LogRatios, margin: float) -> Scatter | None:
    """Say what two deployments of one service differ in; None with fewer than two blocks of both.

    Args:
        throughput: ln y_A' - ln y_A, answers per second.
        cpu: the same of CPU time per request.
        margin: theta as a fraction.
    """
    costs = dict(zip(cpu.blocks, cpu.values, strict=True))
    pairs = zip(throughput.blocks, throughput.values, strict=True)
    both = [(value, costs[block]) for block, value in pairs if block in costs]
    if len(both) < 2:  # noqa: PLR2004 - what a spread needs
        return None
    sd = stdev(value for value, _ in both)
    busy_sd = stdev(value + cost for value, cost in both)
    why = (
        "the same request took more or less CPU time, as on a processor whose speed wanders"
        if busy_sd < sd / 2
        else "the service waited for something, now more, now less"
    )
    what = (
        f"two deployments differ in a block by {100 * sd:.1f} % in throughput and by "
        f"{100 * busy_sd:.1f} % in how busy the service was (SD): {why}; about "
        f"{blocks_needed(sd, margin)} blocks would show them alike"
    )
    return Scatter(sd, busy_sd, what)


def null_control(log_ratios: Sequence[float], margin: float) -> Control:
    """Test that two deployments of one subject are equivalent within the margin.

    An equivalence test, because a test for a difference (A/A p > 0.05) turns away one clean run
    in twenty and lets noisy ones pass.

    Args:
        log_ratios: a_b = ln y_A' - ln y_A; with fewer than two the control fails.
        margin: theta as a fraction.

    Raises:
        ValueError: the margin is not positive.
    """
    return _control("null", log_ratios, margin_band(margin), "A' over A")


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
    control = _control("positive", costs, band, "cost of A + delta over A")
    ci95 = control.estimate.ci95 if control.estimate else None
    return replace(control, passed=control.passed and ci95 is not None and ci95.low > 1)


def _control(
    name: Literal["null", "positive"], log_ratios: Sequence[float], band: Interval, measured: str
) -> Control:
    """Pass if the 90 % interval lies inside the band."""
    estimate = paired_t(log_ratios) if log_ratios else None
    wanted = f"inside {band.low:.3f} to {band.high:.3f}"
    if estimate is None or estimate.ci90 is None:
        what = f"{measured}: fewer than 2 blocks, so nothing lies {wanted}"
        return Control(name, passed=False, band=band, estimate=estimate, what=what)
    ci90 = estimate.ci90
    what = (
        f"{measured}: {estimate.ratio:.3f}, 90 % interval {ci90.low:.3f} to {ci90.high:.3f}, "
        f"to lie {wanted}"
    )
    return Control(name, ci90.inside(band), band, estimate, what)
