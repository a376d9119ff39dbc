"""Gates of a trial's course over time: did the figure stay at one level?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.gates.gate import Gate, Reading
from analysis.rounding import brief
from host.expectation import DOUBT

if TYPE_CHECKING:
    from analysis.gates.evidence import TrialEvidence

_MOST_PERCENT = 5.0


def _drift(trial: TrialEvidence) -> Reading | None:
    seen = trial.steadiness
    if seen is None or seen.drift is None:
        return None
    drift = seen.drift
    surely = 0.0 if drift.low <= 0 <= drift.high else min(abs(drift.low), abs(drift.high))
    return Reading(
        100 * surely,
        f"{seen.series.figure} changed by {100 * drift.change:+.2g} % from begin to end, "
        f"95 % interval {100 * drift.low:+.2g} to {100 * drift.high:+.2g} %",
    )


def _levels(trial: TrialEvidence) -> Reading | None:
    seen = trial.steadiness
    if seen is None:
        return None
    means = [level.mean for level in seen.levels]
    if not min(means):
        return Reading(None, "a level is zero")
    at = ", ".join(f"{brief(second, 2)} s" for second in seen.change_points_s)
    changes = f"{seen.shape}: {seen.series.figure} changes its level at {at}" if at else ""
    return Reading(100 * (max(means) / min(means) - 1), changes)


GATES: tuple[Gate[TrialEvidence], ...] = (
    Gate(
        code="drift",
        what="change from begin to end of the window, as far as it is beyond chance",
        unit="% of the median",
        rule=DOUBT,
        read=_drift,
        high=_MOST_PERCENT,
        required=False,
        why="no single figure describes a service that is still warming up or slowing down; only "
        "the asyncio client leaves samples to see that in",
        source="P. K. Sen, Estimates of the Regression Coefficient Based on Kendall's Tau, 1968",
    ),
    Gate(
        code="levels",
        what="highest level of the window over the lowest one",
        unit="% above",
        rule=DOUBT,
        read=_levels,
        high=_MOST_PERCENT,
        required=False,
        why="a mean over two levels describes neither of them",
        source="R. Killick, P. Fearnhead and I. A. Eckley, Optimal Detection of Changepoints With "
        "a Linear Computational Cost, 2012",
    ),
)
