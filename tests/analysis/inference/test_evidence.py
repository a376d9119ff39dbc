from __future__ import annotations

import math

import msgspec
import pytest

from analysis.inference import Evidence, PairedSample, Verdict, rule, weigh, widen_sample
from analysis.inference.nullarm import Lack
from bundle.codec import serialise
from tests.analysis.inference.sessions import paired, session


def weighed(sample, *, beta=0.005, **changes):
    given = {"margin": 0.03, "seed": 1, "resamples": 399, **changes}
    return weigh(sample, widen_sample(sample, beta=beta), beta=beta, **given)


def half(interval):
    return math.log(interval.high / interval.low) / 2


def test_the_evidence_of_a_session_holds_together():
    evidence = weighed(paired(session(1, effect=0.06)))
    assert evidence.blocks == 20
    assert evidence.widened.ci95.low < 1.06 < evidence.widened.ci95.high
    assert evidence.widened.ratio == evidence.estimates.t.ratio
    assert evidence.sd == pytest.approx(0.026, abs=0.01)
    # The interval follows from what stands beside it: t(.975, 19) = 2.093, z = 1.960.
    known = math.hypot(2.0930 * evidence.sd / math.sqrt(20), 1.95996 * math.sqrt(1.5) * 0.005)
    assert half(evidence.widened.ci95) == pytest.approx(known + evidence.excess, rel=1e-4)
    assert half(evidence.widened.ci95) > half(evidence.estimates.t.ci95)
    assert evidence.null.ci95.low < 1 < evidence.null.ci95.high
    assert evidence.excess == 0
    assert abs(evidence.autocorrelation) < 0.7
    assert 0.02 < evidence.detectable < 0.03


def test_without_a_null_arm_nothing_is_widened():
    logs = {block: 100.0 + block for block in range(1, 13)}
    sample = PairedSample.of(logs, {block: value**1.1 for block, value in logs.items()})
    evidence = weighed(sample)
    assert evidence.estimates.t.ci95 is not None
    assert (evidence.widened, evidence.null, evidence.excess) == (None,) * 3
    assert evidence.detectable > 0.02
    ruling = rule(widen_sample(sample), margin=0.03, better="higher")
    assert ruling.verdict is Verdict.ESTIMATE
    assert ruling.reasons[0].code == Lack.NO_NULL_ARM


def test_a_single_block_gives_an_estimate_and_nothing_else():
    sample = PairedSample.of({1: 2.0}, {1: 3.0}, {1: 2.0})
    evidence = weighed(sample)
    assert evidence.estimates.t.ratio == pytest.approx(1.5)
    assert (evidence.sd, evidence.detectable, evidence.widened) == (None, None, None)
    ruling = rule(widen_sample(sample), margin=0.03, better="higher")
    assert ruling.verdict is Verdict.ESTIMATE


def test_the_same_seed_gives_the_same_evidence():
    sample = paired(session(2))
    first, second = (weighed(sample, seed=9, resamples=199) for _ in range(2))
    assert first == second


def test_evidence_is_what_a_file_holds_of_it():
    evidence = weighed(paired(session(3)))
    assert msgspec.json.decode(serialise(evidence), type=Evidence) == evidence


def test_nothing_to_compare_is_refused():
    with pytest.raises(ValueError, match="no block"):
        weighed(PairedSample.of({1: 2.0}, {2: 3.0}))
