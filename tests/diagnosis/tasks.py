"""What the tests ask of a service."""

from __future__ import annotations

from tests.services.parts import DATASET
from workloads.contract.fields import LOADINGS, OPERATIONS
from workloads.diagnosis.examination import Task
from workloads.load.operations import Operation

READ_USER = [Operation("read-user")]


def task(*, seed=5, **workloads):
    return Task(
        workloads=workloads,
        users=DATASET.users,
        orders=DATASET.orders,
        profile_bytes=DATASET.payload_bytes,
        seed=seed,
    )


def every_operation():
    """All operations of the contract; the list with its ways of loading, in two lengths."""
    plain = [Operation(name) for name in OPERATIONS if name != "users-with-orders"]
    lists = [
        Operation("users-with-orders", loading=loading, limit=limit)
        for loading in LOADINGS
        for limit in (3, 7)
    ]
    return task(everything=[*plain, *lists])
