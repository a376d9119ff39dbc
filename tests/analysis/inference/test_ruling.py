from __future__ import annotations

import itertools
import math
from copy import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.inference import Control, Estimate, Interval, Reason, margin_band
from analysis.inference.nullarm import HalfWidth, Lack, Undefined, Widened
from analysis.inference.ruling import RulingVerdict, rule, rule_runs, same_without_disturbed
from analysis.inference.runs import Combined

MARGIN = 0.03
BAND = margin_band(MARGIN)
MIRROR = {
    RulingVerdict.FASTER: RulingVerdict.SLOWER,
    RulingVerdict.SLOWER: RulingVerdict.FASTER,
}
PASSED = Control("positive", True, Interval(1.03, 1.09), None, "found")  # noqa: FBT003 - a record
MISSED = replace(PASSED, passed=False, what="not found")


def estimate(mean, half95, half90=None, *, method="paired t"):
    half90 = 0.8 * half95 if half90 is None else half90
    ends = [Interval(math.exp(mean - half), math.exp(mean + half)) for half in (half95, half90)]
    return Estimate(method, math.exp(mean), *ends, None)


def measured(mean, half95, half90=None, *, blocks=10, excess=0.0):
    half = HalfWidth(half95 / 2, blocks, 0.0, excess)
    return Widened(estimate(mean, half95, half90), mean, 0.05, half, 0.0)


def judge(found, *, better="higher", **circumstances):
    return rule(found, margin=MARGIN, better=better, **circumstances)


def codes(ruling):
    return [reason.code for reason in ruling.reasons]


# (mean, half-width of the 95 % interval) and the verdict with ten blocks; ln 1.03 = .02956.
PLACES = {
    (0.10, 0.01): (RulingVerdict.FASTER, True),
    (0.03, 0.02): (RulingVerdict.FASTER, False),
    (-0.10, 0.01): (RulingVerdict.SLOWER, True),
    (-0.03, 0.02): (RulingVerdict.SLOWER, False),
    (0.015, 0.010): (RulingVerdict.NEGLIGIBLE, None),
    (-0.015, 0.010): (RulingVerdict.NEGLIGIBLE, None),
    (0.005, 0.020): (RulingVerdict.EQUIVALENT, None),
    (0.01, 0.05): (RulingVerdict.INCONCLUSIVE, None),
}


@pytest.mark.parametrize(("place", "expected"), PLACES.items())
def test_the_places_of_the_intervals_decide(place, expected):
    ruling = judge(measured(*place))
    assert (ruling.verdict, ruling.size_resolved) == expected
    mirrored = judge(measured(*place), better="lower")
    assert mirrored.verdict is MIRROR.get(expected[0], expected[0])
    assert ("size-unresolved" in codes(ruling)) == (expected[1] is False)


@pytest.mark.parametrize("blocks", [6, 9])
@pytest.mark.parametrize("place", PLACES)
def test_with_six_to_nine_blocks_only_a_direction_is_told(place, blocks):
    expected, resolved = PLACES[place]
    if expected is RulingVerdict.NEGLIGIBLE:
        expected = RulingVerdict.FASTER if place[0] > 0 else RulingVerdict.SLOWER
        resolved = False
    if expected is RulingVerdict.EQUIVALENT:
        expected = RulingVerdict.INCONCLUSIVE
    ruling = judge(measured(*place, blocks=blocks))
    assert (ruling.verdict, ruling.size_resolved) == (expected, resolved)


def test_the_table_is_read_from_the_top():
    fatal = ((), (Reason("gate", "swap was used"),))
    for place, blocks, excess, positive, gates, stopped in itertools.product(
        PLACES, (2, 5, 6, 10), (0.0, 0.029, 0.030), (None, PASSED, MISSED), fatal, (False, True)
    ):
        only = [Reason("aborted", "cut short")] if stopped else []
        ruling = judge(
            measured(*place, blocks=blocks, excess=excess),
            positive=positive,
            fatal=gates,
            only_estimate=only,
        )
        if gates or excess == 0.030 or (positive is MISSED and blocks >= 6):
            assert ruling.verdict is RulingVerdict.VOID
        elif stopped or blocks < 6:
            assert ruling.verdict is RulingVerdict.ESTIMATE
        else:
            assert ruling == judge(measured(*place, blocks=blocks))
        assert ruling.reasons


def test_a_void_comparison_names_everything_that_is_wrong():
    found = measured(0.1, 0.01, excess=0.05)
    ruling = judge(found, positive=MISSED, fatal=[Reason("gate", "swap was used")])
    assert codes(ruling) == ["gate", "deployments-differ", "positive-control"]
    assert ruling.reasons[1].what == (
        "A and A' differ by 5.1 % more than chance explains; at most 3.0 % is allowed"
    )


@pytest.mark.parametrize("lack", Lack)
def test_without_an_interval_nothing_is_called(lack):
    ruling = judge(Undefined(lack, "why", 10))
    broken = lack in {Lack.NOT_FINITE, Lack.NOT_POSITIVE}
    assert ruling.verdict is (RulingVerdict.VOID if broken else RulingVerdict.ESTIMATE)
    assert ruling.reasons == (Reason(lack, "why"),)


def test_a_missed_positive_control_voids_without_a_null_arm_as_well():
    lacking = Undefined(Lack.NO_NULL_ARM, "no second deployment of the baseline was measured", 10)
    assert judge(lacking, positive=MISSED).verdict is RulingVerdict.VOID
    assert judge(replace(lacking, blocks=5), positive=MISSED).verdict is RulingVerdict.ESTIMATE


@pytest.mark.parametrize(
    ("check", "opposes"),
    [
        (estimate(-0.01, 0.05), True),  # its ratio lies below 1
        (replace(estimate(0.01, 0.05), ci95=Interval(0.90, 0.99)), True),  # so does its interval
        (estimate(0.01, 0.05), False),  # it finds no difference
        (estimate(0.01, 0.05, method="x"), False),
        (Estimate("bare", 1.1, None, None, None), False),
        (Estimate("bare", 0.9, None, None, None), True),
    ],
)
@pytest.mark.parametrize("place", [(0.10, 0.01), (0.015, 0.010)])
def test_only_an_opposite_direction_of_another_method_counts(place, check, opposes):
    ruling = judge(measured(*place), checks=[estimate(0.1, 0.01), check])
    assert (ruling.verdict is RulingVerdict.INCONCLUSIVE) == opposes
    assert ("methods-oppose" in codes(ruling)) == opposes
    # Where nothing is called different, there is no direction to oppose.
    assert judge(measured(0.005, 0.020), checks=[check]).verdict is RulingVerdict.EQUIVALENT


def test_what_does_not_survive_its_family_counts_as_no_difference():
    assert judge(measured(0.10, 0.01), family_p=0.06).verdict is RulingVerdict.INCONCLUSIVE
    ruling = judge(measured(0.015, 0.010), family_p=0.06)
    assert ruling.verdict is RulingVerdict.EQUIVALENT
    assert "family" in codes(ruling)
    assert judge(measured(0.10, 0.01), family_p=0.05).verdict is RulingVerdict.FASTER


def test_an_inconclusive_run_says_what_it_could_have_found():
    ruling = judge(measured(0.01, 0.05))
    # s_d = 5 %, ten blocks, beta .5 %: findable_effect says 6.3 %.
    assert codes(ruling) == ["undecided", "detectable"]
    assert ruling.reasons[1].what == "10 blocks of this noise find 6.3 % nine times in ten"


PLACE = st.tuples(st.floats(-0.1, 0.1), st.floats(0.001, 0.1))


@given(PLACE, st.integers(2, 40), st.sampled_from([0.0, 0.02, 0.05]))
def test_swapping_the_subjects_swaps_faster_and_slower(place, blocks, excess):
    mean, half = place
    forth = judge(measured(mean, half, blocks=blocks, excess=excess))
    back = judge(measured(-mean, half, blocks=blocks, excess=excess))
    assert back.verdict is MIRROR.get(forth.verdict, forth.verdict)
    assert back.size_resolved == forth.size_resolved


@given(PLACE)
def test_several_runs_are_read_like_one(place):
    together = Combined(estimate(*place), 0.01, 0.5, 20)
    alone = judge(measured(*place, blocks=20))
    ruling = rule_runs(together, margin=MARGIN, better="higher")
    assert (ruling.verdict, ruling.size_resolved) == (alone.verdict, alone.size_resolved)


def test_runs_that_disagree_decide_nothing():
    ruling = rule_runs(
        Combined(estimate(0.1, 0.01), 0.01, 0.049, 20), margin=MARGIN, better="higher"
    )
    assert ruling.verdict is RulingVerdict.INCONCLUSIVE
    assert ruling.reasons == (
        Reason("runs-disagree", "the runs disagree by more than chance: Cochran's p is 0.049"),
    )


def test_disturbed_rounds_must_not_decide():
    faster, equivalent = judge(measured(0.1, 0.01)), judge(measured(0.005, 0.02))
    assert same_without_disturbed(faster, judge(measured(0.09, 0.02))) is faster
    ruling = same_without_disturbed(faster, equivalent)
    assert ruling.verdict is RulingVerdict.INCONCLUSIVE
    assert ruling.reasons[0].what == ("all rounds: FASTER, without disturbed rounds: EQUIVALENT")


def test_every_verdict_occurs_in_these_tests():
    occurring = {verdict for verdict, _ in PLACES.values()}
    assert occurring | {RulingVerdict.VOID, RulingVerdict.ESTIMATE} == set(RulingVerdict)


@pytest.mark.parametrize("margin", [0.0, -0.03])
def test_a_margin_is_positive(margin):
    with pytest.raises(ValueError, match="a margin is positive"):
        rule(measured(0.1, 0.01), margin=margin, better="higher")
