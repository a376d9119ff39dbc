"""A run whose process was ended: held before anything is changed, and nothing hidden after."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from msgspec import UNSET

from bundle.codec import encode
from bundle.errors import BundleBusyError, PathRefusedError, RecordError
from bundle.read import Bundle
from bundle.unsealed import UnsealedRun
from bundle.verify import verify
from tests.bundle import making


@pytest.fixture
def partial(tmp_path):
    """A run that was killed: two closed trials, one open, and half a file."""
    with making.new_writer(tmp_path) as writer:
        making.write_trial(writer, 0)
        making.write_trial(writer, 1)
        (writer.folder / "trials" / f"{making.trial_name(2)}.open").mkdir()
        (writer.folder / "inputs").mkdir()
        (writer.folder / "inputs/.plan.yaml.tmp").write_text("na")
        return writer.folder


def test_nothing_changes_before_it_is_taken_up(partial):
    before = making.snapshot(partial)
    with UnsealedRun(partial) as unsealed:
        assert unsealed.id == making.NAME
        assert unsealed.interruptions == ()
    assert making.snapshot(partial) == before


def test_a_held_run_is_held_once_also_by_the_writer_that_takes_it_up(partial):
    with UnsealedRun(partial) as unsealed:
        with pytest.raises(BundleBusyError):
            UnsealedRun(partial)
        writer = unsealed.take_up(making.TAKEN_UP)
    with pytest.raises(BundleBusyError):
        UnsealedRun(partial)
    writer.close()
    UnsealedRun(partial).close()


def test_what_was_open_is_discarded_and_named(partial):
    with making.taken_up(partial) as writer:
        assert not any(path.name.endswith((".open", ".tmp")) for path in partial.rglob("*"))
        bundle = writer.seal(making.record_for(writer, completed=2))
    assert verify(bundle).ok
    assert not (bundle / "interruptions.json").exists()
    (interruption,) = Bundle.open(bundle).record.interruptions
    assert interruption.resumed == making.TAKEN_UP
    assert interruption.trials == 2
    assert interruption.discarded == (making.trial_name(2),)


def test_every_interruption_is_kept_also_through_a_seal_that_was_begun(partial):
    with making.taken_up(partial) as writer:
        making.write_trial(writer, 2)
        bundle = writer.seal(making.record_for(writer, completed=3))
    partial = bundle.rename(partial)  # as it is when the process is killed before the last rename
    with UnsealedRun(partial).take_up(making.TAKEN_UP + timedelta(minutes=1)) as writer:
        making.write_trial(writer, 3)
        bundle = writer.seal(making.record_for(writer, completed=4))
    told = Bundle.open(bundle).record.interruptions
    assert [each.trials for each in told] == [2, 3]
    assert [each.resumed.minute for each in told] == [45, 46]


def test_a_record_that_hides_an_interruption_is_not_sealed(partial):
    with making.taken_up(partial) as writer:
        with pytest.raises(RecordError, match="other interruptions"):
            writer.seal(making.record_for(writer, completed=2, interruptions=UNSET))
        with pytest.raises(PathRefusedError):
            writer.add("interruptions.json", b"")


def test_a_run_without_one_has_no_such_key(tmp_path):
    with making.new_writer(tmp_path) as writer:
        record = making.record_for(writer, completed=0)
    keys = json.loads(encode(record)).keys()
    assert not keys & {"interruptions", "rerun_of"}


@pytest.mark.parametrize("closed", [0, 1])
def test_trials_that_were_being_closed_together_are_kept_together_or_not_at_all(tmp_path, closed):
    with making.new_writer(tmp_path) as writer:
        names = making.write_together(writer, [0, 1, 2])
        partial = writer.folder
    for name in names[closed:]:  # as they are when the process is killed between two renames
        (partial / "trials" / name).rename(partial / "trials" / f"{name}.open")
    with making.taken_up(partial) as writer:
        assert list(writer.closed_trials()) == (names if closed else [])
        (interruption,) = writer.interruptions
    assert interruption.trials == (3 if closed else 0)
    assert interruption.discarded == (() if closed else tuple(names))


@pytest.mark.parametrize("spoil", ["not json", None])
def test_an_open_trial_without_a_record_is_not_closed_with_the_others(tmp_path, spoil):
    with making.new_writer(tmp_path) as writer:
        kept, lost = making.write_together(writer, [0, 1])
        partial = writer.folder
    record = (partial / "trials" / lost).rename(partial / "trials" / f"{lost}.open") / "trial.json"
    record.write_text(spoil) if spoil else record.unlink()
    with making.taken_up(partial) as writer:
        assert writer.closed_trials() == (kept,)
