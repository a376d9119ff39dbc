"""Whether every process of a trial runs where the plan says, by the kernel's own account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.failure import Failure
from agent.processes import affinity
from bundle.documents.readings import Affinity

if TYPE_CHECKING:
    from agent.orders import Placement
    from agent.sampling import Sampler
    from bundle.documents.readings import TrialReadings


def require_planned(sampler: Sampler, planned: Placement, observed: TrialReadings) -> None:
    """Look at every process that is followed; what the kernel says stays in ``observed``.

    Args:
        sampler: follows them by purpose.
        planned: CPUs by purpose.
        observed: of the order; gains ``affinity``.

    Raises:
        Failure: ``affinity``, one of them may run elsewhere.
    """
    record = observed.affinity or Affinity(planned=dict(planned.items()), observed={})
    observed.affinity = record
    astray: dict[str, list[int]] = {}
    for purpose, cpus in planned.items():
        for pid in sampler.pids(purpose):
            allowed = affinity(pid)
            if allowed is None:  # it has ended meanwhile
                continue
            record.observed.setdefault(purpose, {})[str(pid)] = allowed
            if not set(cpus).issuperset(allowed):
                astray[f"{purpose} {pid}"] = allowed
    if astray:
        raise Failure(
            "affinity",
            f"processes may run outside their planned CPUs: {astray}",
            where="/proc/PID/status",
            hint="something on this host moves processes between CPUs; `ormlab doctor`",
        )
