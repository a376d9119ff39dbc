"""How the order of the trials affected a comparison: position, carry-over, drift.

Randomised, balanced blocks keep these effects out of the ratio. The tests here show whether there
were any. They explain a result and decide none.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import scipy

from analysis.inference.interval import interval_of, ratio_of
from bundle.documents.results import CarryOver, Ends, OrderEffects, Trend

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.inference.sample import LogRatios

_FEWEST = 3  # points that leave a line one degree of freedom
FIRST = "(first)"  # in place of the predecessor of a block's first trial


def linear_trend(logs: Sequence[float], at: Sequence[float]) -> Trend | None:
    """Fit a line by least squares; None with fewer than three points or all of them at one place.

    Args:
        logs: log-ratios, or logarithms of one subject's figures.
        at: where each was measured: seconds, or positions.

    Raises:
        ValueError: the lengths differ.
    """
    if len(logs) != len(at):
        raise ValueError(f"{len(logs)} values at {len(at)} places")
    if len(logs) < _FEWEST or min(at) == max(at):
        return None
    span = max(at) - min(at)
    line = scipy.stats.linregress(at, logs)
    half = float(scipy.stats.t.ppf(0.975, len(logs) - 2)) * float(line.stderr)
    slope = float(line.slope)
    ends = interval_of((slope - half) * span, (slope + half) * span)
    ci95 = Ends(_known(ends.low), _known(ends.high))
    return Trend(span, ratio_of(slope * span), ci95, _known(float(line.pvalue)))


def _known(value: float) -> float | None:
    """The value; None if a line through equal values has none, or if no float holds it."""
    return value if math.isfinite(value) else None


def order_effects(
    d: LogRatios,
    *,
    candidate: str,
    baseline: Sequence[str],
    orders: Mapping[int, Sequence[str]],
    started_s: Mapping[int, float],
) -> OrderEffects:
    """Test the log-ratios of a comparison for effects of the order.

    Regression on position and on time, and the rank test of Kruskal and Wallis (J. Am. Stat.
    Assoc. 47 (1952) 583) between predecessors.

    Args:
        d: log-ratios of the comparison.
        candidate: subject B.
        baseline: subject A, and A' where there is a null arm.
        orders: by block, the subjects as they were carried out, each once; a block whose subjects
            were measured side by side has no order, and shows none of its effects.
        started_s: by block, seconds at which it began.

    Raises:
        KeyError: a block has no start.
        ValueError: a block's order lacks a subject of the comparison.
    """
    placed = [
        (
            value,
            orders[block].index(candidate)
            - float(np.mean([orders[block].index(name) for name in baseline])),
        )
        for block, value in zip(d.blocks, d.values, strict=True)
        if block in orders
    ]
    return OrderEffects(
        position=linear_trend([value for value, _ in placed], [place for _, place in placed]),
        drift=linear_trend(d.values, [started_s[block] for block in d.blocks]),
        carry_over=_carry_over(d, candidate, orders),
    )


def _carry_over(d: LogRatios, candidate: str, orders: Mapping[int, Sequence[str]]) -> CarryOver:
    groups: dict[str, list[float]] = {}
    for block, value in zip(d.blocks, d.values, strict=True):
        if block not in orders:
            continue
        place = orders[block].index(candidate)
        groups.setdefault(orders[block][place - 1] if place else FIRST, []).append(value)
    ratios = {name: ratio_of(float(np.mean(values))) for name, values in sorted(groups.items())}
    repeated = [values for values in groups.values() if len(values) > 1]
    if len(repeated) < 2 or len(set(d.values)) == 1:  # noqa: PLR2004 - groups to compare
        return CarryOver(ratios, None)
    return CarryOver(ratios, float(scipy.stats.kruskal(*repeated).pvalue))
