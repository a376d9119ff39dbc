"""Gates of two subjects together: was the load on both the same, and were their answers?"""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

from analysis.gates.gate import GENERATOR, Gate, Reading
from analysis.gates.service import read_digests
from analysis.rounding import brief
from host.expectation import ALWAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.gates.evidence import PairEvidence, TrialEvidence


def _dispatch_difference(pair: PairEvidence) -> Reading | None:
    sides = (pair.baseline, pair.candidate)
    theta = pair.baseline[0].context.plan.margins.get("p99")
    if theta is None or any(trial.drive.rate is None for side in sides for trial in side):
        return None
    delays = [_median("dispatch", side) for side in sides]
    responses = [_median("response", side) for side in sides]
    if math.inf in responses:
        return Reading(None, "a trial has no samples of the response time")
    allowed = theta * min(responses)
    both = " and ".join(f"{brief(delay)} ms" for delay in delays)
    return Reading(abs(delays[0] - delays[1]) / allowed, f"{both}, {brief(allowed)} ms is allowed")


def _bodies_differ(pair: PairEvidence) -> Reading | None:
    first, second = _digests(pair.baseline), _digests(pair.candidate)
    if first is None or second is None:
        return None
    common = first.keys() & second.keys()
    if not common:
        return Reading(None, "no request was hashed for both")
    differ = sorted(path for path in common if first[path] != second[path])
    return Reading(len(differ), ", ".join(differ[:3]))


def _digests(trials: Sequence[TrialEvidence]) -> dict[str, set[str]] | None:
    by_path: dict[str, set[str]] = {}
    for trial in trials:
        of_trial = read_digests(trial)
        if of_trial is None:
            return None
        for path, digests in of_trial.items():
            by_path.setdefault(path, set()).update(digests)
    return by_path


def _median(histogram: str, trials: Sequence[TrialEvidence]) -> float:
    """The median of the trials' p99 in ms; infinite where one of them has no samples."""
    values = [trial.output.histograms[histogram].p99_ms for trial in trials]
    return median(math.inf if value is None else value for value in values)


GATES: tuple[Gate[PairEvidence], ...] = (
    Gate(
        code="dispatch-difference",
        scope="comparison",
        what="difference of the subjects' dispatch delays (p99) over theta x response time (p99)",
        unit="of the allowance",
        rule=GENERATOR,
        read=_dispatch_difference,
        high=1,
        why="the client was later for one subject than for the other, and the difference is large "
        "enough to be taken for the services'",
        source="judgement of this project; theta is the plan's margin for p99",
    ),
    Gate(
        code="bodies-differ",
        scope="comparison",
        what="requests that the two subjects answered with other bytes in the window",
        unit="requests",
        rule=ALWAYS,
        read=_bodies_differ,
        high=0,
        required=False,
        why="another answer is other work",
        source="SHA-256 of one body in a hundred, taken by the asyncio client in the window",
    ),
)
