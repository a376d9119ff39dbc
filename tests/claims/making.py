"""Ledgers and runs of the tests' own: real types, figures made up from a seed."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import yaml
from msgspec import structs

from analysis.claims import Ledger, Place, Run
from analysis.figures import Figures
from bundle.documents.failure import Failure
from bundle.documents.host import Facts, HostFacts, Placement, Topology
from bundle.documents.plan import SealedPlan
from bundle.documents.results import (
    Cell,
    Comparison,
    Control,
    ControlArm,
    Estimate,
    Estimates,
    GateFinding,
    GateVerdict,
    Interval,
    Reason,
    Results,
    Severity,
    Subject,
)
from bundle.documents.results import Verdict as ComparisonVerdict
from bundle.documents.services import Observed, OrderOutcome, StackOutcome
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
    test: {plan: demo, workload: read-one, load: switched, arms: {a: {subject: asyncpg}}}
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
    if kind == "range":
        base |= {"low": 900, "high": 1100}
        del base["value"]
    if kind in {"ordering", "ranking"}:
        for key in ("value", "precision", "tolerance"):
            del base[key]
        base |= {"portability": "any"}
    if kind == "ranking":
        base |= {"subjects": ["a", "b", "c"]}
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


def stack(**changes) -> StackOutcome:
    """The outcome of a stack in which everything works; changes are as in stack.json."""
    made = {
        "schema": "stack/1",
        "stack": "published",
        "ok": True,
        "digest": "5a" * 32,
        "environment": "published-5a5a5a5a",
        "python": {"version": "3.13.0", "implementation": "cpython"},
        "packages": {"sqlalchemy": "2.0.21"},
        "extensions": {},
        "failures": [],
        "alone": [],
        "seconds": 1.0,
    }
    return msgspec.convert(made | changes, StackOutcome)


def started(trouble: str | None = None) -> OrderOutcome:
    """A service that was started and asked once, or what prevented it from serving."""
    failure = Failure(code="x", what=trouble, where="", hint="") if trouble else None
    return OrderOutcome(failure=failure, observed=Observed())


def sealed_plan(name="small", *, profile="vm", arms=(), loads=(), beta=0.005) -> SealedPlan:
    """The plan of `run`; further loads are as in a plan."""
    drive = {"generator": "wrk", "threads": 1, "connections": 64, "duration_s": 3}
    written = {
        "schema": "plan/1",
        "name": name,
        "title": "a plan",
        "profile": profile,
        "seed": 7,
        "blocks": 12,
        "beta": beta,
        "dataset": {"users": 1000, "orders": 1000, "payload_bytes": 512},
        "subjects": {subject: {"service": "asyncpg", "pool": {"size": 10}} for subject in "ab"},
        "workloads": {"read-one": {"operations": [{"operation": "read-user"}]}},
        "loads": {"wrk": drive, **{load: drive | changes for load, changes in dict(loads).items()}},
    }
    return SealedPlan.model_validate(
        {
            "schema": "resolved-plan/1",
            "plan": written,
            "stacks": {},
            "omitted_loads": {},
            "arms": dict(arms),
            "trials": [],
        }
    )


def facts(*, tier="exclusive-core", virtual=False) -> HostFacts:
    return HostFacts(
        schema="host-facts/1",
        facts=Facts(
            virtual=virtual, topology=Topology(cores=[[0], [1]], l3=[[0, 1]]), cpu_model="x"
        ),
        identity=["cpu_model"],
        placement=Placement(service=[0], load=[1], database=[0], housekeeping=[1], tier=tier),
    )


def subject(**figures) -> Subject:
    """A row of the results; figures that are not given are unknown."""
    names = ("throughput", "p50", "p90", "p99", "cpu_service", "cpu_database", "cpu_load")
    unknown = dict.fromkeys((*names, "rss_service"))
    base = {"trials": 12, "requests": 1000, "errors": 0, "doubts": []}
    return Subject(**unknown | base | figures)


_EVIDENCE = {
    "margin": 0.05,
    "blocks": 12,
    "dropped": (),
    "estimates": Estimates(*[Estimate("t", 1.0, None, None, None)] * 3),
    "widened": None,
    "sd": None,
    "beta": 0.005,
    "null": None,
    "excess": None,
    "autocorrelation": None,
    "detectable": None,
    "better": "higher",
    "size_resolved": None,
    "ratio": 1.0,
    "low": None,
    "high": None,
    "family_p": None,
}


def comparison(
    verdict="FASTER", *, code="gate", metric="throughput", pair=("b", "a")
) -> Comparison:
    """A comparison of two subjects, whose first reason has this code."""
    baseline, candidate = pair
    return Comparison(
        **_EVIDENCE,
        baseline=baseline,
        candidate=candidate,
        metric=metric,
        verdict=ComparisonVerdict(verdict),
        reasons=(Reason(code, "5 of 9 trials failed"),),
    )


def control(baseline="a", *, passed: bool, what: str) -> ControlArm:
    """A second deployment of a subject, and whether the two were alike."""
    return ControlArm(
        **_EVIDENCE,
        baseline=baseline,
        candidate=f"{baseline}-null",
        metric="throughput",
        verdict=ComparisonVerdict.ESTIMATE,
        reasons=(Reason("x", "y"),),
        outcome=Control("null", passed, Interval(0.95, 1.05), None, what),
    )


def gate(verdict: str, said: str) -> GateFinding:
    """What a gate of the whole run says."""
    return GateFinding(
        code="repeats",
        what="trials that were repeated",
        unit="%",
        low=None,
        high=10,
        severity=Severity.FATAL,
        verdict=GateVerdict(verdict),
        value=12,
        said=said,
    )


def results(weaknesses=(), verdict="FASTER") -> Results:
    """One cell, in which both subjects are compared."""
    cell = Cell(
        workload="read-one",
        load="wrk",
        drive={},
        latency_kind="closed-loop service time",
        subjects={"a": subject(statements=101.0), "b": subject(statements=2.0)},
        comparisons=[comparison(verdict, code="gate" if verdict == "VOID" else "x")],
    )
    return Results(
        schema="results/2",
        bundle=bundle_id(CREATED, "5a" * 32),
        conclusion="One is faster.",
        weaknesses=list(weaknesses),
        cells=[cell],
        failures=[],
        omitted=[],
    )


def with_cell(on: Run, **changes) -> Run:
    """A run whose one cell is otherwise."""
    (cell,) = on.results.cells
    cells = [structs.replace(cell, **changes)]
    return replace(on, results=structs.replace(on.results, cells=cells))


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
    null=1.0,
    beta=0.005,
    loads=(),
    **changes,
) -> Run:
    """A run of two subjects whose throughputs scatter by ``sd`` around ``means``.

    The null arm of the second serves ``null`` times what its subject does; None is a run without.
    """
    draw = random.Random(seed)
    served = dict(zip((PLACE_A, PLACE_B), means, strict=True))
    arms = {} if null is None else {"b-null": "b"}
    served |= {replace(PLACE_B, subject=arm): means[1] * null for arm in arms}
    trials = {
        place: {block: figures(mean * draw.lognormvariate(0, sd)) for block in range(1, blocks + 1)}
        for place, mean in served.items()
    }
    made = Run(
        record=record(dirty=dirty, host=host, plan=plan),
        seal="9" * 64,
        resolved=sealed_plan(plan, profile=profile, arms=arms, loads=loads, beta=beta),
        facts=facts(tier=tier, virtual=virtual),
        postgresql="16.11",
        results=results([f"2-core machine, tier {tier}"], verdict),
        stacks={"a": stack(), "b": stack()},
        started={"a": started(), "b": started()},
        trials=trials,
    )
    return replace(made, **changes)


def record(
    *, dirty=False, host="7" * 64, plan="small", omitted=(), status="complete"
) -> BundleRecord:
    return BundleRecord(
        id=bundle_id(CREATED, "5a" * 32),
        status=status,
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
