"""What a plan means beyond its form: its operations exist, and a search can repeat them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workloads.load.drawing import DrawnOperation
from workloads.load.operations import Operation
from workloads.load.requests import repeatable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bundle.documents.application import Application
    from bundle.documents.plan import OperationShare, Plan, Workload
    from ormlab.base.yaml_input import Wrong
    from workloads.load.requests import Repeatable


def operation(share: OperationShare) -> Operation:
    """The operation that the load generators know.

    Raises:
        ValueError: there is none of this kind.
    """
    given = share.model_dump()
    return Operation(given.pop("operation"), **given)


def operations(workload: Workload) -> list[Operation]:
    """The operations of a workload.

    Raises:
        ValueError: as `operation`.
    """
    return [operation(share) for share in workload.operations]


def drawn(application: Application, workload: Workload) -> list[DrawnOperation]:
    """The operations of a workload on applications."""
    return [
        DrawnOperation(share.operation, share.weight, application.operations[share.operation])
        for share in workload.operations
    ]


def writes(plan: Plan, workload: Workload) -> bool:
    """Whether trials of this workload change the database, so that each needs a fresh one."""
    if plan.application:
        return any(each.of.writes for each in drawn(plan.application, workload))
    verbs = ("create-", "update-", "delete-")
    return any(share.operation.startswith(verbs) for share in workload.operations)


def problems(plan: Plan) -> Iterator[Wrong]:
    """What is wrong with a plan of the right form: each part, and why."""
    yield from _reductions(plan)
    repeating = [name for name, load in plan.loads.items() if load.repeats]
    for name, workload in plan.workloads.items():
        meant: list[Repeatable] = []
        if plan.application:
            meant += drawn(plan.application, workload)
        for number, share in enumerate(() if plan.application else workload.operations):
            try:
                meant.append(operation(share))
            except ValueError as wrong:
                yield ("workloads", name, "operations", number), str(wrong)
        if repeating and not repeatable(meant):
            yield (
                ("workloads", name),
                (
                    f"the load {repeating[0]} sends the same requests again, "
                    "which creates and deletes do not allow"
                ),
            )


def _reductions(plan: Plan) -> Iterator[Wrong]:
    """What a profile leaves out is there, and something of each kind is left."""
    kinds: dict[str, Mapping[str, object]] = {
        "subjects": plan.subjects,
        "workloads": plan.workloads,
        "loads": plan.loads,
    }
    needed = {plan.null_arm, plan.positive_control.subject if plan.positive_control else None}
    if plan.explanation:
        needed |= {plan.explanation.from_, plan.explanation.to}
    for profile, reduced in plan.profiles.items():
        for name in reduced.seconds.keys() - plan.loads.keys():
            yield ("profiles", profile, "seconds", name), f"{name!r} is no load of the plan"
        for name in reduced.without:
            having = [kind for kind, parts in kinds.items() if name in parts]
            if not having:
                what = "is no subject, workload or load of the plan"
            elif len(having) > 1:
                what = f"is a name of {' and '.join(having)}, so it does not say which to leave out"
            elif name in needed:
                what = "is a control's or the explanation's, so it cannot be left out"
            else:
                continue
            yield ("profiles", profile, "without", name), f"{name!r} {what}"
        for kind, parts in kinds.items():
            if parts.keys() <= reduced.without.keys():
                yield ("profiles", profile, "without"), f"the profile leaves no {kind}"
