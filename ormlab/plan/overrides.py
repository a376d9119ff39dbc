"""What a command line puts in the place of a plan's own blocks, seed and loads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from bundle.documents.plan import Override, Plan
from ormlab.base.errors import PlanError
from ormlab.base.yaml_input import said_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.generators import Load


@dataclass(frozen=True)
class Overrides:
    """Values for a plan; what is None stays as the plan has it.

    Those of loads are for every load that has such a key.
    """

    blocks: int | None = None
    seed: int | None = None
    connections: int | None = None
    duration_s: float | None = None
    warmup_s: float | None = None

    @property
    def given(self) -> dict[str, int | float]:
        """The values by key; a whole number of seconds is an integer, as wrk wants it."""
        return {
            key: int(value) if float(value).is_integer() else value
            for key, value in vars(self).items()
            if value is not None
        }

    def apply(self, plan: Plan) -> Plan:
        """The plan with these values, which names each with the one that it replaced.

        Raises:
            PlanError: a value is not possible, or no load has such a key.
        """
        changes = [each for key, value in self.given.items() for each in _changes(plan, key, value)]
        if not changes:
            return plan
        written = plan.model_dump(by_alias=True, exclude_unset=True)
        for each in changes:
            part = written["loads"][each.load] if each.load is not None else written
            part[each.key] = each.used
        written["overridden"] = [each.model_dump() for each in changes]
        try:
            return Plan.model_validate(written)
        except ValidationError as wrong:
            problems = wrong.errors(include_url=False)
        what = "\n".join(f"{_place(each['loc'])}: {said_of(each, Plan)}" for each in problems)
        raise PlanError("plan-override", what, where=f"{self} for the plan {plan.name}", hint=_HINT)

    def __str__(self) -> str:
        return " ".join(f"{OPTIONS[key]} {value}" for key, value in self.given.items())


OPTIONS = {
    "blocks": "--blocks",
    "seed": "--seed",
    "connections": "--connections",
    "duration_s": "--duration",
    "warmup_s": "--warmup",
}
"""The option of each key."""
_HINT = "docs/plans.md says what a plan may have; leave the option out for the plan's own value"


def _changes(plan: Plan, key: str, value: float) -> Iterator[Override]:
    if key in Plan.model_fields:
        if getattr(plan, key) != value:
            yield Override(key=key, written=getattr(plan, key), used=value)
        return
    having = {name: load for name, load in plan.loads.items() if key in _keys(load)}
    if not having:
        what = f"no load of the plan {plan.name} has {key}"
        raise PlanError("plan-override", what, where=f"{OPTIONS[key]} {value}", hint=_HINT)
    for name, load in having.items():
        if getattr(load, key) != value:
            yield Override(key=key, load=name, written=getattr(load, key), used=value)


def _keys(load: Load) -> tuple[str, ...]:
    return load.__struct_fields__


def _place(path: tuple[str | int, ...]) -> str:
    return ".".join(map(str, path)) or "the plan"
