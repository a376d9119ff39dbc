"""A plan under another profile than the one it was written for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.documents.plan import MARGINS

if TYPE_CHECKING:
    from bundle.documents.plan import Plan
    from host.levels import Profile

_SMOKE_BLOCKS = 3
_BLOCKS = 20  # of a run that is to give verdicts, where the plan has too few for one


def under(plan: Plan, profile: Profile) -> Plan:
    """The plan as it would be run under a profile; the plan itself if that is its own.

    A smoke run has three blocks at most. A plan that was written as one has twenty under the other
    profiles, which give verdicts. Margins, and the slowdown of a positive control, that are the
    defaults of the plan's profile become those of the other; what the plan says itself stays.
    """
    if profile == plan.profile:
        return plan
    before, after = MARGINS[plan.profile], MARGINS[profile]
    margins = {
        metric: after.get(metric, margin) if margin == before.get(metric) else margin
        for metric, margin in plan.margins.items()
    }
    blocks = plan.blocks
    if profile == "smoke":
        blocks = min(blocks, _SMOKE_BLOCKS)
    elif plan.profile == "smoke":
        blocks = max(blocks, _BLOCKS)
    control = plan.positive_control
    if control and control.delta == 2 * plan.margins["throughput"]:
        control = control.model_copy(update={"delta": 2 * margins["throughput"]})
    changes = {"profile": profile, "blocks": blocks, "margins": margins}
    return plan.model_copy(update={**changes, "positive_control": control})
