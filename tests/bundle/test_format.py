"""Records are read strictly, and every error names the file and the key."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundle.codec import decode, encode
from bundle.errors import RecordError
from bundle.format import BundleRecord, TrialRecord, bundle_id, created_of
from tests.bundle import making

TRIAL = making.trial_record(3)


@pytest.fixture
def record(tmp_path):
    with making.new_writer(tmp_path) as writer:
        return making.record_for(writer, completed=0)


def changed(record, *keys, value):
    """The record as JSON with one key at a path set to a value, or taken out."""
    raw = json.loads(encode(record))
    at = raw
    for key in keys[:-1]:
        at = at[key]
    if value is None:
        del at[keys[-1]]
    else:
        at[keys[-1]] = value
    return json.dumps(raw).encode()


def test_what_is_written_is_read_back(record):
    assert decode(encode(record), BundleRecord, where="bundle.json") == record
    assert decode(encode(TRIAL), TrialRecord, where="trial.json") == TRIAL
    assert encode(TRIAL, indent=0).count(b"\n") == 1


@pytest.mark.parametrize(
    ("keys", "value", "complaint"),
    [
        (("note",), 1, "unknown field `note`"),
        (("tool", "note"), 1, r"unknown field `note` - at `\$\.tool`"),
        (("tool", "dirty"), None, r"missing required field `dirty` - at `\$\.tool`"),
        (("omitted",), None, "missing required field `omitted`"),
        (("schema",), None, "schema is None"),
        (("schema",), "bundle/2", "schema is 'bundle/2', not 'bundle/1'"),
        (("status",), "done", r"at `\$\.status`"),
        (("plan", "sha256"), "5A" * 32, r"at `\$\.plan\.sha256`"),
        (("plan", "sha256"), "5a" * 32 + "\n", r"at `\$\.plan\.sha256`"),
        (("trials", "planned"), -1, r"at `\$\.trials\.planned`"),
        (("trials", "planned"), 1.5, r"at `\$\.trials\.planned`"),
        (("trials", "planned"), "1", r"at `\$\.trials\.planned`"),
        (("created",), "2026-11-23T03:15:00", r"at `\$\.created`"),
        (("created",), "2026-11-23T04:15:00+01:00", "created is not in UTC"),
        (("sealed",), "2026-11-23T03:14:59Z", "wrong order"),
        (("id",), "20261123T031501Z-5a5a5a5a", "make it 20261123T031500Z-5a5a5a5a"),
        (("id",), "../../etc", r"at `\$\.id`"),
    ],
)
def test_a_wrong_key_is_named(record, keys, value, complaint):
    with pytest.raises(RecordError, match=complaint) as error:
        decode(changed(record, *keys, value=value), BundleRecord, where="some/bundle.json")
    assert error.value.where == "some/bundle.json"
    assert isinstance(error.value, ValueError)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"schema": "trial/1", "schema": "trial/1"}',
        b"[" * 100_000,
        b'{"schema": "trial/1", "index": ' + b"9" * 10_000 + b"}",
        encode(TRIAL).replace(b'"index": 3', b'"index": NaN'),
        encode(TRIAL).replace(b'"index": 3', b'"index": 3, 4'),
        encode(TRIAL) + b"{}",
        encode(TRIAL).decode().encode("utf-16"),
    ],
)
def test_what_is_not_the_document_is_refused(data):
    with pytest.raises(RecordError):
        decode(data, TrialRecord, where="trial.json")


@settings(deadline=None)
@given(st.binary())
def test_no_bytes_give_another_error(data):
    with pytest.raises(RecordError):
        decode(data, TrialRecord, where="trial.json")


def test_failure_is_there_if_and_only_if_the_trial_failed():
    failed = making.trial_record(0, failed=True)
    assert decode(encode(failed), TrialRecord, where="trial.json").failure is not None
    with pytest.raises(RecordError, match="failure must be null"):
        decode(changed(failed, "status", value="completed"), TrialRecord, where="trial.json")


def test_an_id_comes_from_instant_and_plan_and_gives_the_instant_back():
    east = datetime(2026, 11, 23, 4, 15, tzinfo=timezone(timedelta(hours=1)))
    assert bundle_id(east, making.PLAN_SHA256) == making.NAME
    assert created_of(making.NAME) == making.CREATED
    assert created_of(making.NAME + "-2") == making.CREATED


@pytest.mark.parametrize("name", ["", "x", "20261323T031500Z-5a5a5a5a", making.NAME + "\n"])
def test_what_is_not_an_id_has_no_instant(name):
    assert created_of(name) is None


def test_an_id_is_not_made_of_a_local_time_or_half_a_digest():
    with pytest.raises(ValueError, match="time zone"):
        bundle_id(datetime(2026, 11, 23), making.PLAN_SHA256)  # noqa: DTZ001 (it is the point)
    with pytest.raises(ValueError, match="SHA-256"):
        bundle_id(datetime(2026, 11, 23, tzinfo=UTC), "5a5a5a5a")


@pytest.mark.parametrize(
    "others", [[TRIAL.id], [f"{number:03d}" for number in range(100)]], ids=["itself", "many"]
)
def test_trials_together_are_different_and_as_many_as_a_plan_can_have(others):
    wrong = changed(TRIAL, "together", value=[TRIAL.id, *others])
    with pytest.raises(RecordError, match="together"):
        decode(wrong, TrialRecord, where="trial.json")
