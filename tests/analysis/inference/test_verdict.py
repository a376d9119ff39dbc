from __future__ import annotations

import itertools
import math
from copy import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.inference import (
    Control,
    Estimate,
    Estimates,
    Evidence,
    Interval,
    Reason,
    Verdict,
    judge_comparison,
    margin_band,
)

MARGIN = 0.03
BAND = margin_band(MARGIN)
REACH = math.log(1 + MARGIN)
HALF, DOUBLE, FAR = REACH / 2, 2 * REACH, 4 * REACH

PASSED = Control("null", passed=True, band=BAND, estimate=None, what="equal")
FAILED = replace(PASSED, passed=False, what="not equal")
FOUND = replace(PASSED, name="positive")
LEFT_OUT = Reason("littles-law", "half of the waiting is missing")
MISSED = replace(FOUND, passed=False, what="not found")


def seen(low95, low90, high90, high95, method="paired t"):
    """What one method saw, its ends as log-ratios."""
    ends = [math.exp(end) for end in (low95, low90, high90, high95)]
    return Estimate(method, 1.0, Interval(ends[0], ends[3]), Interval(ends[1], ends[2]), None)


def evidence(*estimates, blocks=20, null=PASSED):
    """What a session gave; one estimate stands for all three methods."""
    t, bootstrap, ranks = estimates if len(estimates) > 1 else estimates * 3
    return Evidence(
        margin=MARGIN,
        blocks=blocks,
        dropped=(),
        estimates=Estimates(
            t,
            replace(bootstrap, method="studentised bootstrap"),
            replace(ranks, method="Wilcoxon signed rank"),
        ),
        sd=0.03,
        equivalence_p=0.5,
        detectable=0.024,
        needed=34,
        null=null,
    )


def judge(found, better="higher", profile="bare-metal", **rest):
    return judge_comparison(found, better=better, profile=profile, **rest)


def codes(judgement):
    return [reason.code for reason in judgement.reasons]


CLEARLY_FASTER = seen(DOUBLE, DOUBLE, FAR, FAR)
UNDECIDED = seen(-FAR, -FAR, FAR, FAR)

# Where the intervals lie, and the verdict of a metric of which more is better.
PLACES = [
    pytest.param(
        seen(-HALF, -HALF, HALF, HALF), Verdict.EQUIVALENT, None, ["inside-margin"], id="around 1"
    ),
    pytest.param(
        seen(-FAR, -HALF, HALF, FAR), Verdict.EQUIVALENT, None, ["inside-margin"], id="90 % decides"
    ),
    pytest.param(
        seen(HALF / 4, HALF / 3, HALF, HALF), Verdict.NEGLIGIBLE, None, ["below-margin"], id="small"
    ),
    pytest.param(
        seen(-HALF, -HALF, -HALF / 2, -HALF / 4),
        Verdict.NEGLIGIBLE,
        None,
        ["below-margin"],
        id="small loss",
    ),
    pytest.param(
        seen(HALF / 4, HALF / 3, HALF, DOUBLE),
        Verdict.NEGLIGIBLE,
        None,
        ["below-margin"],
        id="small though the 95 % interval leaves the margin",
    ),
    pytest.param(CLEARLY_FASTER, Verdict.FASTER, True, ["excludes-one"], id="beyond"),
    pytest.param(
        seen(-FAR, -FAR, -DOUBLE, -DOUBLE), Verdict.SLOWER, True, ["excludes-one"], id="below"
    ),
    pytest.param(
        seen(HALF, HALF, DOUBLE, DOUBLE),
        Verdict.FASTER,
        False,
        ["excludes-one", "size-unresolved"],
        id="across the margin",
    ),
    pytest.param(
        seen(-DOUBLE, -DOUBLE, -HALF, -HALF),
        Verdict.SLOWER,
        False,
        ["excludes-one", "size-unresolved"],
        id="across the lower margin",
    ),
    pytest.param(UNDECIDED, Verdict.INCONCLUSIVE_MDE, None, ["undecided"], id="wide"),
    pytest.param(
        seen(-HALF, HALF / 2, DOUBLE, FAR), Verdict.INCONCLUSIVE_MDE, None, ["undecided"], id="near"
    ),
]


@pytest.mark.parametrize(("found", "verdict", "resolved", "why"), PLACES)
def test_the_table_where_more_is_better(found, verdict, resolved, why):
    judgement = judge(evidence(found))
    assert judgement.verdict is verdict
    assert judgement.size_resolved is resolved
    assert codes(judgement) == why


MIRROR = {Verdict.FASTER: Verdict.SLOWER, Verdict.SLOWER: Verdict.FASTER}


@pytest.mark.parametrize(("found", "verdict", "resolved", "why"), PLACES)
def test_the_table_where_less_is_better(found, verdict, resolved, why):
    judgement = judge(evidence(found), better="lower")
    assert judgement.verdict is MIRROR.get(verdict, verdict)
    assert (judgement.size_resolved, codes(judgement)) == (resolved, why)


def above(value):
    return math.nextafter(value, math.inf)


def below(value):
    return math.nextafter(value, -math.inf)


WIDE = Interval(BAND.low / 2, BAND.high * 2)
TIGHT = Interval(0.999, 1.001)


@pytest.mark.parametrize(
    ("ci95", "ci90", "verdict", "resolved"),
    [
        # An interval that ends at 1 includes it.
        (Interval(1.0, 1.2), Interval(1.01, 1.2), Verdict.INCONCLUSIVE_MDE, None),
        (Interval(above(1.0), 1.2), Interval(1.01, 1.2), Verdict.FASTER, False),
        (Interval(0.8, 1.0), Interval(0.8, 0.99), Verdict.INCONCLUSIVE_MDE, None),
        (Interval(0.8, below(1.0)), Interval(0.8, 0.99), Verdict.SLOWER, False),
        # An interval that touches the margin is not inside it.
        (WIDE, Interval(above(BAND.low), below(BAND.high)), Verdict.EQUIVALENT, None),
        (WIDE, Interval(BAND.low, 1.0), Verdict.INCONCLUSIVE_MDE, None),
        (WIDE, Interval(1.0, BAND.high), Verdict.INCONCLUSIVE_MDE, None),
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
    judgement = judge(evidence(Estimate("paired t", 1.0, ci95, ci90, None)))
    assert (judgement.verdict, judgement.size_resolved) == (verdict, resolved)


@pytest.mark.parametrize("odd", range(3))
def test_one_method_that_disagrees_leaves_no_verdict(odd):
    three = [CLEARLY_FASTER] * 3
    three[odd] = UNDECIDED
    judgement = judge(evidence(*three))
    assert judgement.verdict is Verdict.INCONCLUSIVE_ROBUSTNESS
    assert codes(judgement) == ["methods-disagree"]
    assert judgement.reasons[0].what.count("FASTER") == 2


def test_methods_need_not_agree_on_whether_the_size_is_resolved():
    across = seen(HALF, HALF, DOUBLE, DOUBLE)
    assert judge(evidence(CLEARLY_FASTER, across, across)).size_resolved is True
    assert judge(evidence(across, CLEARLY_FASTER, CLEARLY_FASTER)).size_resolved is False


@pytest.mark.parametrize(
    ("null", "rest", "why"),
    [
        (PASSED, {"fatal_gates": ["a", "b"]}, ["gate", "gate"]),
        (PASSED, {"flaws": [LEFT_OUT]}, ["littles-law"]),
        (FAILED, {"flaws": [LEFT_OUT]}, ["littles-law", "null-control"]),
        (FAILED, {}, ["null-control"]),
        (PASSED, {"positive": MISSED}, ["positive-control"]),
        (FAILED, {"positive": MISSED}, ["null-control", "positive-control"]),
    ],
)
def test_what_fails_a_gate_or_a_control_is_invalid(null, rest, why):
    judgement = judge(evidence(CLEARLY_FASTER, null=null), **rest)
    assert judgement.verdict is Verdict.INVALID
    assert codes(judgement) == why


@pytest.mark.parametrize(
    ("blocks", "profile", "why"),
    [
        (9, "bare-metal", ["few-blocks"]),
        (9, "vm", ["few-blocks"]),
        (1000, "smoke", ["smoke"]),
        (3, "smoke", ["smoke", "few-blocks"]),
    ],
)
def test_a_run_too_small_for_a_verdict_gets_an_estimate(blocks, profile, why):
    # Its controls decide nothing.
    found = evidence(CLEARLY_FASTER, blocks=blocks, null=FAILED)
    judgement = judge(found, profile=profile, positive=MISSED)
    assert judgement.verdict is Verdict.ESTIMATE
    assert codes(judgement) == why
    assert judgement.size_resolved is None


def test_ten_blocks_are_enough_for_a_verdict():
    assert judge(evidence(CLEARLY_FASTER, blocks=10)).verdict is Verdict.FASTER
    assert judge(evidence(CLEARLY_FASTER, blocks=10), profile="vm").verdict is Verdict.FASTER


def test_a_fatal_gate_leaves_not_even_an_estimate():
    found = evidence(CLEARLY_FASTER, blocks=3)
    assert judge(found, fatal_gates=["the bodies differ"]).verdict is Verdict.INVALID


def test_a_run_without_a_null_arm_is_judged_and_says_so():
    judgement = judge(evidence(CLEARLY_FASTER, null=None))
    assert judgement.verdict is Verdict.FASTER
    assert codes(judgement) == ["excludes-one", "no-null-arm"]


@pytest.mark.parametrize(
    ("found", "family_p", "verdict"),
    [
        (CLEARLY_FASTER, 0.05, Verdict.FASTER),
        (CLEARLY_FASTER, 0.051, Verdict.INCONCLUSIVE_MDE),
        (seen(HALF / 4, HALF / 3, HALF, HALF), 0.2, Verdict.EQUIVALENT),
        (UNDECIDED, 1.0, Verdict.INCONCLUSIVE_MDE),
    ],
)
def test_a_difference_has_to_survive_its_family(found, family_p, verdict):
    judgement = judge(evidence(found), family_p=family_p)
    assert judgement.verdict is verdict
    assert ("family" in codes(judgement)) == (family_p > 0.05)


def test_a_difference_that_only_its_family_takes_away_says_so_first():
    reasons = judge(evidence(CLEARLY_FASTER), family_p=0.2).reasons
    assert reasons[0].code == "family"


def test_a_run_that_was_cut_short_gives_an_estimate_whatever_it_found():
    judgement = judge(evidence(CLEARLY_FASTER), stopped=True)
    assert judgement.verdict is Verdict.ESTIMATE
    assert judgement.reasons[0].code == "aborted"


def test_an_undecided_run_says_what_it_would_have_found_and_what_it_would_take():
    assert judge(evidence(UNDECIDED)).reasons[0].what == (
        "a difference is neither shown nor ruled out; one of 2.4 % would have been found nine "
        "times in ten; 34 blocks would find one of 3.0 % as often"
    )


CUTS = (-FAR, -HALF, HALF, FAR)  # one point inside each region that the landmarks cut out
SPANS = [(low, high) for low in CUTS for high in CUTS if low <= high]
INTERVALS = [
    seen(low95, low90, high90, high95)
    for (low95, high95), (low90, high90) in itertools.product(SPANS, SPANS)
    if low95 <= low90 and high90 <= high95
]


def expected(estimate, better):
    """The table once more, from the words of the protocol."""
    differs = not estimate.ci95.low <= 1 <= estimate.ci95.high
    inside = estimate.ci90.low > BAND.low and estimate.ci90.high < BAND.high
    if differs and inside:
        return Verdict.NEGLIGIBLE
    if differs:
        gain = estimate.ci95.low > 1 if better == "higher" else estimate.ci95.high < 1
        return Verdict.FASTER if gain else Verdict.SLOWER
    return Verdict.EQUIVALENT if inside else Verdict.INCONCLUSIVE_MDE


CLEAN = (20, PASSED, None, (), "higher", "vm")
CIRCUMSTANCES = list(
    itertools.product(
        (20, 9),
        (None, PASSED, FAILED),
        (None, FOUND, MISSED),
        ((), ("g",)),
        ("higher", "lower"),
        ("smoke", "vm", "bare-metal"),
    )
)


def cases():
    """All three methods anywhere in a clean run; and all at one place in every kind of run."""
    yield from itertools.product(itertools.product(INTERVALS, repeat=3), [CLEAN])
    yield from itertools.product(([each] * 3 for each in INTERVALS), CIRCUMSTANCES)


def test_every_case_has_exactly_the_verdict_of_the_table_and_every_verdict_occurs():
    occurred = set()
    for three, (blocks, null, positive, gates, better, profile) in cases():
        by_method = {expected(estimate, better) for estimate in three}
        if gates:
            verdict = Verdict.INVALID
        elif blocks < 10 or profile == "smoke":
            verdict = Verdict.ESTIMATE
        elif FAILED is null or MISSED is positive:
            verdict = Verdict.INVALID
        elif len(by_method) > 1:
            verdict = Verdict.INCONCLUSIVE_ROBUSTNESS
        else:
            (verdict,) = by_method
        judgement = judge(
            evidence(*three, blocks=blocks, null=null),
            better=better,
            profile=profile,
            fatal_gates=gates,
            positive=positive,
        )
        assert judgement.verdict is verdict
        assert judgement.reasons
        assert (judgement.size_resolved is None) == (verdict not in MIRROR)
        occurred.add(verdict)
    assert occurred == set(Verdict)


def test_an_estimate_without_intervals_decides_nothing():
    bare = Estimate("paired t", 2.0, None, None, None)
    assert judge(evidence(bare)).verdict is Verdict.INCONCLUSIVE_MDE


# Off the landmarks, across which rounding might push an end: they have a test of their own.
CLEAR = 1e-3
ENDS = st.lists(
    st.one_of(
        st.floats(-0.2, -REACH - CLEAR),
        st.floats(-REACH + CLEAR, -CLEAR),
        st.floats(CLEAR, REACH - CLEAR),
        st.floats(REACH + CLEAR, 0.2),
    ),
    min_size=4,
    max_size=4,
).map(sorted)
METHODS = st.tuples(*[ENDS.map(lambda ends: seen(*ends))] * 3)
BENDS = st.floats(0.2, 5.0)


def bent(estimate, power):
    """Moves every end within its region: -reach, 0 and +reach stay, and so does the order."""

    def move(interval):
        ends = []
        for end in (interval.low, interval.high):
            size = abs(math.log(end)) / REACH
            ends.append(math.exp(math.copysign(REACH * size**power, math.log(end))))
        return Interval(*ends)

    return replace(
        estimate, ci95=move(estimate.ci95), ci90=move(estimate.ci90), ratio=power, p=power / 5
    )


@given(METHODS, BENDS, st.sampled_from(["higher", "lower"]), st.integers(10, 1000))
def test_only_the_places_of_the_intervals_decide(three, power, better, blocks):
    found = evidence(*three)
    moved = replace(
        evidence(*(bent(each, power) for each in three), blocks=blocks),
        sd=power,
        detectable=power,
        needed=blocks,
        equivalence_p=power / 5,
    )
    before, after = judge(found, better), judge(moved, better)
    assert (after.verdict, after.size_resolved) == (before.verdict, before.size_resolved)
    assert codes(after) == codes(before)


@given(METHODS)
def test_swapping_the_subjects_swaps_faster_and_slower(three):
    def inverse(interval):
        return Interval(1 / interval.high, 1 / interval.low)

    swapped = [replace(e, ci95=inverse(e.ci95), ci90=inverse(e.ci90)) for e in three]
    forth, back = judge(evidence(*three)), judge(evidence(*swapped))
    assert back.verdict is MIRROR.get(forth.verdict, forth.verdict)
