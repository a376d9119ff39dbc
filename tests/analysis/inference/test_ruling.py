from __future__ import annotations

import itertools
import math
from copy import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.inference import Control, Estimate, Interval, Reason, Verdict, margin_band
from analysis.inference.nullarm import HalfWidth, Lack, Undefined, Widened
from analysis.inference.ruling import rule, same_without_disturbed, unjudged

MARGIN = 0.03
BAND = margin_band(MARGIN)
MIRROR = {
    Verdict.FASTER: Verdict.SLOWER,
    Verdict.SLOWER: Verdict.FASTER,
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
    (0.10, 0.01): (Verdict.FASTER, True),
    (0.03, 0.02): (Verdict.FASTER, False),
    (-0.10, 0.01): (Verdict.SLOWER, True),
    (-0.03, 0.02): (Verdict.SLOWER, False),
    (0.015, 0.010): (Verdict.NEGLIGIBLE, None),
    (-0.015, 0.010): (Verdict.NEGLIGIBLE, None),
    (0.005, 0.020): (Verdict.EQUIVALENT, None),
    (0.01, 0.05): (Verdict.INCONCLUSIVE, None),
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
    if expected is Verdict.NEGLIGIBLE:
        expected = Verdict.FASTER if place[0] > 0 else Verdict.SLOWER
        resolved = False
    if expected is Verdict.EQUIVALENT:
        expected = Verdict.INCONCLUSIVE
    ruling = judge(measured(*place, blocks=blocks))
    assert (ruling.verdict, ruling.size_resolved) == (expected, resolved)


def above(value):
    return math.nextafter(value, math.inf)


def below(value):
    return math.nextafter(value, -math.inf)


WIDE = Interval(BAND.low / 2, BAND.high * 2)


@pytest.mark.parametrize(
    ("ci95", "ci90", "verdict", "resolved"),
    [
        # An interval that ends at 1 includes it.
        (Interval(1.0, 1.2), Interval(1.01, 1.2), Verdict.INCONCLUSIVE, None),
        (Interval(above(1.0), 1.2), Interval(1.01, 1.2), Verdict.FASTER, False),
        (Interval(0.8, 1.0), Interval(0.8, 0.99), Verdict.INCONCLUSIVE, None),
        (Interval(0.8, below(1.0)), Interval(0.8, 0.99), Verdict.SLOWER, False),
        # An interval that touches the margin is not inside it.
        (WIDE, Interval(above(BAND.low), below(BAND.high)), Verdict.EQUIVALENT, None),
        (WIDE, Interval(BAND.low, 1.0), Verdict.INCONCLUSIVE, None),
        (WIDE, Interval(1.0, BAND.high), Verdict.INCONCLUSIVE, None),
        (Interval(1.01, 1.2), Interval(1.011, below(BAND.high)), Verdict.NEGLIGIBLE, None),
        (Interval(1.01, 1.2), Interval(1.011, BAND.high), Verdict.FASTER, False),
        # Nor is it beyond it.
        (Interval(BAND.high, 1.2), Interval(1.1, 1.2), Verdict.FASTER, False),
        (Interval(above(BAND.high), 1.2), Interval(1.1, 1.2), Verdict.FASTER, True),
        (Interval(0.8, BAND.low), Interval(0.8, 0.9), Verdict.SLOWER, False),
        (Interval(0.8, below(BAND.low)), Interval(0.8, 0.9), Verdict.SLOWER, True),
    ],
)
def test_the_boundaries(ci95, ci90, verdict, resolved):
    ratio = math.sqrt(ci95.low * ci95.high)
    found = replace(measured(0.0, 0.01), estimate=Estimate("t", ratio, ci95, ci90, None))
    ruling = judge(found)
    assert (ruling.verdict, ruling.size_resolved) == (verdict, resolved)


@pytest.mark.parametrize(
    ("profile", "stopped", "why"),
    [
        ("smoke", False, ["smoke"]),
        ("smoke", True, ["aborted", "smoke"]),
        ("vm", True, ["aborted"]),
        ("bare-metal", False, []),
    ],
)
def test_a_run_that_is_no_full_run_gives_estimates(profile, stopped, why):
    assert [reason.code for reason in unjudged(profile, stopped=stopped)] == why


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
            assert ruling.verdict is Verdict.VOID
        elif stopped or blocks < 6:
            assert ruling.verdict is Verdict.ESTIMATE
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
    assert ruling.verdict is (Verdict.VOID if broken else Verdict.ESTIMATE)
    assert ruling.reasons == (Reason(lack, "why"),)


def test_a_missed_positive_control_voids_without_a_null_arm_as_well():
    lacking = Undefined(Lack.NO_NULL_ARM, "no second deployment of the baseline was measured", 10)
    assert judge(lacking, positive=MISSED).verdict is Verdict.VOID
    assert judge(replace(lacking, blocks=5), positive=MISSED).verdict is Verdict.ESTIMATE


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
    assert (ruling.verdict is Verdict.INCONCLUSIVE) == opposes
    assert ("methods-oppose" in codes(ruling)) == opposes
    # Where nothing is called different, there is no direction to oppose.
    assert judge(measured(0.005, 0.020), checks=[check]).verdict is Verdict.EQUIVALENT


def test_what_does_not_survive_its_family_counts_as_no_difference():
    assert judge(measured(0.10, 0.01), family_p=0.06).verdict is Verdict.INCONCLUSIVE
    ruling = judge(measured(0.015, 0.010), family_p=0.06)
    assert ruling.verdict is Verdict.EQUIVALENT
    assert codes(ruling) == ["family", "inside-margin"]
    # Where the interval alone shows none, the family takes nothing away.
    assert "family" not in codes(judge(measured(0.005, 0.020), family_p=0.9))
    assert judge(measured(0.10, 0.01), family_p=0.05).verdict is Verdict.FASTER


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


def test_disturbed_rounds_must_not_decide():
    faster, equivalent = judge(measured(0.1, 0.01)), judge(measured(0.005, 0.02))
    assert same_without_disturbed(faster, judge(measured(0.09, 0.02))) is faster
    ruling = same_without_disturbed(faster, equivalent)
    assert ruling.verdict is Verdict.INCONCLUSIVE
    assert ruling.reasons[0].what == ("all rounds: FASTER, without disturbed rounds: EQUIVALENT")


def test_every_verdict_occurs_in_these_tests():
    occurring = {verdict for verdict, _ in PLACES.values()}
    assert occurring | {Verdict.VOID, Verdict.ESTIMATE} == set(Verdict)


@pytest.mark.parametrize("margin", [0.0, -0.03])
def test_a_margin_is_positive(margin):
    with pytest.raises(ValueError, match="a margin is positive"):
        rule(measured(0.1, 0.01), margin=margin, better="higher")
