"""Bounds and ranges of ratios, rankings, and what the slowest requests of a window decide."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from string import ascii_lowercase

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from analysis.claims import (
    ClaimVerdict,
    describe,
    judge_claim,
    judgement,
    lint,
    outcomes,
    verdicts,
)
from analysis.claims.lint import PlanParts
from analysis.claims.ranking import ranked
from analysis.claims.verdict import band_of
from bundle import typed
from bundle.documents.results import Estimate, Interval
from bundle.documents.verdicts import ClaimJudgement, Measured, Strength
from ormlab.cli.claims_text import judgement_text, verdicts_text
from ormlab.judging.verdicts import store
from tests.claims.making import PLACE_A, PLACE_B, claim, figures, ledger, run, subject, with_cell

V = ClaimVerdict
SHA256 = "ab" * 32
THREE = {"subjects": {name: {"what": name} for name in "abc"}}


def judge(made, on, **parts):
    return judge_claim("c", ledger(claims={"c": made}, **parts), on, [])


AT_LEAST = claim("bound", subjects=["a", "b"], value=1.3, precision=0.01, tolerance=...)
AT_MOST = AT_LEAST | {"bound": "at-most"}
RANGE = claim("range", subjects=["a", "b"], low=2, high=4, precision=0.1, tolerance=...)
RANKING = claim("ranking")


@pytest.mark.parametrize(
    ("made", "ratio", "verdict", "side"),
    [
        (AT_LEAST, 1.40, V.UPHELD, None),
        (AT_LEAST, 1.31, V.INCONCLUSIVE, None),
        (AT_LEAST, 1.20, V.REFUTED, "below"),
        (AT_MOST, 1.20, V.UPHELD, None),
        (AT_MOST, 1.40, V.REFUTED, "above"),
        (RANGE, 3.0, V.UPHELD, None),
        (RANGE, 1.95, V.INCONCLUSIVE, None),
        (RANGE, 1.5, V.REFUTED, "below"),
        (RANGE, 5.0, V.REFUTED, "above"),
    ],
)
def test_a_ratio_may_be_bounded_on_one_side_or_on_both(made, ratio, verdict, side):
    found = judge(made, run((ratio * 1000, 1000)))
    assert (found.verdict, found.side) == (verdict, side)
    assert found.measured.value == pytest.approx(ratio, rel=0.02)


@pytest.mark.parametrize(
    ("changes", "on", "verdict"),
    [
        ({}, run((3000, 1000), null=None), V.INCONCLUSIVE),  # a ratio needs a null arm
        ({}, run((3000, 1000), null=1.2), V.INVALID_RUN),
        ({}, run((3000, 1000), blocks=9), V.INCONCLUSIVE),  # two ends need ten blocks
        ({}, run((5000, 1000), blocks=9), V.REFUTED),
        ({}, run((3000, 1000), tier="degraded", virtual=True), V.INCOMPARABLE),  # a size
        ({"conditions": [], "portability": "any"}, run((3000, 1000), tier="degraded"), V.UPHELD),
    ],
)
def test_a_range_of_a_ratio_is_judged_as_a_ratio_is(changes, on, verdict):
    assert judge(RANGE | changes, on).verdict == verdict


def test_a_range_of_one_subject_is_one_of_its_figure():
    made = claim("range", low=900, high=1100, precision=10, tolerance=...)
    assert judge(made, run((1000, 800))).verdict == V.UPHELD
    assert judge(made, run((1200, 800))).side == "above"
    assert judge(made, run((1000, 800), null=None)).verdict == V.UPHELD


@pytest.mark.parametrize(
    ("tolerance", "low", "high"),
    [(..., 1.95, 4.05), ({"relative": 0.05, "reason": "r"}, 1.95 / 1.05, 4.05 * 1.05)],
)
def test_the_band_of_a_range_reaches_from_end_to_end(tolerance, low, high):
    made = claim("range", subjects=["a", "b"], low=2, high=4, precision=0.1, tolerance=tolerance)
    band = band_of(ledger(claims={"c": made}).claims["c"])
    assert (band.low, band.high) == pytest.approx((low, high))


def test_a_bound_of_a_ratio_needs_no_tolerance_and_may_hold_on_any_host():
    plans = {"small": PlanParts(frozenset("ab"), frozenset({"read-one"}), frozenset({"wrk"}))}
    for made in (AT_LEAST, RANGE):
        book = ledger(claims={"tput.a": made | {"portability": "any"}})
        assert lint(book, plans) == []
    alone = claim("bound", portability="any")
    (problem,) = lint(ledger(claims={"tput.a": alone}), plans)
    assert problem.code == "absolute-anywhere"


@pytest.mark.parametrize(
    ("top", "fits"), [(3000, True), (4050, True), (4200, False), (1500, False)]
)
def test_a_check_holds_a_range_against_the_figures_that_it_is_of(top, fits):
    def number(value):
        return {"value": value, "precision": 1, "status": "stated", "note": "n"}

    check = {"kind": "same_ratio", "says": "s", "ratio": "c", "convicts": ["c"]}
    check |= {"numerator": number(top), "denominator": number(1000)}
    # 2 to 4 with one digit behind the point may stand for 1.9 to 4.1.
    (found,) = outcomes(ledger(claims={"c": RANGE}, checks={"k": check}))
    assert bool(found.convicts) != fits


@pytest.mark.parametrize("ends", [{"low": 4, "high": 2}, {"low": 2, "high": 2}])
def test_a_range_has_two_ends(ends):
    with pytest.raises(ValidationError, match="holds nothing"):
        ledger(claims={"c": RANGE | ends})


def test_what_is_claimed_is_said_in_one_line():
    made = {
        "at-least": AT_LEAST,
        "range": RANGE,
        "one": claim("range", low=900, high=1100),
        "ranking": RANKING,
    }
    book = ledger(claims=made, **THREE)
    said = {name: describe(name, each).published for name, each in book.claims.items()}
    assert {name: said[name] for name in made} == {
        "at-least": "throughput: a / b at least 1.3",
        "range": "throughput: a / b = 2 to 4",
        "one": "throughput 900 to 1100 req/s",
        "ranking": "throughput: a above b above c",
    }


def several(*means, **changes):
    """A run of subjects with these mean throughputs, a, b and so on; b has a null arm."""
    on = run(means[:2], **changes)
    plan = on.resolved.plan
    names = ascii_lowercase[2 : len(means)]
    later = {
        replace(PLACE_A, subject=name): run((mean, means[1]), seed=seed, **changes).trials[PLACE_A]
        for seed, (name, mean) in enumerate(zip(names, means[2:], strict=True), start=2)
    }
    subjects = {**plan.subjects, **dict.fromkeys(names, plan.subjects["a"])}
    made = plan.model_copy(update={"subjects": subjects})
    return replace(
        on,
        resolved=on.resolved.model_copy(update={"plan": made}),
        trials={**on.trials, **later},
        stacks={**on.stacks, **dict.fromkeys(names, on.stacks["a"])},
    )


@pytest.mark.parametrize(
    ("means", "verdict", "pairs"),
    [
        ((1200, 1000, 800), V.UPHELD, [V.UPHELD, V.UPHELD]),
        ((1200, 1000, 1000), V.INCONCLUSIVE, [V.UPHELD, V.INCONCLUSIVE]),
        ((1200, 800, 1000), V.REFUTED, [V.UPHELD, V.REFUTED]),
        ((800, 1000, 1200), V.REFUTED, [V.REFUTED, V.REFUTED]),
        ((1000, 1000, 1200), V.REFUTED, [V.INCONCLUSIVE, V.REFUTED]),
    ],
)
def test_a_ranking_holds_if_every_two_neighbours_are_in_its_order(means, verdict, pairs):
    found = judge(RANKING, several(*means), **THREE)
    assert (found.verdict, found.side) == (verdict, "below" if verdict == V.REFUTED else None)
    assert [each.verdict for each in found.pairs] == pairs
    assert [(each.above, each.below) for each in found.pairs] == [("a", "b"), ("b", "c")]
    assert (found.measured, found.band) == (None, None)
    ratios = [means[0] / means[1], means[1] / means[2]]
    assert [each.measured.value for each in found.pairs] == pytest.approx(ratios, rel=0.02)
    assert found.strength == Strength.REPLICATED


@pytest.mark.parametrize(
    ("on", "verdict"),
    [
        (several(1200, 1000, 800, blocks=4), V.INCONCLUSIVE),
        (several(1200, 1000, 800, null=None), V.INCONCLUSIVE),
        (run((1200, 1000)), V.NOT_RUN),  # nobody measured the third
        (several(1200, 1000, 800, null=1.2), V.INVALID_RUN),
        (several(1200, 1000, 800, plan="other"), V.NOT_RUN),
        (several(1200, 1000, 800, tier="degraded", virtual=True), V.UPHELD),
        (None, V.NOT_RUN),
    ],
)
def test_a_ranking_ends_in_the_first_row_that_a_pair_ends_in(on, verdict):
    made = RANKING | {"conditions": []}
    assert judge(made, on, **THREE).verdict == verdict


LONG = {"subjects": {name: {"what": name} for name in "abcde"}}
LONG_RANKING = claim("ranking", subjects=list("abcde"))


@pytest.mark.parametrize(
    ("means", "verdict", "last"),
    [
        ((1600, 1400, 1200, 1000, 800), V.UPHELD, V.UPHELD),
        ((1600, 1400, 1200, 1000, 1000), V.INCONCLUSIVE, V.INCONCLUSIVE),
        ((1600, 1400, 1200, 800, 1000), V.REFUTED, V.REFUTED),
    ],
)
def test_pairs_far_from_the_null_arm_are_judged_by_it_too(means, verdict, last):
    found = judge(LONG_RANKING, several(*means), **LONG)
    assert found.verdict == verdict
    assert [each.verdict for each in found.pairs] == [*[V.UPHELD] * 3, last]
    assert "no second deployment of a subject was measured" in found.weaknesses
    own, lent = found.pairs[1].measured, found.pairs[3].measured
    assert (own.excess, own.blocks) == (lent.excess, lent.blocks)


def test_an_order_by_itself_borrows_no_null_arm():
    made = claim("ordering", subjects=["d", "e"])
    found = judge(made, several(1600, 1400, 1200, 1000, 800), **LONG)
    assert found.verdict == V.INCONCLUSIVE
    assert found.why == "no second deployment of the baseline was measured"


@pytest.mark.parametrize(
    ("null", "verdict"), [(None, V.INCONCLUSIVE), (1.2, V.INVALID_RUN), (1.03, V.INCONCLUSIVE)]
)
def test_a_lent_null_arm_widens_and_voids_as_an_own_one_does(null, verdict):
    """Neighbours that differ by 2 %: not more than two deployments of one service did."""
    on = several(1600, 1400, 1200, 1000, 980, sd=0.001, null=null)
    assert judge(LONG_RANKING, on, **LONG).verdict == verdict
    alike = replace(on, trials=evened(on.trials))
    assert judge(LONG_RANKING, alike, **LONG).verdict == V.UPHELD


def evened(trials):
    """The same trials with a null arm that is as its subject, within 0.1 %."""
    null = several(1600, 1400, sd=0.001).trials[replace(PLACE_B, subject="b-null")]
    return trials | {replace(PLACE_B, subject="b-null"): null}


def test_a_claim_that_cannot_be_tested_needs_no_pairs():
    found = judge(claim("ranking", untestable="no", test=...), None)
    assert (found.verdict, found.why, found.pairs) == (V.UNTESTABLE, "no", ())


def pair(verdict, p):
    """The verdict on two neighbours whose figure has this p; None for a count."""
    interval = Interval(0.9, 1.1)
    measured = Measured(
        value=1.0,
        ci95=interval,
        ci90=interval,
        blocks=12,
        estimates=(Estimate("t", 1.0, interval, interval, p),),
        error=None,
        excess=None,
        detectable=None,
    )
    return ClaimJudgement(
        verdict=verdict,
        side="below" if verdict == V.REFUTED else None,
        why="w",
        band=None,
        measured=measured,
        strength=Strength.REPLICATED,
        weaknesses=(),
    )


def of_pairs(*pairs):
    names = [f"s{number}" for number in range(len(pairs) + 1)]
    made = claim("ranking", subjects=names)
    book = ledger(claims={"c": made}, subjects={name: {"what": name} for name in names})
    return ranked(book.claims["c"], pairs)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_the_more_pairs_there_are_the_surer_one_must_be_to_refute(count):
    others = [pair(V.UPHELD, 0.001)] * (count - 1)
    assert of_pairs(*others, pair(V.REFUTED, 0.049 / count)).verdict == V.REFUTED
    found = of_pairs(*others, pair(V.REFUTED, 0.051 / count))
    assert found.verdict == V.INCONCLUSIVE
    assert found.why.endswith(f"and one of {count} pairs may be so by chance")
    assert of_pairs(*others, pair(V.REFUTED, None)).verdict == V.REFUTED


@given(st.lists(st.sampled_from([V.UPHELD, V.INCONCLUSIVE, V.REFUTED]), min_size=2, max_size=6))
def test_no_ranking_is_upheld_beside_a_pair_that_is_not(kinds):
    found = of_pairs(*(pair(each, 0.04) for each in kinds))
    assert (found.verdict == V.UPHELD) == (set(kinds) == {V.UPHELD})
    assert found.verdict != V.REFUTED  # 0.04 is too much for two pairs and more


def test_counts_are_ranked_without_blocks():
    made = claim("ranking", metric="statements")
    on = several(1, 1, 1, blocks=1)
    for last, verdict in ((1.0, V.UPHELD), (3.0, V.REFUTED), (2.0, V.REFUTED)):
        told = {"a": 101.0, "b": 2.0, "c": last}
        counted = with_cell(on, subjects={n: subject(statements=v) for n, v in told.items()})
        assert judge(made, counted, **THREE).verdict == verdict


def test_a_ranking_names_each_subject_once_and_three_at_least():
    for subjects in (["a", "b"], ["a", "b", "a"]):
        with pytest.raises(ValidationError):
            ledger(claims={"c": RANKING | {"subjects": subjects}})


def test_a_ranking_is_told_pair_by_pair_in_every_document(tmp_path):
    on = several(1200, 1000, 800)
    arms = {"b": {"subject": "c"}, "c": {"subject": "b"}}
    variant = {"swapped": {"assumes": "b and c change places", "arms": arms}}
    made = RANKING | {"test": RANKING["test"] | {"variants": variant}}
    book = ledger(claims={"c": made}, **THREE)
    one, many = verdicts(book, SHA256, on), judgement(book, SHA256, [on])
    (claim_,) = [each for each in one.claims if each.id == "c"]
    assert claim_.judgement.pairs == claim_.pairs
    assert len(claim_.pairs) == 2
    file = store(many, tmp_path)
    assert typed.read(tmp_path, type(many), file.name) == many
    for text in (verdicts_text(one, Path("b")), judgement_text(many, file)):
        assert re.search(r"a / b\s+1\.", text)
        assert "c if b and c change places: refuted, below, measured a / b 1" in text


def test_two_runs_of_which_one_upholds_a_ranking_and_one_refutes_it_leave_it_open():
    book = ledger(claims={"c": RANKING}, **THREE)
    runs = [several(1200, 1000, 800), replace(several(1200, 800, 1000), seal="8" * 64)]
    (found,) = judgement(book, SHA256, runs, only=["c"]).claims
    assert [each.verdict for each in found.standing] == [V.UPHELD, V.REFUTED]
    assert found.together == ()
    assert judgement(book, SHA256, runs, only=["c"]).counts[V.INCONCLUSIVE] == 1


def test_several_runs_of_a_bounded_ratio_decide_together():
    book = ledger(claims={"c": RANGE})
    runs = [run((3000, 1000), seed=n, seal=str(n) * 64) for n in (1, 2)]
    (found,) = judgement(book, SHA256, runs, only=["c"]).claims
    (together,) = found.together
    assert together.verdict == V.UPHELD


def slow(*, longest, deviation, **changes):
    made = replace(figures(1000.0), longest_ms=longest, deviation_ms=deviation, **changes)
    return dict.fromkeys(range(1, 13), made)


@pytest.mark.parametrize(("metric", "value"), [("latency_max", 210.0), ("latency_stdev", 12.5)])
def test_the_longest_latency_and_the_deviation_are_figures(metric, value):
    made = claim(metric=metric, value=value, precision=0.1)
    trials = slow(longest=210.0, deviation=12.5)
    assert judge(made, run(trials={PLACE_A: trials})).verdict == V.UPHELD
    assert judge(made | {"value": value / 2}, run(trials={PLACE_A: trials})).side == "above"


@pytest.mark.parametrize("metric", ["latency_max", "latency_stdev"])
def test_the_slowest_requests_are_unknown_where_a_closed_loop_switches(metric):
    made = claim("ordering", metric=metric)
    cut = slow(longest=210.0, deviation=12.5, slice_s=0.25)
    on = run(trials={PLACE_A: cut, PLACE_B: cut, replace(PLACE_B, subject="b-null"): cut})
    assert judge(made, on).verdict == V.NOT_RUN
    # In turns of an open loop every answer is awaited.
    awaited = slow(longest=210.0, deviation=12.5, slice_s=1.0, littles_ratio=None)
    found = judge(claim(metric=metric, value=1.0, precision=0.1), run(trials={PLACE_A: awaited}))
    assert found.verdict == V.REFUTED
