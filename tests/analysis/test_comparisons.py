from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from analysis.comparisons import Comparisons, Order
from analysis.inference import holm, widen_sample
from analysis.inference.sample import PairedSample
from analysis.metrics import METRICS, waiting_left_out
from bundle.documents.results import Reason, Verdict
from tests.claims.making import figures
from tests.plan.small import sealed

BLOCKS = range(1, 13)
PAIR = [{"baseline": "b", "candidate": "a"}]
BY_NAME = {metric.name: metric for metric in METRICS}


def trials(rate, *, seed, sd=0.01, blocks=BLOCKS):
    """One subject's figures by block; memory and CPU time scatter like the throughput."""
    draw = random.Random(seed)
    made = {}
    for block in blocks:
        scale = draw.lognormvariate(0, sd)
        base = figures(rate * scale)
        made[block] = replace(
            base,
            cpu_us={role: used * draw.lognormvariate(0, sd) for role, used in base.cpu_us.items()},
            rss_bytes={"service": int(rate * 2**16 * draw.lognormvariate(0, sd))},
        )
    return made


def comparisons(measured, *, fatal=(), stopped=False, **plan):
    """What a cell comes to whose subjects measured this; b is the baseline, with a null arm."""
    given = {"profile": "vm", "comparisons": PAIR, "null_arm": "b", "arms": {"b-null": "b"}}
    blocks = sorted({block for by_block in measured.values() for block in by_block})
    order = Order(
        subjects={block: list(measured) for block in blocks},
        started_s={block: 60.0 * block for block in blocks},
    )
    return Comparisons(
        sealed(**given | plan),
        measured,
        order,
        fatal=lambda _: list(fatal),
        work=lambda _: None,
        stopped=stopped,
    )


def subjects(fast=2000.0, slow=1000.0, null=1000.0):
    return {"a": trials(fast, seed=1), "b": trials(slow, seed=2), "b-null": trials(null, seed=3)}


def throughput(measured, **circumstances):
    (told,) = comparisons(measured, **circumstances).by(BY_NAME["throughput"])
    return told


def codes(told):
    return [reason.code for reason in told.reasons]


@pytest.mark.parametrize("metric", ["throughput", "p99", "cpu_service", "rss_service"])
def test_the_null_arm_joins_the_baseline_by_every_metric(metric):
    measured, of = subjects(), BY_NAME[metric].of
    (told,) = comparisons(measured, margins={"rss_service": 0.05}).by(BY_NAME[metric])
    logs = {
        name: {block: math.log(of(each)) for block, each in by_block.items()}
        for name, by_block in measured.items()
    }
    d = [logs["a"][b] - (logs["b"][b] + logs["b-null"][b]) / 2 for b in BLOCKS]
    assert math.log(told.ratio) == pytest.approx(sum(d) / len(d))
    assert (told.low, told.high) == (told.widened.ci95.low, told.widened.ci95.high)
    assert told.null.ratio == pytest.approx(
        math.exp(sum(logs["b-null"][b] - logs["b"][b] for b in BLOCKS) / len(BLOCKS))
    )
    assert told.beta == 0.005


def test_deployments_that_differ_widen_the_interval_and_void_only_beyond_the_margin():
    alike, apart = throughput(subjects()), throughput(subjects(null=1040.0))
    assert alike.verdict is apart.verdict is Verdict.FASTER
    assert apart.excess > 0.02
    assert apart.high / apart.low > alike.high / alike.low * math.exp(2 * 0.02)
    void = throughput(subjects(null=1080.0))
    assert (void.verdict, codes(void)) == (Verdict.VOID, ["deployments-differ"])


def test_noise_that_hides_everything_is_inconclusive_and_says_what_it_could_have_found():
    noisy = {
        name: trials(1000.0, seed=seed, sd=0.10)
        for name, seed in (("a", 4), ("b", 5), ("b-null", 6))
    }
    told = throughput(noisy)
    assert (told.verdict, codes(told)) == (Verdict.INCONCLUSIVE, ["undecided", "detectable"])
    assert told.reasons[1].what.startswith(
        f"12 blocks of this noise find {told.detectable:.1%}"[:-1]
    )


@pytest.mark.parametrize(
    ("circumstances", "without"),
    [
        ({"null_arm": None, "arms": {}}, "b-null"),  # no null arm at all
        ({"null_arm": "a", "arms": {"a-null": "a"}}, "b-null"),  # one of another subject
        ({}, "b-null"),  # it has no trial
    ],
)
def test_a_baseline_without_a_null_arm_gives_an_estimate(circumstances, without):
    measured = {name: each for name, each in subjects().items() if name != without}
    told = throughput(measured, **circumstances)
    assert (told.verdict, codes(told)) == (Verdict.ESTIMATE, ["no-null-arm"])
    assert told.low == told.estimates.t.ci95.low
    assert told.widened is None


def test_a_null_arm_that_lacks_the_metric_is_none_by_it():
    measured = subjects()
    measured["b-null"] = {
        block: replace(each, latency_ms=dict.fromkeys(each.latency_ms))
        for block, each in measured["b-null"].items()
    }
    (told,) = comparisons(measured).by(BY_NAME["p99"])
    assert (told.verdict, told.blocks) == (Verdict.ESTIMATE, 12)
    assert throughput(measured).verdict is Verdict.FASTER


@pytest.mark.parametrize(
    ("circumstances", "verdict", "why"),
    [
        ({"stopped": True}, Verdict.ESTIMATE, ["aborted"]),
        ({"profile": "smoke"}, Verdict.ESTIMATE, ["smoke"]),
        ({"fatal": ["swap was used"]}, Verdict.VOID, ["gate"]),
    ],
)
def test_a_run_that_gives_no_verdicts(circumstances, verdict, why):
    told = throughput(subjects(), **circumstances)
    assert (told.verdict, codes(told)) == (verdict, why)


def test_the_plans_beta_is_the_floor_of_the_interval():
    widths = [
        told.high / told.low
        for beta in (0.0, 0.005, 0.05)
        if (told := throughput(subjects(), beta=beta))
    ]
    assert widths == sorted(widths)
    assert math.log(widths[-1]) / 2 >= 1.96 * math.sqrt(1.5) * 0.05


def test_a_positive_control_that_is_not_found_voids_from_six_blocks_on():
    control = {"subject": "b", "delta": 0.10}
    arms = {"b-null": "b", "b-plus": "b"}
    for blocks, verdict in ((BLOCKS, Verdict.VOID), (range(1, 6), Verdict.ESTIMATE)):
        unburdened = {
            name: trials(rate, seed=seed, blocks=blocks)
            for seed, (name, rate) in enumerate(
                {"a": 2000.0, "b": 1000.0, "b-null": 1000.0, "b-plus": 1000.0}.items()
            )
        }
        assert throughput(unburdened, positive_control=control, arms=arms).verdict is verdict
        found = unburdened | {"b-plus": trials(1000 / 1.1, seed=9, sd=0.005, blocks=blocks)}
        told = throughput(found, positive_control=control, arms=arms)
        assert told.verdict is (Verdict.FASTER if len(blocks) > 5 else Verdict.ESTIMATE)


def test_the_family_is_adjusted_by_the_p_of_the_widened_intervals():
    pairs = [{"baseline": "b", "candidate": name} for name in ("a", "c")]
    measured = subjects(fast=1030.0) | {"c": trials(1012.0, seed=8, sd=0.02)}
    given = {"comparisons": pairs, "subjects": {name: {"service": "asyncpg"} for name in "abc"}}
    told = comparisons(measured, **given).by(BY_NAME["throughput"])
    rates = {
        name: {block: each.throughput for block, each in by_block.items()}
        for name, by_block in measured.items()
    }
    ps = [
        widen_sample(PairedSample.of(rates["b"], rates[name], rates["b-null"])).estimate.p
        for name in ("a", "c")
    ]
    assert [each.family_p for each in told] == list(holm(ps))
    assert [each.widened.p for each in told] == ps
    (p99, *_) = comparisons(measured, **given).by(BY_NAME["p99"])
    assert p99.family_p is None
    # What can only be an estimate is no test, and takes nothing from the others.
    given["comparisons"] = [pairs[0], {"baseline": "a", "candidate": "c"}]
    first, estimate = comparisons(measured, **given).by(BY_NAME["throughput"])
    assert (first.family_p, estimate.family_p) == (ps[0], None)


def test_a_null_arm_informs_and_is_no_comparison_of_its_own():
    (control,) = comparisons(subjects(null=1040.0)).controls()
    assert control.verdict is Verdict.ESTIMATE
    assert control.outcome.passed
    assert "every interval is wider by" in control.outcome.what
    assert control.ratio == pytest.approx(1.04, abs=0.01)


def latencies(of_a):
    """By metric, the verdict and its first reason on a, twice as fast as b."""
    measured = subjects()
    measured["a"] = {
        block: replace(each, littles_ratio=of_a(block)) for block, each in measured["a"].items()
    }
    judged = {name: comparisons(measured).by(BY_NAME[name])[0] for name in ("throughput", "p99")}
    return {name: (told.verdict, told.reasons[0]) for name, told in judged.items()}


@pytest.mark.parametrize("usual", [0.95, 1.0, None])
def test_latencies_of_connections_that_always_wait_are_compared(usual):
    # Five windows of twelve end too early: the median trial's does not.
    found = latencies(lambda block: 0.5 if block < 6 and usual else usual)
    assert {verdict for verdict, _ in found.values()} == {"FASTER"}


def test_latencies_that_leave_out_waiting_are_void_and_throughput_is_not():
    found = latencies(lambda block: 0.9 if block < 8 else 1.0)
    assert found["throughput"][0] == "FASTER"
    verdict, reason = found["p99"]
    assert verdict == "VOID"
    said = "a: its latencies leave out 10 % of the waiting (littles-law); "
    said += "windows of 2 s or more are needed"  # those here are of one
    assert reason == Reason("littles-law", said)


def test_where_the_window_is_slices_it_is_they_that_must_be_longer():
    trial = replace(figures(1000.0), littles_ratio=0.88, window_s=10.0, slice_s=0.25)
    assert waiting_left_out("ms", [trial]) == (
        "its latencies leave out 12 % of the waiting (littles-law); slices of 0.6 s or more are "
        "needed"
    )
