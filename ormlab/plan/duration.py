"""How long a plan takes, estimated from the plan alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ormlab.plan.meaning import writes

if TYPE_CHECKING:
    from bundle.generators import Load
    from ormlab.plan.resolve import ResolvedPlan

# Of a trial beyond its load; a pilot knows better. In the runs of evidence/, whose trials come one
# after the other, 1.3 to 1.8 s with a database that is only read, 2.7 s with one that is restored
# for each. No run of a quiet machine tells it of trials side by side; `make demo` keeps below.
_READ_S, _RESTORED_S, _SIDE_BY_SIDE_S = 1.75, 2.75, 2.5
# Of a run before its first trial and after its last: 12 to 83 s in seven runs of evidence/ with one
# to six deployments, which are examined one after the other.
_AROUND_S, _EXAMINED_S = 10.0, 9.0


@dataclass(frozen=True)
class Duration:
    """Seconds that a plan takes; stacks that have to be made come on top."""

    measured_s: float  #: inside the windows
    expected_s: float  #: warm-up, and what surrounds slices and trials, included
    around_s: float  #: to examine the subjects before, and to seal after
    at_most: bool  #: some load ends when its work is done, its duration being a limit only


def duration(resolved: ResolvedPlan) -> Duration:
    """Estimate how long a plan takes."""
    loads = resolved.plan.loads
    measured = sum(loads[trial.load].duration_s for trial in resolved.trials)
    driven = sum(loads[trial.load].takes_s(1) for trial in resolved.trials)
    at_most = any(load.may_end_early for load in loads.values())
    expected = driven + sum(overhead_s(resolved, loads[trial.load]) for trial in resolved.trials)
    around = _AROUND_S + _EXAMINED_S * len(resolved.subjects)
    return Duration(measured, expected, around, at_most)


def overhead_s(resolved: ResolvedPlan, load: Load) -> float:
    """Seconds of a trial beyond its load, where no pilot has timed them."""
    if any(writes(resolved.plan, each) for each in resolved.plan.workloads.values()):
        return _RESTORED_S
    return _SIDE_BY_SIDE_S if load.side_by_side else _READ_S
