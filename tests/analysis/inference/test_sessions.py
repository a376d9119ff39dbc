"""The claims of the protocol, tried on sessions whose truth is known."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from analysis.inference import Verdict, paired_t, positive_control, rule, widen_sample
from tests.analysis.inference.sessions import (
    BASELINE,
    CANDIDATE,
    HOST,
    Noise,
    interleaved,
    one_after_the_other,
    paired,
    session,
)

SESSIONS = range(200)
BAR = 0.075 * len(SESSIONS)
DIFFERENT = {Verdict.FASTER, Verdict.SLOWER, Verdict.NEGLIGIBLE}
VM = Noise(trial=0.0265, window=0.055)


def judged(margin=0.03, **law):
    """How often each verdict fell over the sessions."""
    return Counter(
        rule(widen_sample(paired(session(seed, **law))), margin=margin, better="higher").verdict
        for seed in SESSIONS
    )


def test_the_noise_is_what_the_protocol_allows_a_host():
    assert pytest.approx(0.0303, abs=1e-4) == HOST.pair
    assert pytest.approx(0.04, abs=1e-4) == VM.pair


@pytest.mark.parametrize(
    "law",
    [
        pytest.param({}, id="bare-metal"),
        pytest.param({"drift": 0.05}, id="drift"),
        pytest.param({"noise": VM, "margin": 0.05}, id="vm"),
    ],
)
def test_where_there_is_no_difference_none_is_called(law):
    verdicts = judged(**law)
    # Not even one that is too small to matter.
    assert sum(verdicts[verdict] for verdict in DIFFERENT) <= BAR
    # And not by refusing to answer: nearly all of the sessions are called equivalent.
    assert verdicts[Verdict.EQUIVALENT] >= 0.85 * len(SESSIONS)


def test_windows_of_one_process_find_differences_that_are_not_there():
    # The same sessions and the same estimator, but the 30 windows of one trial taken for
    # replicates, as a benchmark does that starts each service once.
    called = 0
    for seed in SESSIONS:
        block = session(seed)[0]
        called += paired_t((block[CANDIDATE] - block[BASELINE]).tolist()).p < 0.05
    assert called > BAR
    assert 0.40 <= called / len(SESSIONS) <= 0.55


def test_subjects_measured_one_after_the_other_turn_drift_into_a_difference():
    places = one_after_the_other(20)
    called = sum(
        paired_t(paired(session(seed, drift=0.05, places=places)).d.values).p < 0.05
        for seed in SESSIONS
    )
    assert called >= 0.90 * len(SESSIONS)


@pytest.mark.parametrize(("sign", "verdict"), [(1, Verdict.FASTER), (-1, Verdict.SLOWER)])
def test_twice_the_margin_is_found(sign, verdict):
    verdicts = judged(effect=1.06**sign - 1)
    assert verdicts[verdict] >= 0.95 * len(SESSIONS)


def test_an_injected_slowdown_passes_the_positive_control():
    passed = 0
    for seed in SESSIONS:
        sample = paired(session(seed, effect=1 / 1.06 - 1))
        control = positive_control(sample.d.values, injected=0.06, margin=0.03, better="higher")
        passed += control.passed
    assert passed >= 0.95 * len(SESSIONS)


def test_the_sessions_are_laid_out_as_the_lab_lays_out_a_run():
    places = interleaved(20, random.Random(1))
    assert sorted(places.ravel().tolist()) == list(range(60))
    assert all(
        sorted(row) == list(range(3 * block, 3 * block + 3))
        for block, row in enumerate(places.tolist())
    )
    # Williams: within six blocks every subject stands twice in each place.
    assert sorted(places[:6, CANDIDATE] % 3) == [0, 0, 1, 1, 2, 2]
