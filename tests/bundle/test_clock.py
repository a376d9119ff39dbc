"""A wall clock that is set back costs no run: its instants stay in order, and the step is told."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import UNSET

from bundle import coherence
from bundle.codec import encode
from bundle.findings import Findings
from bundle.format import TrialRecord
from bundle.instants import TrialTimes, in_order, latest_here
from bundle.read import Bundle
from bundle.unsealed import UnsealedRun
from bundle.verify import verify
from bundle.write import BundleWriter
from tests.bundle import making
from tests.conftest import CHECKOUT

HOUR = timedelta(hours=1)
LAST = making.CREATED + timedelta(minutes=1, seconds=30)  # when trial 1 of a bundle had ended


@pytest.fixture
def partial(tmp_path):
    with making.new_writer(tmp_path) as writer:
        making.write_trial(writer, 0)
        making.write_trial(writer, 1)
        return writer.folder


def problems(bundle):
    found = Findings()
    coherence.check(bundle, None, found)
    return [problem for problem in found.problems if problem.code != "plan-digest"]


def test_a_run_that_is_resumed_by_a_clock_set_back_an_hour_is_sealed(partial):
    with UnsealedRun(partial).take_up(LAST - HOUR) as writer:
        (interruption,) = writer.interruptions
        latest = latest_here(writer.folder, writer.created)
        sealed, set_back_s = in_order(LAST - HOUR, latest)
        assert sealed >= writer.created
        record = making.record_for(writer, completed=2, sealed=sealed, clock_set_back_s=set_back_s)
        bundle = writer.seal(record)
    # The clocks of two hosts may differ by a minute, which is no step of one of them.
    assert interruption.resumed == LAST - timedelta(minutes=1)
    assert interruption.clock_set_back_s == 59 * 60
    assert verify(bundle).ok
    assert problems(bundle) == []
    assert Bundle.open(bundle).record.clock_set_back_s == 59 * 60
    alone = [sys.executable, "-I", CHECKOUT / "bundle/verify_bundle.py", bundle]
    assert subprocess.run(alone, check=False, capture_output=True).returncode == 0


def test_trials_of_a_clock_that_is_set_back_follow_each_other(partial):
    times = TrialTimes(partial, making.CREATED)
    first = times.place(LAST - HOUR, LAST - HOUR + timedelta(seconds=30))
    assert first == (LAST, LAST + timedelta(seconds=30), 3600)
    told = LAST - HOUR + timedelta(seconds=40)
    started, ended, set_back_s = times.place(told, told + timedelta(seconds=30))
    assert (started, ended) == (first[1], first[1] + timedelta(seconds=30))
    assert set_back_s == 3590
    # ... until the clock is right again.
    right = LAST + HOUR
    assert times.place(right, right) == (right, right, UNSET)


def test_a_step_within_a_trial_leaves_its_end_after_its_beginning(partial):
    started, ended, set_back_s = TrialTimes(partial, making.CREATED).place(LAST, LAST - HOUR)
    assert (started, ended, set_back_s) == (LAST, LAST, UNSET)


def test_a_host_whose_clock_is_a_little_behind_was_not_set_back(tmp_path):
    begun = making.CREATED - timedelta(seconds=50)
    with making.new_writer(tmp_path) as writer:
        times = TrialTimes(writer.folder, writer.created)
    assert times.place(begun, making.CREATED) == (begun, making.CREATED, UNSET)


def test_only_a_step_is_told(partial):
    with making.taken_up(partial) as writer:
        assert b"clock_set_back_s" not in encode(writer.interruptions[0])
        bundle = writer.seal(making.record_for(writer, completed=2))
    assert b"clock_set_back_s" not in (bundle / "bundle.json").read_bytes()
    assert b"clock_set_back_s" not in encode(making.trial_record(1))


def test_a_bundle_of_the_last_minute_that_can_be_told_is_verified(tmp_path):
    last = datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC)
    with BundleWriter.create(tmp_path, plan_sha256=making.PLAN_SHA256, created=last) as writer:
        with writer.trial(making.trial_name(1)) as folder:
            making.fill_trial(folder, 1)
            told = making.trial_record(1)
            fields = {name: getattr(told, name) for name in told.__struct_fields__}
            end = TrialRecord(**(fields | {"started": last, "ended": last}))
            (folder / "trial.json").write_bytes(encode(end))
        bundle = writer.seal(making.record_for(writer, completed=1, sealed=last))
    assert verify(bundle).ok
    assert problems(bundle) == []
