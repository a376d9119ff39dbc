"""derived/ is replaced as a whole, belongs to one seal, and never touches the seal."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from bundle.derived import write_derived
from bundle.errors import (
    BundleBusyError,
    NotSealedError,
    PathRefusedError,
    RecordError,
    StorageError,
)
from bundle.format import Provenance
from bundle.read import Bundle
from bundle.verify import verify
from bundle.write import BundleWriter
from tests.bundle import making


@pytest.fixture
def bundle(tmp_path):
    return making.sealed(tmp_path / "bundles")


@pytest.fixture
def provenance(bundle):
    seal = Bundle.open(bundle).seal
    return Provenance(seal=seal, ledger="9" * 64, analysis_lock="8" * 64, tool=making.TOOL)


def test_judging_again_replaces_the_whole_and_leaves_the_seal(bundle, provenance):
    sealed = (bundle / "SEAL.json").read_bytes()
    write_derived(bundle, {"results.json": b"1", "old.json": b"1"}, provenance)
    derived = write_derived(bundle, {"results.json": b"2"}, provenance)
    assert making.snapshot(derived).keys() == {"results.json", "DERIVED.sha256"}
    assert verify(bundle).ok
    assert (bundle / "SEAL.json").read_bytes() == sealed
    names = sorted(path.name for path in bundle.parent.iterdir())
    assert names == [making.NAME, "index.jsonl"]


def test_the_list_names_what_was_judged_and_sha256sum_reads_it(bundle, provenance):
    derived = write_derived(bundle, {"results.json": b"1", "figures/a.svg": b""}, provenance)
    head = (derived / "DERIVED.sha256").read_text().splitlines()[0]
    assert head.startswith('# {"schema":"derived/1"')
    assert provenance.seal in head
    command = ["sha256sum", "--check", "--strict", "--quiet", "DERIVED.sha256"]
    subprocess.run(command, cwd=derived, check=True)


def test_results_of_another_seal_are_refused(bundle, provenance):
    (bundle / "SEAL.json").write_bytes((bundle / "SEAL.json").read_bytes() + b"\n")
    with pytest.raises(RecordError, match="another seal"):
        write_derived(bundle, {}, provenance)
    assert not (bundle / "derived").exists()


def test_an_unsealed_bundle_is_not_judged(bundle, provenance):
    (bundle / "SEAL.json").unlink()
    with pytest.raises(NotSealedError):
        write_derived(bundle, {}, provenance)


@pytest.mark.parametrize(
    "files",
    [{"../x": b""}, {"DERIVED.sha256": b""}, {"derived.SHA256": b""}, {"a": b"", "A": b""}],
    ids=["escape", "list", "list in another case", "case"],
)
def test_names_are_refused_before_anything_is_written(bundle, provenance, files):
    with pytest.raises(PathRefusedError):
        write_derived(bundle, files, provenance)
    assert not (bundle / "derived").exists()


def test_a_file_that_is_also_a_folder_leaves_the_old_results(bundle, provenance):
    old = making.snapshot(making.judged(bundle))
    with pytest.raises(StorageError):
        write_derived(bundle, {"a": b"", "a/b": b""}, provenance)
    assert making.snapshot(bundle / "derived") == old
    assert verify(bundle).ok


def test_what_a_killed_judge_left_is_cleaned_up(bundle, provenance):
    for suffix in (".derived", ".derived.old"):
        leftover = bundle.with_name(f".{bundle.name}{suffix}")
        leftover.mkdir()
        (leftover / "half").write_text("")
    write_derived(bundle, {"results.json": b"1"}, provenance)
    assert verify(bundle).ok
    assert not list(bundle.parent.glob(".*"))


def test_a_link_in_place_of_the_folder_is_replaced_not_followed(bundle, provenance, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    (bundle / "derived").symlink_to(outside)
    write_derived(bundle, {"results.json": b"1"}, provenance)
    assert not (bundle / "derived").is_symlink()
    assert (outside / "kept").read_text() == "kept"
    assert verify(bundle).ok


def test_a_failed_move_puts_the_old_results_back(bundle, provenance, monkeypatch):
    old = making.snapshot(making.judged(bundle))
    rename = Path.rename

    def refuse_the_new(source, target):
        if source.name.endswith(".derived"):
            raise OSError(5, os.strerror(5), str(source))
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", refuse_the_new)
    with pytest.raises(StorageError):
        write_derived(bundle, {"results.json": b"1"}, provenance)
    assert making.snapshot(bundle / "derived") == old


def test_two_judges_do_not_write_at_once(bundle, provenance):
    other = BundleWriter(bundle, making.CREATED)
    try:
        with pytest.raises(BundleBusyError):
            write_derived(bundle, {}, provenance)
    finally:
        other.close()
