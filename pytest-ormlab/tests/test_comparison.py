"""Comparisons on a clock that only the compared things advance."""

from __future__ import annotations

import math
import random
from itertools import product

import pytest

from pytest_ormlab.interval import signed_rank

CONFTEST = """
import pytest
from pytest_ormlab import comparison

class Clock:
    now = 0.0

    def takes(self, *seconds):
        turns = [0]
        def call():
            self.now += seconds[turns[0] % len(seconds)]
            turns[0] += 1
        return call

    def takes_async(self, seconds):
        async def call():
            self.now += seconds
        return call

@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(comparison, "perf_counter", lambda: clock.now)
    return clock
"""


def run(pytester, test, *arguments):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(f"import pytest\n{test}")
    return pytester.runpytest_inprocess(*arguments)


def test_the_interval_is_that_of_a_worked_example():
    """Hollander and Wolfe, table 3.1 and examples 3.3, 3.4: 96.1 % there, exact for nine pairs."""
    depression = [-0.952, 0.147, -1.022, -0.430, -0.620, -0.590, -0.490, 0.080, -0.010]
    centre, low, high = signed_rank(depression)
    assert (centre, low, high) == pytest.approx((-0.46, -0.786, -0.010))


@pytest.mark.parametrize("count", range(6, 13))
def test_the_interval_misses_as_seldom_as_it_says(count):
    """All choices of signs of distinct sizes: what the exact distribution is made from."""
    sizes = [1.0 + 0.001 * 2**rank for rank in range(count)]
    missed = 0
    for signs in product((-1, 1), repeat=count):
        _, low, high = signed_rank([sign * size for sign, size in zip(signs, sizes, strict=True)])
        missed += not low <= 0 <= high
    assert missed / 2**count <= 0.05
    assert missed > 0


def test_an_interval_needs_six_differences():
    with pytest.raises(ValueError, match="at least 6 differences, not 5"):
        signed_rank([0.0] * 5)


def test_the_interval_turns_round_with_its_differences():
    differences = [random.Random(7).gauss(0.1) for _ in range(20)]
    centre, low, high = signed_rank(differences)
    assert signed_rank([-each for each in differences]) == pytest.approx((-centre, -high, -low))
    assert low <= centre <= high
    assert math.isfinite(low)


def test_slower_beyond_the_margin_fails(pytester):
    result = run(
        pytester,
        """
def test_it(clock, compare):
    compare(clock.takes(0.0013), clock.takes(0.001), margin=0.2)
""",
    )
    result.assert_outcomes(failed=1)
    told = (
        "SLOWER: a call of the candidate took 1.300 times as long as one of the baseline (95 % "
        "interval 1.300 to 1.300, 20 blocks; 1.3 ms and 1 ms). The interval is beyond 1.200*"
    )
    result.stdout.fnmatch_lines([f"*Failed: {told}", "*= comparisons *", f"*::test_it: {told}"])


def test_slower_within_the_margin_passes_and_says_so(pytester):
    result = run(
        pytester,
        """
from pytest_ormlab import Verdict

def test_it(clock, compare):
    found = compare(clock.takes(0.0013), clock.takes(0.001), margin=0.31, blocks=6)
    assert (found.verdict, found.blocks) == (Verdict.NOT_SLOWER, 6)
    assert found.ratio == pytest.approx(1.3)
""",
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*::test_it: NOT SLOWER: *6 blocks*"])


UNSTEADY = """
def test_it(clock, compare):
    compare(clock.takes(0.02, 0.02, 0.03), clock.takes(0.02), margin=0.15{more})
"""


@pytest.mark.parametrize(
    ("more", "arguments", "fails"),
    [
        ("", [], False),
        ("", ["--ormlab-strict"], True),
        (", strict=True", [], True),
        (", strict=False", ["--ormlab-strict"], False),
    ],
)
def test_inconclusive_fails_only_if_strict(pytester, more, arguments, fails):
    result = run(pytester, UNSTEADY.format(more=more), *arguments)
    result.assert_outcomes(passed=not fails, failed=fails)
    result.stdout.fnmatch_lines(["*::test_it: INCONCLUSIVE: *more blocks make it narrower."])


def test_a_trend_that_hits_both_sides_cancels(pytester):
    result = run(
        pytester,
        """
def test_it(clock, compare):
    def drifting():
        clock.now += 0.02 + 0.01 * clock.now
    found = compare(drifting, drifting)
    assert found.ratio == pytest.approx(1, abs=0.001)
""",
    )
    result.assert_outcomes(passed=1)


def test_an_interruption_while_slices_are_sized_leaves_them_alike(pytester):
    """Short slices are interrupted less often than long ones: the two sides would differ."""
    result = run(
        pytester,
        """
@pytest.mark.parametrize("interrupted", range(6))
def test_it(clock, compare, interrupted):
    made = [0, 0]

    def arm(number, at):
        def call():
            made[number] += 1
            clock.now += 0.008 if made[number] == at else 0.0001
        return call

    compare(arm(0, interrupted), arm(1, None))
    assert made[0] == made[1]
""",
    )
    result.assert_outcomes(passed=6)


def test_what_is_awaited_is_measured_and_not_its_making(pytester):
    result = run(
        pytester,
        """
@pytest.mark.asyncio
async def test_asyncio(clock, compare_async):
    found = await compare_async(clock.takes_async(0.003), clock.takes_async(0.002), margin=0.6)
    assert found.ratio == pytest.approx(1.5)
    assert found.baseline_s == pytest.approx(0.002)

@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param

@pytest.mark.anyio
async def test_anyio(clock, compare_async, anyio_backend):
    call = clock.takes_async(0.003)
    found = await compare_async(lambda: call(), clock.takes_async(0.002), margin=0.6)
    assert found.ratio == pytest.approx(1.5)

@pytest.mark.asyncio
async def test_plain_calls_under_a_loop(clock, compare):
    assert compare(clock.takes(0.003), clock.takes(0.002), margin=0.6).ratio == pytest.approx(1.5)
""",
    )
    result.assert_outcomes(passed=4)


def test_making_a_coroutine_is_not_measured(pytester):
    result = run(
        pytester,
        """
async def work():
    pass

def test_sync(clock, compare):
    with pytest.raises(TypeError, match="await compare_async"):
        compare(work, clock.takes(0.001))

@pytest.mark.asyncio
async def test_async(clock, compare_async):
    with pytest.raises(TypeError, match="returns nothing to await: `compare"):
        await compare_async(clock.takes(0.001), clock.takes_async(0.001))
""",
        "-Werror",
    )
    result.assert_outcomes(passed=2)


def test_a_comparison_that_is_not_awaited_is_an_error(pytester):
    result = run(
        pytester,
        """
@pytest.mark.filterwarnings("ignore:coroutine")
def test_it(clock, compare_async):
    compare_async(clock.takes_async(0.003), clock.takes_async(0.001))
""",
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["compare_async was called and not awaited*"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [("blocks=5", "at least 6 blocks, not 5"), ("margin=-0.1", "not negative: -0.1")],
)
def test_what_cannot_be_compared_is_refused(pytester, wrong, message):
    result = run(
        pytester,
        f"""
def test_it(clock, compare):
    with pytest.raises(ValueError, match="{message}"):
        compare(clock.takes(0.001), clock.takes(0.001), {wrong})
""",
    )
    result.assert_outcomes(passed=1)


def test_comparisons_of_workers_are_printed_once(pytester):
    result = run(
        pytester,
        """
@pytest.mark.parametrize("number", range(4))
def test_it(clock, compare, number):
    compare(clock.takes(0.001), clock.takes(0.001))
""",
        "-n2",
    )
    result.assert_outcomes(passed=4)
    assert result.stdout.str().count("NOT SLOWER: ") == 4
