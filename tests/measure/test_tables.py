"""What a plan's load asks: drawn once, before anything runs on the hosts."""

from __future__ import annotations

import json

import pytest

from ormlab import plan
from ormlab.errors import PlanError
from ormlab.measure import orders, tables

PLAN = """\
schema: plan/1
name: small
title: A small plan
profile: smoke
seed: 7
blocks: 2
dataset: {users: 20000, orders: 1000, payload_bytes: 512}
subjects:
  a: {service: asyncpg}
workloads:
  mix:
    operations: [{operation: create-user}, {operation: update-user}, {operation: delete-user}]
loads:
  wrk: {generator: wrk, threads: 2, connections: 8, duration_s: 1}
"""


@pytest.fixture
def load(tmp_path):
    def load_plan(text: str = PLAN) -> plan.Plan:
        path = tmp_path / "plan.yaml"
        path.write_text(text)
        return plan.load(path)

    return load_plan


def test_warm_up_and_window_share_no_name_and_no_deleted_row(load):
    small = load()
    drawn = orders.table_of(small, small.workloads["mix"])
    assert not drawn.repeatable
    assert len(drawn.measured) == len(drawn.warmup) > 8_000
    rows = [*drawn.measured, *drawn.warmup]
    emails = [json.loads(each.body)["email"] for each in rows if each.body]
    deleted = [each.path for each in rows if each.method == "DELETE"]
    assert len(set(emails)) == len(emails)
    assert len(set(deleted)) == len(deleted)


def test_a_dataset_with_too_few_rows_is_a_fault_of_the_plan(load, tmp_path):
    small = load(PLAN.replace("users: 20000", "users: 1000"))
    with pytest.raises(PlanError, match=r"the workload mix cannot be drawn: .* may be") as refused:
        tables.ship_all(small, None, tmp_path)
    assert refused.value.where == "small"
    assert not list(tmp_path.glob("*.tsv"))
