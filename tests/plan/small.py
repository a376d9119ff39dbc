"""A small plan as its author writes it, to be changed by tests."""

from __future__ import annotations

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
