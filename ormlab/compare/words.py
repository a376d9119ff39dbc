"""What a comparison found, in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import rounding
from bundle.display import quantity

if TYPE_CHECKING:
    from bundle.documents.results import Comparison


def sentence(found: Comparison) -> str:
    """The verdict, the ratio with its interval, and why."""
    interval = "without an interval"
    if found.low is not None and found.high is not None:
        interval = f"95 % interval {rounding.ratio_interval(found.low, found.high)}"
    reason = found.reasons[0].what.rstrip(".")
    ratio = rounding.ratio(found.ratio, found.low, found.high)
    return (
        f"{found.verdict}: {found.candidate} has {ratio} times the {found.metric} of "
        f"{found.baseline} ({interval}, {quantity(found.blocks, 'block')}); {reason}."
    )
