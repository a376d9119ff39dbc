"""Ledgers and runs of the tests' own: real types, figures made up from a seed."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import yaml

from analysis.claims import Ledger, Place, Run
from analysis.figures import Figures
from bundle.format import BundleRecord, Omission, Plan, Tool, TrialCounts, bundle_id

PLACE_A = Place("a", "read-one", "wrk")
PLACE_B = Place("b", "read-one", "wrk")
CREATED = datetime(2026, 11, 24, 3, 15, tzinfo=UTC)

LEDGER = """\
schema: claims-ledger/1
name: small
title: A small ledger
sources:
  page: {title: A page, locator: page 1, published: null, retrieved: 2026-11-24, sha256: %s}
subjects: {a: {what: one}, b: {what: another}}
conditions:
  all:
    python: {value: 3.13.0, status: stated, material: true, reading: python}
    users: {value: 1000, status: stated, material: true, reading: data.users}
    class: {value: "physical, exclusive-core", status: stated, material: true, reading: host.class}
    mix: {status: unknown}
claims:
  tput.a:
    kind: absolute
    says: a serves 1,000 requests a second
    source: page
    locator: line 1
    metric: throughput
    subjects: [a]
    value: 1000
    precision: 10
    tolerance: {relative: 0.05, reason: half a margin}
    conditions: [all]
    portability: same-class
    test: {plan: demo, workload: read-one, load: wrk, arms: {a: {subject: asyncpg}}}
""" % ("5a" * 32)


def document(**changes):
    """The small ledger as data, with claims, checks and the rest replaced or added."""
    made = yaml.safe_load(LEDGER)
    for key, value in changes.items():
        made[key] = made.get(key, {}) | value if isinstance(value, dict) else value
    return made


def ledger(**changes) -> Ledger:
    return Ledger.model_validate(document(**changes))


def claim(kind="absolute", **fields):
    base = yaml.safe_load(LEDGER)["claims"]["tput.a"]
    base["test"] = {"plan": "small", "workload": "read-one", "load": "wrk"}
    if kind in {"ratio", "ordering"}:
        base |= {"subjects": ["a", "b"]}
    if kind == "ratio":
        base |= {"value": 1.5, "precision": 0.01}
    if kind == "bound":
        base |= {"bound": "at-least"}
    if kind == "ordering":
        for key in ("value", "precision", "tolerance"):
            del base[key]
        base |= {"portability": "any"}
    made = base | {"kind": kind} | fields
    return {key: value for key, value in made.items() if value is not ...}


def runs_claim(**fields):
    return {
        "kind": "runs",
        "says": "it runs",
        "source": "page",
        "locator": "line 2",
        "subjects": ["a"],
        "package": "sqlalchemy",
        "version": "2.0.21",
        "through": "import",
        "portability": "any",
        "test": {"plan": "small"},
    } | fields


def figures(throughput: float, *, errors: int = 0) -> Figures:
    return Figures(
        requests=1000,
        errors=errors,
        window_s=1.0,
        throughput=throughput,
        latency_ms={"p50": 1e4 / throughput, "p90": 2e4 / throughput, "p99": 3e4 / throughput},
        latency_kind="closed-loop service time",
        cpu_us={"service": 100.0, "database": 50.0, "load": 10.0},
        rss_bytes={"service": 2**26},
        pss_bytes=None,
        littles_ratio=0.98,
        connections=64,
        problems=(),
    )


def stack(**changes):
    return {
        "stack": "published",
        "ok": True,
        "python": {"version": "3.13.0"},
        "packages": {"sqlalchemy": "2.0.21"},
        "failures": [],
        "alone": [],
    } | changes


def run(
    means=(1000.0, 800.0),
    *,
    blocks=12,
    sd=0.01,
    seed=1,
    tier="exclusive-core",
    virtual=False,
    profile="vm",
    plan="small",
    verdict="FASTER",
    dirty=False,
    host="7" * 64,
    **changes,
) -> Run:
    """A run of two subjects whose throughputs scatter by ``sd`` around ``means``."""
    draw = random.Random(seed)
    places = (PLACE_A, PLACE_B)
    trials = {
        place: {block: figures(mean * draw.lognormvariate(0, sd)) for block in range(1, blocks + 1)}
        for place, mean in zip(places, means, strict=True)
    }
    reasons = [{"code": "gate" if "INVALID" in verdict else "x", "what": "5 of 9 trials failed"}]
    comparison = {"baseline": "b", "candidate": "a", "metric": "throughput", "verdict": verdict}
    subjects = {name: {"statements": n, "doubts": []} for name, n in (("a", 101.0), ("b", 2.0))}
    cell = {"workload": "read-one", "load": "wrk", "subjects": subjects}
    cell["comparisons"] = [comparison | {"reasons": reasons}]
    made = Run(
        record=record(dirty=dirty, host=host, plan=plan),
        seal="9" * 64,
        resolved={
            "arms": {},
            "plan": {
                "name": plan,
                "profile": profile,
                "seed": 7,
                "dataset": {"users": 1000, "orders": 1000, "payload_bytes": 512},
                "subjects": {name: {"pool": {"size": 10}} for name in "ab"},
                "loads": {"wrk": {"generator": "wrk", "connections": 64}},
            },
        },
        facts={
            "facts": {"virtual": virtual, "topology": {"cores": [[0], [1]]}, "cpu_model": "x"},
            "placement": {"tier": tier},
        },
        postgresql="16.11",
        results={"weaknesses": [f"2-core machine, tier {tier}"], "cells": [cell], "gates": []},
        stacks={"a": stack(), "b": stack()},
        started={"a": None, "b": None},
        trials=trials,
    )
    return replace(made, **changes)


def record(*, dirty=False, host="7" * 64, plan="small", omitted=()) -> BundleRecord:
    return BundleRecord(
        id=bundle_id(CREATED, "5a" * 32),
        status="complete",
        tool=Tool(version="0.1.0", commit="c" * 40, dirty=dirty),
        plan=Plan(sha256="5a" * 32, name=plan),
        ledger=None,
        host=host,
        trials=TrialCounts(planned=24, completed=24, failed=0, skipped=0),
        omitted=tuple(Omission(path=path, reason=reason) for path, reason in omitted),
        redactions=(),
        previous=None,
        created=CREATED,
        sealed=CREATED + timedelta(hours=1),
    )
