"""The plans that the lab ships: how long each takes, and what it needs."""

from __future__ import annotations

from dataclasses import dataclass

from ormlab.plan.duration import duration
from ormlab.plan.resolve import load, resolve, shipped


@dataclass(frozen=True)
class ShippedPlan:
    """One plan, before anything is looked at on a host."""

    name: str  #: by which commands take it
    title: str  #: what it measures
    profile: str  #: how strictly its hosts are judged
    trials: int  #: of all its blocks
    expected_s: float  #: seconds that it takes once it measures
    at_most: bool  #: whether that is only the longest it can take
    programs: tuple[str, ...]  #: that the load's host must have
    pythons: tuple[str, ...]  #: versions of CPython that its stacks are made with


def overview() -> list[ShippedPlan]:
    """Every plan that the lab ships.

    Raises:
        PlanError: one is not valid.
    """
    return [_of(name) for name in shipped()]


def _of(name: str) -> ShippedPlan:
    resolved = resolve(load(name))
    guessed = duration(resolved)
    loads, stacks = resolved.plan.loads.values(), resolved.stacks.values()
    return ShippedPlan(
        name=name,
        title=resolved.plan.title,
        profile=resolved.plan.profile,
        trials=len(resolved.trials),
        expected_s=guessed.expected_s,
        at_most=guessed.at_most,
        programs=tuple(sorted({load.program for load in loads if load.program})),
        pythons=tuple(sorted({stack.python for stack in stacks})),
    )
