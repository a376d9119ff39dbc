"""What a plan means beyond its form: its operations exist, and a search can repeat them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workloads.load.operations import Operation
from workloads.load.requests import repeatable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.documents.plan import OperationShare, Plan, Workload
    from ormlab.base.yaml_input import Wrong


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


def problems(plan: Plan) -> Iterator[Wrong]:
    """What is wrong with a plan of the right form: each part, and why."""
    searches = [name for name, load in plan.loads.items() if load.repeats]
    for name, workload in plan.workloads.items():
        meant = []
        for number, share in enumerate(workload.operations):
            try:
                meant.append(operation(share))
            except ValueError as wrong:
                yield ("workloads", name, "operations", number), str(wrong)
        if searches and not repeatable(meant):
            yield (
                ("workloads", name),
                (
                    f"the probes of {searches[0]} send the same requests again, "
                    "which creates and deletes do not allow"
                ),
            )
