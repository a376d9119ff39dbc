from __future__ import annotations

import math

import msgspec
import pytest

from analysis.inference import Evidence, PairedSample, Verdict, judge_comparison, weigh
from bundle.codec import serialise
from tests.analysis.inference.sessions import paired, session


def test_the_evidence_of_a_session_holds_together():
    evidence = weigh(paired(session(1, effect=0.06)), margin=0.03, seed=1, resamples=399)
    assert evidence.blocks == 20
    assert evidence.estimates.t.ci95.low < 1.06 < evidence.estimates.t.ci95.high
    assert evidence.equivalence_p > 0.95
    assert evidence.sd == pytest.approx(0.026, abs=0.01)
    # What is detectable and what is needed are one formula.
    assert (evidence.detectable <= 0.03) == (evidence.needed <= 20)
    assert evidence.null.passed


def test_a_null_arm_is_optional():
    logs = {block: 100.0 + block for block in range(1, 13)}
    assert weigh(PairedSample.of(logs, logs), margin=0.03, seed=1, resamples=99).null is None


def test_a_single_block_gives_an_estimate_and_nothing_else():
    evidence = weigh(PairedSample.of({1: 2.0}, {1: 3.0}), margin=0.03, seed=1)
    assert evidence.estimates.t.ratio == pytest.approx(1.5)
    assert (evidence.sd, evidence.detectable, evidence.equivalence_p) == (None, None, None)
    judgement = judge_comparison(evidence, better="higher", profile="bare-metal")
    assert judgement.verdict is Verdict.ESTIMATE


def test_the_same_seed_gives_the_same_evidence():
    sample = paired(session(2))
    first, second = (weigh(sample, margin=0.03, seed=9, resamples=199) for _ in range(2))
    assert first == second


def test_evidence_is_what_a_file_holds_of_it():
    evidence = weigh(paired(session(3)), margin=0.03, seed=3, resamples=199)
    assert msgspec.json.decode(serialise(evidence), type=Evidence) == evidence


def test_nothing_to_compare_is_refused():
    with pytest.raises(ValueError, match="no block"):
        weigh(PairedSample.of({1: 2.0}, {2: 3.0}), margin=0.03, seed=1)


@pytest.mark.parametrize("margin", [0.0, math.nan])
def test_a_margin_is_positive(margin):
    with pytest.raises(ValueError, match="margin"):
        weigh(PairedSample.of({1: 2.0}, {1: 3.0}), margin=margin, seed=1)
