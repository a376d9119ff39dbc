"""What a verdict may owe to too few cores: read from CPU times, and said beside the verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from analysis.claims.crowding import crowded
from tests.claims.making import PLACE_A, PLACE_B, claim, facts, figures, ledger, run


def of(busy, cost, *, rate):
    """Trials of a subject that used this share of one CPU; the cost of a request in us."""
    made = replace(figures(rate), cpu_us={"service": cost, "database": 50.0, "load": 10.0})
    assert made.throughput * cost / 1e6 == pytest.approx(busy)
    return dict.fromkeys(range(1, 7), made)


def said(first, second, *, tier="degraded", workers=1, **fields):
    made = ledger(claims={"c": claim("ordering", **fields)}).claims["c"]
    on = replace(run(), facts=facts(tier=tier), trials={PLACE_A: first, PLACE_B: second})
    plan = on.plan
    several = plan.subjects["b"].model_copy(update={"workers": workers})
    changed = plan.model_copy(update={"subjects": plan.subjects | {"b": several}})
    on = replace(on, resolved=on.resolved.model_copy(update={"plan": changed}))
    return list(crowded(made, on))


FAST = of(0.95, 950.0, rate=1000.0)


@pytest.mark.parametrize("metric", ["throughput", "p50", "latency_mean"])
def test_an_order_that_the_services_do_not_decide_may_reverse(metric):
    (clause,) = said(FAST, of(0.4, 500.0, rate=800.0), metric=metric)
    assert clause.startswith("the order may reverse on more cores: the CPU of b was 40 % busy")
    assert clause.endswith("costs it 47 % less CPU time than a")


@pytest.mark.parametrize(
    ("second", "changes"),
    [
        (of(0.92, 1150.0, rate=800.0), {}),  # its own CPU holds it up
        (of(0.8, 1000.0, rate=800.0), {}),  # more cores make it no faster than the other
        (of(0.4, 500.0, rate=800.0), {"tier": "exclusive-core"}),
        (of(0.4, 500.0, rate=800.0), {"metric": "rss"}),
        ({}, {}),  # no trial
    ],
)
def test_other_orders_have_no_such_doubt(second, changes):
    assert said(FAST, second, **changes) == []


def test_workers_that_share_a_core_are_named():
    assert said(FAST, FAST, workers=2) == ["the 2 workers of b share one core"]
    assert said(FAST, FAST, workers=2, metric="rss", tier="exclusive-core")


def test_a_service_with_a_core_for_each_worker_is_not():
    placement = structs.replace(facts().placement, service=[0, 1])
    made = ledger(claims={"c": claim("ordering", metric="rss")}).claims["c"]
    on = replace(run(), facts=structs.replace(facts(), placement=placement))
    assert list(crowded(made, on)) == []
