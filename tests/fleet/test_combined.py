"""Several runs of one plan, judged together: nodes as a random effect."""

from __future__ import annotations

import math
import random

import pytest
from msgspec.structs import replace

from analysis.fleet import NodeRun, compare
from analysis.inference import RunMean, combine_nodes
from bundle.documents.results import Verdict
from tests.analysis.test_comparisons import throughput, trials
from tests.claims.making import results


def run(node, fast, *, seed, slow=1000.0, sd=0.01, **circumstances):
    """A run that found ``fast`` over ``slow``; it has a null arm unless that is taken away."""
    measured = {
        "a": trials(fast, seed=seed, sd=sd),
        "b": trials(slow, seed=seed + 1, sd=sd),
        "b-null": trials(circumstances.pop("null", slow), seed=seed + 2, sd=sd),
    }
    whole = results()
    (cell,) = whole.cells
    told = throughput(measured, **circumstances)
    level = replace(cell.subjects["b"], throughput=slow)
    cell = replace(cell, comparisons=[told], subjects={**cell.subjects, "b": level})
    return NodeRun(node, replace(whole, cells=[cell]))


def fleet(fast=(1200.0, 1210.0, 1190.0), **options):
    """Two runs on each node, whose ratio is its own."""
    return [
        run(f"n{node}", mean, seed=100 * node + 10 * again, **options)
        for node, mean in enumerate(fast, start=1)
        for again in range(2)
    ]


def test_runs_on_nodes_that_agree_give_a_verdict():
    (told,) = compare(fleet())
    assert (told.verdict, told.runs, told.blocks) == (Verdict.FASTER, 6, 72)
    assert told.estimate.method == "6 runs on 3 nodes, random effects"
    assert told.estimate.ci95.low < 1.2 < told.estimate.ci95.high
    assert [(node.node, node.runs) for node in told.nodes] == [("n1", 2), ("n2", 2), ("n3", 2)]
    assert all(node.null == pytest.approx(1, abs=0.02) for node in told.nodes)
    assert all(node.level == 1000 for node in told.nodes)
    assert told.left_out == ()


def test_nodes_that_differ_widen_the_interval_until_nothing_is_shown():
    """Every run by itself is certain: it is the nodes that contradict each other."""
    apart = fleet((1040.0, 1300.0, 950.0))
    alone = {each.results.cells[0].comparisons[0].verdict for each in apart}
    assert alone <= {Verdict.FASTER, Verdict.SLOWER}
    (told,) = compare(apart)
    assert told.verdict is Verdict.INCONCLUSIVE
    assert told.between > 0.1
    assert told.nodes_p < 0.001
    (agreed,) = compare(fleet())
    width = math.log(told.estimate.ci95.high / told.estimate.ci95.low)
    assert width > 5 * math.log(agreed.estimate.ci95.high / agreed.estimate.ci95.low)


def test_more_runs_on_the_same_nodes_do_not_make_the_nodes_more():
    """What another node would show, only other nodes can tell."""
    few = compare(fleet((1050.0, 1200.0, 1100.0)))[0].estimate.ci95
    many = fleet((1050.0, 1200.0, 1100.0)) + [
        run(f"n{node}", mean, seed=1000 * node + 10 * again)
        for node, mean in enumerate((1050.0, 1200.0, 1100.0), start=1)
        for again in range(6)
    ]
    more = compare(many)[0].estimate.ci95
    ratio = math.log(more.high / more.low) / math.log(few.high / few.low)
    assert 0.8 < ratio < 1.2


def test_a_void_run_is_left_out_and_named():
    runs = fleet()
    void = run("n1", 1200.0, seed=900, null=1100.0)
    (told,) = compare([*runs, void])
    assert told.runs == 6
    assert told.left_out == (
        f"{void.results.bundle} is void: {void.results.cells[0].comparisons[0].reasons[0].what}",
    )
    (none,) = compare([void, void])
    assert (none.verdict, none.runs, none.estimate) == (Verdict.VOID, 0, None)


def test_one_node_is_an_estimate_with_the_ratio_of_its_runs():
    (told,) = compare([run("n1", 1200.0, seed=seed) for seed in (1, 11, 21)])
    assert (told.verdict, told.reasons[0].code) == (Verdict.ESTIMATE, "one-node")
    assert told.estimate.ratio == pytest.approx(1.2, rel=0.02)
    assert (told.between, told.nodes_p) == (None, None)


def test_runs_that_are_estimates_stay_an_estimate():
    (told,) = compare(fleet(profile="smoke"))
    assert (told.verdict, told.reasons[0].code) == (Verdict.ESTIMATE, "smoke")
    assert told.estimate.ratio == pytest.approx(1.2, rel=0.02)
    (without,) = compare(fleet(null_arm=None, arms={}))
    assert (without.verdict, without.reasons[0].code) == (Verdict.ESTIMATE, "no-null-arm")
    assert {node.null for node in without.nodes} == {None}


def test_the_comparisons_of_a_cell_are_one_family():
    """Two candidates in each run: the smaller p counts twice."""

    def both(each):
        (cell,) = each.results.cells
        (told,) = cell.comparisons
        cell = replace(cell, comparisons=[told, replace(told, candidate="c")])
        return NodeRun(each.node, replace(each.results, cells=[cell]))

    (alone,) = compare(fleet())
    assert alone.family_p == alone.estimate.p
    found = compare([both(each) for each in fleet()])
    assert [each.candidate for each in found] == ["a", "c"]
    assert {each.family_p for each in found} == {2 * alone.estimate.p}


@pytest.mark.parametrize("between", [0.0, 0.03])
def test_the_interval_holds_the_true_ratio_at_least_as_often_as_it_says(between):
    """Three nodes of two runs each, 400 times; deployments keep beta, as the lab assumes."""
    draw = random.Random(5)
    beta, noise, blocks = 0.005, 0.01, 10

    def one():
        node = draw.gauss(0, between)
        runs = []
        for _ in range(2):
            mean = node + draw.gauss(0, math.sqrt(1.5) * beta) + draw.gauss(0, noise / 10**0.5)
            sd = noise * math.sqrt(draw.gammavariate((blocks - 1) / 2, 2) / (blocks - 1))
            runs.append(RunMean(mean, sd / math.sqrt(blocks), blocks))
        return runs

    held = 0
    for _ in range(400):
        ci95 = combine_nodes([one() for _ in range(3)], beta=beta).estimate.ci95
        held += ci95.low <= 1 <= ci95.high
    assert held >= 0.93 * 400


def test_a_node_without_a_run_is_refused():
    with pytest.raises(ValueError, match="at least one run"):
        combine_nodes([[RunMean(0.1, 0.01, 10)], []])
