"""What a writer leaves on the disk, and what it refuses."""

from __future__ import annotations

import errno
import os
from datetime import timedelta
from pathlib import Path

import pytest

from bundle import index
from bundle.codec import encode
from bundle.errors import (
    BundleBusyError,
    BundleExistsError,
    BundleMissingError,
    DiskFullError,
    NotSealedError,
    PathRefusedError,
    RecordError,
    StorageError,
    WriterClosedError,
)
from bundle.format import TrialCounts
from bundle.read import Bundle
from bundle.verify import verify
from bundle.write import BundleWriter
from tests.bundle import making


@pytest.fixture
def writer(tmp_path):
    with making.new_writer(tmp_path / "bundles") as writer:
        yield writer


def test_a_run_becomes_a_sealed_bundle(writer):
    parent = writer.folder.parent
    assert writer.folder.name == making.NAME + ".partial"
    writer.add("inputs/plan.yaml", b"name: demo\n")
    done = making.write_trial(writer, 0)
    failed = making.write_trial(writer, 1, failed=True)
    assert writer.closed_trials() == (done, failed)
    bundle = writer.seal(making.record_for(writer, completed=1, failed=1))
    assert bundle == parent / making.NAME
    assert verify(bundle).ok
    assert sorted(path.name for path in parent.iterdir()) == [making.NAME, "index.jsonl"]
    (line,) = index.read(parent)
    assert (line.id, line.previous) == (making.NAME, None)
    assert line.seal == making.sha256((bundle / "SEAL.json").read_bytes())


def test_a_bundle_reads_back_with_its_trials_in_order(writer):
    for number in (2, 0, 1):
        making.write_trial(writer, number)
    bundle = Bundle.open(writer.seal(making.record_for(writer, completed=3)), level="L1")
    assert [trial.record.index for trial in bundle.trials] == [0, 1, 2]
    assert bundle.trials[1].path.name == making.trial_name(1)
    assert bundle.trials[1].record == making.trial_record(1)
    assert bundle.record.plan.name == "demo"


def test_an_unsealed_run_is_opened_only_when_asked(writer):
    making.write_trial(writer, 0)
    with pytest.raises(NotSealedError):
        Bundle.open(writer.folder)
    bundle = Bundle.open(writer.folder, unsealed=True)
    assert [trial.path.name for trial in bundle.trials] == [making.trial_name(0)]
    assert bundle.seal is None
    with pytest.raises(NotSealedError):
        _ = bundle.record


def test_the_readme_names_the_bundle_and_how_to_verify_it(writer):
    bundle = writer.seal(making.record_for(writer, completed=0, status="aborted"))
    text = (bundle / "README.md").read_text()
    assert making.NAME in text
    assert "aborted" in text
    assert "sha256sum --check" in text


def test_a_name_that_differs_only_in_case_is_refused_at_once(writer):
    writer.add("host/facts.json", b"")
    making.write_trial(writer, 0)
    for path in ("Host/facts.json", "host/Facts.json", "HOST"):
        with pytest.raises(PathRefusedError, match="only in case"):
            writer.add(path, b"")
    with pytest.raises(PathRefusedError), writer.trial(making.trial_name(0).upper()):
        pytest.fail("the block must not run")
    assert verify(writer.seal(making.record_for(writer, completed=1))).ok


def test_a_file_is_copied_and_replaced_whole(writer, tmp_path):
    source = tmp_path / "facts"
    source.write_bytes(b"new")
    writer.add("host/facts.json", b"old")
    writer.add("host/facts.json", source)
    assert (writer.folder / "host/facts.json").read_bytes() == b"new"
    assert [path.name for path in (writer.folder / "host").iterdir()] == ["facts.json"]


@pytest.mark.parametrize(
    "path",
    ["../x", "/x", "a b", "bundle.json", "SEAL.json", "SEAL.json.sig", "MANIFEST.sha256",
     "README.md", "ro-crate-metadata.json", "trials", "trials/x/y", "derived",
     "derived/x", "Bundle.json", "Trials/x"],
)  # fmt: skip
def test_names_that_are_not_for_adding_are_refused(writer, path):
    with pytest.raises(PathRefusedError):
        writer.add(path, b"")
    assert list(writer.folder.iterdir()) == []


@pytest.mark.parametrize("name", ["a/b", "a.open", "..", "", "a b", "x" * 84])
def test_names_that_are_not_for_trials_are_refused(writer, name):
    with pytest.raises(PathRefusedError), writer.trial(name):
        pytest.fail("the block must not run")


def test_a_trial_that_raises_leaves_nothing(writer):
    class OwnError(Exception):
        pass

    def interrupted():
        with writer.trial("t") as folder:
            (folder / "half").write_text("half")
            raise OwnError

    with pytest.raises(OwnError):
        interrupted()
    assert writer.closed_trials() == ()
    assert list((writer.folder / "trials").iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_lack_of_room_in_a_trial_is_named(writer, number):
    with pytest.raises(DiskFullError, match="free some space") as error, writer.trial("t"):
        raise OSError(number, os.strerror(number), "wrk.json")
    assert isinstance(error.value, OSError)
    assert error.value.errno == number
    assert error.value.where == "wrk.json"


def test_other_errors_of_a_trial_pass_unchanged(writer):
    with pytest.raises(TimeoutError, match="mine"), writer.trial("t"):
        raise TimeoutError("mine")


def test_trials_of_one_deployment_are_closed_together(writer):
    names = making.write_together(writer, [0, 1])
    assert list(writer.closed_trials()) == names
    bundle = Bundle.open(writer.seal(making.record_for(writer, completed=2)), level="L1")
    assert {trial.record.together for trial in bundle.trials} == {tuple(names)}


def test_if_one_of_several_trials_is_refused_none_is_kept(writer):
    names = [making.trial_name(number) for number in (0, 1)]
    with pytest.raises(RecordError), writer.trials(names) as (first, _):
        making.fill_trial(first, 0, together=names)
    assert writer.closed_trials() == ()
    assert list((writer.folder / "trials").iterdir()) == []


@pytest.mark.parametrize("told", [(), (0, 2)])
def test_trials_name_those_that_they_are_closed_with(writer, told):
    names = [making.trial_name(number) for number in (0, 1)]
    wrong = [making.trial_name(number) for number in told]

    def write():
        with writer.trials(names) as (first, second):
            making.fill_trial(first, 0, together=wrong)
            making.fill_trial(second, 1, together=names)

    with pytest.raises(RecordError, match="together"):
        write()


def test_a_trial_needs_a_record_of_its_own_name(writer):
    with pytest.raises(RecordError, match="missing"), writer.trial("t"):
        pass
    with pytest.raises(RecordError, match="its id is 'other'"), writer.trial("t") as folder:
        (folder / "trial.json").write_bytes(encode(making.trial_record(0, name="other")))
    with pytest.raises(RecordError, match=r"Expecting property name"), writer.trial("t") as folder:
        (folder / "trial.json").write_bytes(b"{")
    assert writer.closed_trials() == ()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "a b").write_text(""),
        lambda folder: (folder / "link").symlink_to("trial.json"),
        lambda folder: os.mkfifo(folder / "fifo"),
        lambda folder: (folder / "Trial.json").write_text(""),
    ],
    ids=["odd name", "symlink", "fifo", "case"],
)
def test_a_trial_with_what_no_bundle_may_hold_is_refused(writer, spoil):
    def spoiled():
        with writer.trial(making.trial_name(0)) as folder:
            making.fill_trial(folder, 0)
            spoil(folder)

    with pytest.raises(PathRefusedError):
        spoiled()
    assert writer.closed_trials() == ()


def test_a_trial_is_written_once(writer):
    making.write_trial(writer, 0)
    with pytest.raises(BundleExistsError), writer.trial(making.trial_name(0)):
        pytest.fail("the block must not run")


def test_empty_folders_are_left_out(writer):
    with writer.trial(making.trial_name(0)) as folder:
        making.fill_trial(folder, 0)
        (folder / "empty/below").mkdir(parents=True)
    (writer.folder / "services/empty").mkdir(parents=True)
    bundle = writer.seal(making.record_for(writer, completed=1))
    assert verify(bundle).ok
    assert not (bundle / "services").exists()


def test_two_runs_of_a_plan_in_one_second_get_two_names(tmp_path):
    first = making.new_writer(tmp_path)
    bundle = first.seal(making.record_for(first, completed=0))
    with making.new_writer(tmp_path) as second, making.new_writer(tmp_path) as third:
        assert [second.id, third.id] == [making.NAME + "-2", making.NAME + "-3"]
        again = second.seal(making.record_for(second, completed=0))
    assert bundle != again
    assert verify(bundle).ok
    assert verify(again).ok
    assert [line.id for line in index.read(tmp_path)] == [making.NAME, making.NAME + "-2"]


def test_a_seal_does_not_replace_a_bundle(writer):
    other = writer.folder.with_name(writer.id)
    other.mkdir()
    (other / "kept").write_text("kept")
    with pytest.raises(BundleExistsError):
        writer.seal(making.record_for(writer, completed=0))
    assert (other / "kept").read_text() == "kept"
    assert writer.folder.is_dir()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"completed": 2}, "completed is 2"),
        ({"completed": 1, "failed": 1}, "failed is 1"),
        ({"completed": 1, "id": making.NAME + "-7"}, "id is"),
    ],
)
def test_a_record_that_is_not_so_is_not_sealed(writer, changes, complaint):
    making.write_trial(writer, 0)
    with pytest.raises(RecordError, match=complaint):
        writer.seal(making.record_for(writer, **changes))
    assert not (writer.folder / "SEAL.json").exists()
    writer.seal(making.record_for(writer, completed=1))


def test_trials_that_were_skipped_are_the_runs_own_affair(writer):
    counts = TrialCounts(planned=9, completed=0, failed=0, skipped=9)
    record = making.record_for(writer, completed=0, status="aborted", trials=counts)
    assert verify(writer.seal(record)).ok


def test_a_writer_is_alone(writer):
    with pytest.raises(BundleBusyError) as error:
        making.taken_up(writer.folder)
    assert isinstance(error.value, BlockingIOError)
    writer.close()
    making.taken_up(writer.folder).close()


def test_a_closed_writer_writes_nothing(writer):
    writer.close()
    writer.close()
    with pytest.raises(WriterClosedError):
        writer.add("x", b"")
    with pytest.raises(WriterClosedError), writer.trial("t"):
        pytest.fail("the block must not run")
    with pytest.raises(WriterClosedError):
        writer.seal(making.record_for(writer, completed=0))


@pytest.mark.parametrize("name", ["nothing.partial", making.NAME, making.NAME + ".partial"])
def test_only_the_folder_of_an_unsealed_run_is_taken_up(tmp_path, name):
    if not name.startswith(making.NAME + "."):
        (tmp_path / name).mkdir()
    with pytest.raises(BundleMissingError):
        making.taken_up(tmp_path / name)


def test_a_run_that_is_taken_up_knows_its_instant(tmp_path):
    started = making.CREATED + timedelta(microseconds=7)
    BundleWriter.create(tmp_path, plan_sha256=making.PLAN_SHA256, created=started).close()
    with making.taken_up(tmp_path / f"{making.NAME}.partial") as writer:
        assert writer.created == making.CREATED
        assert verify(writer.seal(making.record_for(writer, completed=0))).ok


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError) as error:
        making.new_writer(tmp_path / "file/bundles")
    assert "file/bundles" in error.value.where


def test_everything_is_flushed_before_the_name_that_vouches_for_it(writer, monkeypatch):
    """A power cut may come right after a rename: what it publishes must be on the disk by then."""
    flushed: set[Path] = set()
    unflushed: list[Path] = []
    events: list[Path | str] = []
    fsync, rename = os.fsync, Path.rename

    def note_fsync(descriptor):
        flushed.add(Path(f"/proc/self/fd/{descriptor}").readlink())
        events.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    def check_rename(source, target):
        inside = [source, *source.rglob("*")]
        unflushed.extend(path for path in inside if path not in flushed)
        events.append(target.name)
        moved = rename(source, target)
        flushed.update(target / path.relative_to(source) for path in inside)
        return moved

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "rename", check_rename)
    writer.add("inputs/deep/plan.yaml", b"name: demo\n")
    name = making.write_trial(writer, 0)
    bundle = writer.seal(making.record_for(writer, completed=1))
    assert unflushed == []
    renamed = [at for at, event in enumerate(events) if isinstance(event, str)]
    assert [events[at] for at in renamed] == [
        "plan.yaml", name, "bundle.json", "README.md", "MANIFEST.sha256", "SEAL.json", bundle.name
    ]  # fmt: skip
    folders = [events[at + 1] for at in renamed]
    partial = bundle.with_name(f"{bundle.name}.partial")
    assert folders == [partial / "inputs/deep", partial / "trials", *[partial] * 4, bundle.parent]
    assert events[-2:] == [bundle.parent / "index.jsonl", bundle.parent]
