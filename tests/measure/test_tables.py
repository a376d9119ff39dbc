"""What a plan's load asks: drawn once, before anything runs on the hosts."""

from __future__ import annotations

import json

import pytest

from ormlab import plan
from ormlab.base.errors import PlanError
from ormlab.run.measure import making, orders
from tests.plan.small import PLAN

READS = "read-one: {operations: [{operation: read-user}]}"
WRITES = (
    "operations: [{operation: create-user}, {operation: update-user}, {operation: delete-user}]"
)


def changed(*, users: int) -> str:
    """The small plan with a mix of writes, on so many rows."""
    assert READS in PLAN
    return PLAN.replace(READS, f"mix: {{{WRITES}}}").replace("users: 1000,", f"users: {users},")


@pytest.fixture
def load(tmp_path):
    def load_plan(*, users: int) -> plan.Plan:
        path = tmp_path / "plan.yaml"
        path.write_text(changed(users=users))
        return plan.load(path)

    return load_plan


def test_warm_up_and_window_share_no_name_and_no_deleted_row(load):
    small = load(users=20_000)
    drawn = orders.table_of(small, small.workloads["mix"])
    assert not drawn.repeatable
    assert len(drawn.measured) == len(drawn.warmup) > 8_000
    rows = [*drawn.measured, *drawn.warmup]
    emails = [json.loads(each.body)["email"] for each in rows if each.body]
    deleted = [each.path for each in rows if each.method == "DELETE"]
    assert len(set(emails)) == len(emails)
    assert len(set(deleted)) == len(deleted)


def test_a_dataset_with_too_few_rows_is_a_fault_of_the_plan(load, tmp_path):
    small = load(users=1000)
    with pytest.raises(PlanError, match=r"the workload mix cannot be drawn: .* may be") as refused:
        making.tables(small, None, tmp_path)
    assert refused.value.where == "small"
    assert not list(tmp_path.glob("*.tsv"))
