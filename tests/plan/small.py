"""A small plan as its author writes it, to be changed by tests."""

from __future__ import annotations

import yaml

from bundle.documents.plan import SealedPlan

PLAN = """\
schema: plan/1
name: small
title: A small plan
profile: smoke
seed: 7
blocks: 2
dataset: {users: 1000, orders: 1000, payload_bytes: 512}
subjects:
  a: {service: asyncpg}
  b: {service: tortoise}
workloads:
  read-one: {operations: [{operation: read-user}]}
loads:
  wrk: {generator: wrk, threads: 2, connections: 8, duration_s: 1}
comparisons:
  - {baseline: a, candidate: b}
"""


def sealed(*, arms=None, explanation=None, **changes) -> SealedPlan:
    """The plan as a bundle holds it, with parts of it changed; it needs no stacks."""
    return SealedPlan.model_validate(
        {
            "schema": "resolved-plan/1",
            "plan": yaml.safe_load(PLAN) | changes,
            "stacks": {},
            "omitted_loads": {},
            "arms": arms or {},
            "explanation": explanation,
            "trials": [],
        }
    )
