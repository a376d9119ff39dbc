"""Controls: does this run see no difference where there is none, and a known one where it is?"""

from __future__ import annotations

from statistics import stdev
from typing import TYPE_CHECKING

from analysis.inference.estimators import paired_t
from analysis.inference.interval import margin_band
from analysis.inference.power import blocks_needed
from bundle.documents.results import Control, Interval, Scatter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.inference.sample import LogRatios
    from bundle.documents.results import Better, Estimate

_FEWEST = 2


def scatter(throughput: LogRatios, cpu: LogRatios, margin: float) -> Scatter | None:
    """Say what two deployments of one service differ in.

    Args:
        throughput: ln y_A' - ln y_A, answers per second.
        cpu: the same of CPU time per request.
        margin: theta as a fraction.

    Returns:
        None with fewer than two blocks that have both.
    """
    costs = dict(zip(cpu.blocks, cpu.values, strict=True))
    pairs = zip(throughput.blocks, throughput.values, strict=True)
    both = [(value, costs[block]) for block, value in pairs if block in costs]
    if len(both) < _FEWEST:
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
    band = margin_band(margin)
    found = paired_t(log_ratios) if log_ratios else None
    passed = found is not None and found.ci90 is not None and found.ci90.inside(band)
    return Control("null", passed, band, found, _what(found, band, "A' over A"))


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
    found = paired_t(costs) if costs else None
    passed = (
        found is not None
        and found.ci95 is not None
        and found.ci90 is not None
        and found.ci95.low > 1
        and found.ci90.inside(band)
    )
    return Control("positive", passed, band, found, _what(found, band, "cost of A + delta over A"))


def _what(found: Estimate | None, band: Interval, measured: str) -> str:
    wanted = f"inside {band.low:.3f} to {band.high:.3f}"
    if found is None or found.ci90 is None:
        return f"{measured}: fewer than {_FEWEST} blocks, so nothing lies {wanted}"
    return (
        f"{measured}: {found.ratio:.3f}, 90 % interval {found.ci90.low:.3f} to "
        f"{found.ci90.high:.3f}, to lie {wanted}"
    )
