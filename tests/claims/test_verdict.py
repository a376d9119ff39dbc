from __future__ import annotations

import math
from dataclasses import replace
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.claims import CLAIM_METRICS, ClaimVerdict, Strength, judge_claim, outcomes
from analysis.claims.measure import Estimated
from analysis.claims.verdict import decide
from analysis.inference import FEWEST_FOR_DIRECTION, Estimate, Interval
from tests.claims.making import (
    PLACE_A,
    PLACE_B,
    claim,
    control,
    figures,
    ledger,
    record,
    run,
    runs_claim,
    stack,
    started,
    subject,
    with_cell,
)

V = ClaimVerdict
CONTRADICTION = {
    "ratio-check": {
        "kind": "same_ratio",
        "says": "they fit",
        "ratio": {"value": 3, "precision": 0.1, "status": "stated", "note": "n"},
        "numerator": "tput.a",
        "denominator": {"value": 1000, "precision": 0, "status": "stated", "note": "n"},
        "convicts": ["tput.a"],
    }
}


def judge(made=None, on=None, *, name="tput.a", checks=None, **parts):
    book = ledger(claims={name: made or claim()}, checks=checks or {}, **parts)
    return judge_claim(name, book, on, outcomes(book))


@pytest.mark.parametrize(
    ("kind", "means", "verdict", "side"),
    [
        ("absolute", (1000, 800), V.UPHELD, None),
        ("absolute", (1200, 800), V.REFUTED, "above"),
        ("absolute", (800, 800), V.REFUTED, "below"),
        ("absolute", (1055, 800), V.INCONCLUSIVE, None),
        ("ratio", (1500, 1000), V.UPHELD, None),
        ("ratio", (700, 1000), V.REFUTED, "below"),
        ("ordering", (1100, 1000), V.UPHELD, None),
        ("ordering", (900, 1000), V.REFUTED, "below"),
        ("ordering", (1000, 1000), V.INCONCLUSIVE, None),
        ("bound", (1200, 1000), V.UPHELD, None),
        ("bound", (500, 1000), V.REFUTED, "below"),
        ("range", (1000, 800), V.UPHELD, None),
        ("range", (1200, 800), V.REFUTED, "above"),
        ("range", (800, 800), V.REFUTED, "below"),
    ],
)
def test_the_figures_decide_when_nothing_else_does(kind, means, verdict, side):
    found = judge(claim(kind), run(means))
    assert (found.verdict, found.side) == (verdict, side)
    assert found.strength == Strength.REPLICATED


FAULTS = [
    (V.UNTESTABLE, {"made": {"untestable": "no such machine", "test": ...}}),
    (V.INCOHERENT, {"checks": CONTRADICTION}),
    (V.NOT_RUN, {"run": {"plan": "other"}}),
    (V.INVALID_RUN, {"run": {"verdict": "VOID"}}),
    (V.INCOMPARABLE, {"run": {"virtual": True}}),
    (V.INCONCLUSIVE, {"run": {"blocks": 4}}),
]


@pytest.mark.parametrize("present", range(1, 2 ** len(FAULTS)))
def test_of_all_rows_that_fit_the_first_wins(present):
    chosen = [fault for bit, fault in enumerate(FAULTS) if present >> bit & 1]
    made, on, checks = {}, {}, {}
    for _, parts in chosen:
        made |= parts.get("made", {})
        on |= parts.get("run", {})
        checks |= parts.get("checks", {})
    found = judge(claim(**made), run(**on), checks=checks)
    assert found.verdict == chosen[0][0]
    assert found.why


@settings(max_examples=30)
@given(
    kind=st.sampled_from(["absolute", "ratio", "ordering", "bound", "range"]),
    means=st.tuples(st.floats(1, 1e6), st.floats(1, 1e6)),
    blocks=st.integers(0, 14),
    sd=st.floats(0, 1),
    tier=st.sampled_from(["exclusive-l3", "exclusive-core", "degraded", "none"]),
    profile=st.sampled_from(["smoke", "vm", "bare-metal"]),
    portability=st.sampled_from(["same-fingerprint", "same-class", "any"]),
)
def test_the_table_is_total_and_a_weak_tier_never_judges_a_size(
    *, kind, means, blocks, sd, tier, profile, portability
):
    on = run(means, blocks=blocks, sd=sd, tier=tier, profile=profile)
    found = judge(claim(kind, portability=portability), on)
    assert found.verdict in ClaimVerdict
    assert found.why
    assert (found.side is not None) == (found.verdict == V.REFUTED)
    judged = found.verdict in {V.UPHELD, V.REFUTED}
    assert not (judged and (profile == "smoke" or blocks < FEWEST_FOR_DIRECTION))
    if tier in {"degraded", "none"} and kind != "ordering" and portability != "any":
        assert not judged


@given(
    centre=st.floats(-2, 2),
    half=st.floats(0.001, 1),
    low=st.floats(-2, 2),
    width=st.floats(0.01, 2),
)
def test_a_wider_band_never_turns_upheld_into_refuted_nor_the_other_way(centre, half, low, width):
    def interval(reach):
        return Interval(math.exp(centre - reach), math.exp(centre + reach))

    estimate = Estimate("t", math.exp(centre), interval(half), interval(half * 0.8), None)
    measured = Estimated(estimate, 12)
    narrow = Interval(math.exp(low), math.exp(low + width))
    wide = Interval(math.exp(low - 0.5), math.exp(low + width + 0.5))
    order = [V.REFUTED, V.INCONCLUSIVE, V.UPHELD]
    before = decide(measured, narrow)[0]
    after = decide(measured, wide)[0]
    assert order.index(after) >= order.index(before)


def test_methods_that_oppose_each_other_are_inconclusive():
    def estimate(name, low, high):
        return Estimate(name, (low + high) / 2, Interval(low, high), Interval(low, high), None)

    band = Interval(1.0, math.inf)
    first, open_, opposed = (
        estimate(*of) for of in (("t", 1.1, 1.2), ("bootstrap", 0.9, 1.2), ("rank", 0.8, 1.1))
    )
    assert decide(Estimated(first, 12, checks=(open_,)), band)[0] == V.UPHELD
    verdict, _, why = decide(Estimated(first, 12, checks=(open_, opposed)), band)
    assert verdict == V.INCONCLUSIVE
    assert why == "the methods oppose each other: rank: 0.95, t: 1.15"


@pytest.mark.parametrize("blocks", [2, 5])
def test_too_few_blocks_give_an_estimate_and_say_so(blocks):
    found = judge(claim("ordering"), run((900, 1000), blocks=blocks))
    assert found.verdict == V.INCONCLUSIVE
    assert found.why == f"{blocks} blocks where a verdict needs {FEWEST_FOR_DIRECTION}"
    assert found.measured.error is None


def test_noise_is_inconclusive_and_says_what_would_have_been_found():
    found = judge(claim("ordering"), run((1005, 1000), sd=0.2))
    assert found.verdict == V.INCONCLUSIVE
    effect = found.measured.detectable
    assert effect > 0.1
    assert found.why == (
        "the interval straddles the band; 12 blocks of this noise find "
        f"{100 * effect:.1f} % nine times in ten"
    )


@pytest.mark.parametrize("metric", ["throughput", "rss"])
def test_the_null_arm_of_either_subject_informs_a_claim(metric):
    """Which of the two is the baseline is the plan's choice, not the claim's."""
    on = run((900, 1000), null=1.03)
    of = CLAIM_METRICS[metric].of
    for trials in on.trials.values():
        for block, told in trials.items():
            resident = {"service": int(told.throughput * 2**16)}
            trials[block] = replace(told, rss_bytes=resident)
    one = judge(claim("ordering", metric=metric), on)
    back = judge(claim("ordering", metric=metric, subjects=["b", "a"]), on)
    assert (one.verdict, back.verdict) == (V.REFUTED, V.UPHELD)
    assert one.measured.excess == back.measured.excess > 0.01
    assert one.measured.value * back.measured.value == pytest.approx(1)
    assert one.measured.ci95.low * back.measured.ci95.high == pytest.approx(1)
    a, b, null = (
        fmean(math.log(of(told)) for told in on.trials[place].values())
        for place in (PLACE_A, PLACE_B, replace(PLACE_B, subject="b-null"))
    )
    assert math.log(one.measured.value) == pytest.approx(a - (b + null) / 2)


def test_a_size_of_another_host_is_shown_and_not_judged():
    found = judge(claim(), run((900, 1000), virtual=True))
    assert found.verdict == V.INCOMPARABLE
    assert found.measured.estimates[0].ratio == pytest.approx(900, rel=0.05)
    assert found.band is None
    failed = judge(claim(), run(verdict="VOID"))
    assert (failed.verdict, failed.measured) == (V.INVALID_RUN, None)


def test_a_direction_may_be_judged_on_a_weak_tier_and_says_so():
    found = judge(claim("ordering"), run((900, 1000), tier="degraded", virtual=True))
    assert found.verdict == V.REFUTED
    assert any("tier degraded" in weakness for weakness in found.weaknesses)


def test_an_accepted_condition_is_named_and_a_rejected_one_decides():
    python = {"value": "3.12.0", "status": "stated", "material": True, "reading": "python"}
    accepts = python | {"accepts": ["3.13.*"], "note": "near enough"}
    found = judge(claim("ordering"), run(), conditions={"all": {"python": accepts}})
    assert found.verdict == V.UPHELD
    assert "python is 3.13.0, not 3.12.0" in found.weaknesses
    found = judge(claim("ordering"), run(), conditions={"all": {"python": python}})
    assert found.verdict == V.INCOMPARABLE


def test_a_condition_that_is_not_recorded_is_not_taken_for_granted():
    found = judge(claim("ordering"), run(stacks={}))
    assert found.verdict == V.INCOMPARABLE
    assert "not recorded" in found.why


def test_a_subject_that_was_left_out_is_not_run_with_the_reason():
    left_out = record(omitted=[("trials/*-a-read-one-*", "stack published failed")])
    on = replace(run(), record=left_out, trials={})
    found = judge(claim(), on)
    assert found.verdict == V.NOT_RUN
    assert "stack published failed" in found.why


def test_a_count_needs_no_blocks_and_holds_on_any_tier():
    made = claim(metric="statements", value=101, precision=1, tolerance=..., portability="any")
    on = run(blocks=1, tier="none", profile="smoke", virtual=True)
    assert judge(made, on).verdict == V.UPHELD
    assert judge(made | {"value": 100}, on).verdict == V.REFUTED


def test_an_error_rate_of_zero_is_a_figure_too():
    made = claim(metric="error_rate", value=2.1, precision=0.1)
    found = judge(made, run())
    assert (found.verdict, found.side) == (V.REFUTED, "below")


@pytest.mark.parametrize(
    ("errors", "verdict"),
    [(20, V.UPHELD), (0, V.INCONCLUSIVE), (-20, V.REFUTED)],
)
def test_error_rates_are_ordered_by_their_difference_for_one_may_be_zero(errors, verdict):
    blocks = range(1, 13)
    first = {block: figures(1000.0, errors=max(0, errors) + block % 2) for block in blocks}
    second = {block: figures(1000.0, errors=max(0, -errors) + block // 7) for block in blocks}
    on = run(trials={PLACE_A: first, PLACE_B: second, replace(PLACE_B, subject="b-null"): second})
    found = judge(claim("ordering", metric="error_rate"), on)
    assert found.verdict == verdict
    assert found.band.low == 0


def test_two_that_are_equal_are_in_no_order():
    alike = {block: figures(1000.0) for block in range(1, 13)}
    on = run(trials={PLACE_A: alike, PLACE_B: alike})
    assert judge(claim("ordering", metric="error_rate"), on).verdict == V.INCONCLUSIVE
    equal = {name: subject(statements=2.0) for name in "ab"}
    counted = judge(claim("ordering", metric="statements"), with_cell(on, subjects=equal))
    assert (counted.verdict, counted.side) == (V.REFUTED, "below")


def test_a_control_that_failed_or_is_not_there_is_a_weakness():
    lone = "no second deployment of a subject was measured"
    made = claim("ordering")
    assert lone in judge(made, run(null=None)).weaknesses
    on = run()
    assert lone not in judge(made, on).weaknesses
    failed = with_cell(on, controls=[control("b", passed=False, what="A' over A: 1.2")])
    assert "a control failed: A' over A: 1.2" in judge(made, failed).weaknesses


@pytest.mark.parametrize(
    ("metric", "ratio", "verdict", "said"),
    [
        ("p99", 0.94, V.INVALID_RUN, "6 % of the waiting (littles-law); windows of 2 s"),
        ("latency_mean", 0.5, V.INVALID_RUN, "50 % of the waiting (littles-law); windows of 10 s"),
        ("p99", 0.95, V.UPHELD, ""),
        ("throughput", 0.5, V.REFUTED, ""),
        ("p99", None, V.UPHELD, ""),
    ],
)
def test_latencies_that_leave_out_much_of_the_waiting_are_invalid(metric, ratio, verdict, said):
    # Only one of the two subjects is slow to answer; its p99 is the higher one.
    on = run(means=(800.0, 1000.0))
    on.trials[PLACE_A].update(
        {block: replace(told, littles_ratio=ratio) for block, told in on.trials[PLACE_A].items()}
    )
    found = judge(claim("ordering", metric=metric), on)
    assert found.verdict == verdict
    if verdict == V.INVALID_RUN:
        assert found.why == f"a: its latencies leave out {said} or more are needed"


def test_gates_that_warn_of_the_trials_of_its_subjects_are_a_weakness():
    said = "gates that warn of its trials: littles-law, steal"
    doubts = {"a": ["littles-law"], "b": ["steal"]}
    on = with_cell(run(), subjects={name: subject(doubts=each) for name, each in doubts.items()})
    assert said in judge(claim("ordering"), on).weaknesses
    assert "gates that warn of its trials: littles-law" in judge(claim(), on).weaknesses
    elsewhere = with_cell(on, load="another")
    assert not any("gates" in each for each in judge(claim(), elsewhere).weaknesses)


def failed(package, version, stage, reason):
    return {
        "package": package,
        "version": version,
        "stage": stage,
        "reason": reason,
        "log": None,
    }


def python(version, **more):
    return {"python": {"version": version, "implementation": "cpython", **more}}


BROKEN = {
    "packages": {},
    "ok": False,
    "failures": [
        failed("sqlalchemy", "2.0.21", "import", "Assertion"),
        failed("asyncpg", "0.29.0", "install", "an error in C"),
    ],
    "alone": [{"package": "tortoise-orm", "version": "0.21.0", "ok": True, "extensions": {}}],
}


@pytest.mark.parametrize(
    ("fields", "outcome", "verdict"),
    [
        ({}, {}, V.UPHELD),
        ({}, BROKEN, V.REFUTED),
        ({"through": "install"}, BROKEN, V.UPHELD),
        ({"package": "asyncpg", "version": "0.29.0", "through": "install"}, BROKEN, V.REFUTED),
        (
            {"package": "asyncpg", "version": "0.29.0", "through": "install"},
            BROKEN | python("3.13.0", c_compiler=None),
            V.INCOMPARABLE,
        ),
        ({"package": "tortoise-orm", "version": "0.21.0"}, BROKEN, V.UPHELD),
        ({"version": "2.0.22"}, {}, V.INCOMPARABLE),
        ({"conditions": ["all"]}, python("3.12.1"), V.INCOMPARABLE),
        ({}, {"failures": [{**BROKEN["failures"][0], "stage": "interpreter"}]}, V.INCOMPARABLE),
        ({"through": "start"}, {}, V.UPHELD),
    ],
)
def test_running_is_judged_from_the_outcome_of_the_stack(fields, outcome, verdict):
    found = judge(runs_claim(**fields), run(stacks={"a": stack(**outcome)}, trials={}))
    assert found.verdict == verdict, found.why


def test_a_service_that_does_not_start_refutes():
    on = run(started={"a": started("the port is taken")})
    found = judge(runs_claim(through="start"), on)
    assert found.verdict == V.REFUTED
    assert "the port is taken" in found.why
    assert judge(runs_claim(through="start"), run(started={})).verdict == V.REFUTED


def test_without_a_record_of_the_stack_nothing_was_run():
    assert judge(runs_claim(), run(stacks={})).verdict == V.NOT_RUN


@pytest.mark.parametrize(
    ("changes", "artifacts", "strength"),
    [
        ({}, None, Strength.REPLICATED),
        ({"dirty": True}, None, Strength.NONE),
        ({"dirty": None}, None, Strength.NONE),
        ({}, {"plan_sha256": "5a" * 32, "tool_commit": "c" * 40}, Strength.REPRODUCED),
        ({}, {"plan_sha256": "5b" * 32, "tool_commit": "c" * 40}, Strength.REPLICATED),
        (
            {},
            {"plan_sha256": "5a" * 32, "tool_commit": "c" * 40, "host": "7" * 64},
            Strength.REPEATED,
        ),
    ],
)
def test_strength_comes_from_digests(changes, artifacts, strength):
    source = ledger().sources["page"].model_dump()
    found = judge(claim(), run(**changes), sources={"page": source | {"artifacts": artifacts}})
    assert found.strength == strength


def test_a_trial_without_the_figure_leaves_nothing_to_judge():
    on = run()
    unread = {block: replace(each, rss_bytes={}) for block, each in on.trials[PLACE_A].items()}
    on = replace(on, trials={**on.trials, PLACE_A: unread})
    assert judge(claim(metric="rss"), on).verdict == V.NOT_RUN


@pytest.mark.parametrize(
    ("changes", "equal"), [({}, True), ({"blocks": 9}, False), ({"sd": 0.1}, False)]
)
def test_an_order_without_a_verdict_says_whether_the_two_are_equal(changes, equal):
    found = judge(claim("ordering"), run(**{"means": (1000.0, 1000.0), "sd": 0.01} | changes))
    assert found.verdict == V.INCONCLUSIVE
    assert ("; the two are equal within 5.0 %, by the 90 % interval" in found.why) == equal
