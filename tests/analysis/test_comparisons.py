from __future__ import annotations

from dataclasses import replace

import pytest

from analysis.comparisons import Comparisons, Order
from analysis.metrics import METRICS
from bundle.documents.results import Reason
from tests.claims.making import figures
from tests.plan.small import sealed

BLOCKS = range(1, 13)
SEALED = sealed(profile="vm", comparisons=[{"baseline": "b", "candidate": "a"}])


def verdicts(of_a):
    """By metric, the verdict and its first reason on a, twice as fast as b."""
    slow = {block: figures(1000.0 + block) for block in BLOCKS}
    fast = {block: replace(figures(2000.0 - block), littles_ratio=of_a(block)) for block in BLOCKS}
    order = Order(
        subjects={block: ["a", "b"] for block in BLOCKS},
        started_s={block: 60.0 * block for block in BLOCKS},
    )
    comparisons = Comparisons(
        SEALED, {"a": fast, "b": slow}, order, fatal=lambda _: [], work=lambda _: None
    )
    judged = {
        metric.name: comparisons.by(metric)[0]
        for metric in METRICS
        if metric.name in {"throughput", "p99"}
    }
    return {name: (told.verdict, told.reasons[0]) for name, told in judged.items()}


@pytest.mark.parametrize("usual", [0.95, 1.0, None])
def test_latencies_of_connections_that_always_wait_are_compared(usual):
    # Five windows of twelve end too early: the median trial's does not.
    found = verdicts(lambda block: 0.5 if block < 6 and usual else usual)
    assert {verdict for verdict, _ in found.values()} == {"FASTER"}


def test_latencies_that_leave_out_waiting_are_invalid_and_throughput_is_not():
    found = verdicts(lambda block: 0.9 if block < 8 else 1.0)
    assert found["throughput"][0] == "FASTER"
    verdict, reason = found["p99"]
    assert verdict == "INVALID (gate)"
    said = "a: its latencies leave out 10 % of the waiting (littles-law); "
    said += "windows of 2 s or more are needed"  # those here are of one
    assert reason == Reason("littles-law", said)
