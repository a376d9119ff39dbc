"""Every way to change a bundle is found, with its code, and nothing whole is complained about."""

from __future__ import annotations

import os
import subprocess
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundle import tree
from bundle.codes import CODES, FILE_LEVELS
from bundle.errors import BundleMissingError, NotSealedError, VerificationError
from bundle.verify import require, verify
from tests.bundle import making
from tests.bundle.breaking import CASES


def name_of(case):
    return case.apply.__name__


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One bundle that no test may leave changed."""
    return making.sealed(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_each_change_gives_exactly_its_codes(tmp_path, case):
    bundle = making.sealed(tmp_path)
    bundle = case.apply(bundle) or bundle
    outcome = verify(bundle, "L1")
    assert {problem.code for problem in outcome.problems} == case.codes
    levels = {CODES[code].level for code in case.codes}
    assert outcome.level_reached == (None if "L0" in levels else "L0")
    assert not outcome.ok


@pytest.mark.parametrize("case", [c for c in CASES if c.coreutils in {"see", "blind"}], ids=name_of)
def test_coreutils_see_what_the_documentation_says_they_see(tmp_path, case):
    bundle = making.sealed(tmp_path)
    bundle = case.apply(bundle) or bundle
    assert bool(making.coreutils(bundle)) == (case.coreutils == "see")


def test_every_code_has_a_case_a_message_and_a_hint():
    due = {name for name, code in CODES.items() if code.level in FILE_LEVELS}
    assert set().union(*(case.codes for case in CASES)) == due
    assert all(code.message and code.hint for code in CODES.values())


def test_a_whole_bundle_reaches_l1_and_coreutils_agree(whole):
    outcome = verify(whole)
    assert outcome.ok
    assert outcome.level_reached == "L1"
    assert outcome.problems == ()
    assert outcome.files == len(making.manifest_lines(whole))
    assert outcome.seal == making.sha256((whole / "SEAL.json").read_bytes())
    assert making.coreutils(whole) == ""


def test_a_judged_bundle_reaches_l1_and_sha256sum_agrees(tmp_path):
    bundle = making.sealed(tmp_path)
    derived = making.judged(bundle)
    assert verify(bundle).ok
    assert making.coreutils(bundle) == ""
    subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "DERIVED.sha256"], cwd=derived, check=True
    )


def test_signature_and_ro_crate_may_lie_beside_the_seal(tmp_path):
    bundle = making.sealed(tmp_path)
    (bundle / "SEAL.json.sig").write_text("signed")
    (bundle / "ro-crate-metadata.json").write_text("{}")
    assert verify(bundle).ok
    assert making.coreutils(bundle) == ""


@settings(deadline=None)
@given(data=st.data())
def test_any_changed_byte_of_any_file_is_found(whole, data):
    files = sorted(path for path in whole.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files), label="file")
    before = path.read_bytes()
    at = data.draw(st.integers(0, len(before) - 1), label="at")
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != before[at]), label="byte")
    path.write_bytes(before[:at] + bytes([byte]) + before[at + 1 :])
    try:
        outcome = verify(whole)
        if path.name == "SEAL.json":
            # White space aside, the seal holds itself only by its digest: that is level L4.
            assert not outcome.ok or outcome.seal != making.sha256(before)
        else:
            assert not outcome.ok
    finally:
        path.write_bytes(before)


def test_all_problems_are_listed_not_only_the_first(tmp_path):
    bundle = making.sealed(tmp_path)
    for index in range(2):
        (bundle / "trials" / making.trial_name(index) / "wrk.stdout.txt").write_text("changed")
    (bundle / "SEAL.json").unlink()
    codes = [problem.code for problem in verify(bundle).problems]
    assert codes == ["seal-missing", "file-changed", "file-changed"]


def test_l0_does_not_look_at_the_files(tmp_path):
    bundle = making.sealed(tmp_path)
    (bundle / "inputs/plan.yaml").unlink()
    assert verify(bundle, "L0").ok
    assert not verify(bundle, "L1").ok


def test_a_level_that_does_not_exist_is_refused(whole):
    with pytest.raises(ValueError, match="L0, L1"):
        verify(whole, "L9")


def test_names_from_the_disk_cannot_speak_to_the_terminal(tmp_path):
    bundle = making.sealed(tmp_path)
    (bundle / os.fsdecode(b"\x1b[2J\xff\n")).write_text("")
    (problem,) = verify(bundle).problems
    assert problem.path.isascii()
    assert problem.path.isprintable()


def test_memory_does_not_grow_with_the_size_of_a_file(tmp_path):
    with making.new_writer(tmp_path) as writer:
        large = tmp_path / "large"
        with large.open("wb") as file:
            file.truncate(64 * 2**20)
        writer.add("host/large.bin", large)
        bundle = writer.seal(making.record_for(writer, completed=0))
    tracemalloc.start()
    try:
        assert verify(bundle).ok
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 2**20


def test_a_record_that_was_made_huge_is_not_read_whole(tmp_path):
    (tmp_path / "record").write_bytes(b"1234")
    assert tree.read_small(tmp_path / "record", limit=4) == b"1234"
    with pytest.raises(OSError, match="larger than 3 bytes"):
        tree.read_small(tmp_path / "record", limit=3)


def test_require_names_the_first_problem_and_counts_the_rest(tmp_path):
    with pytest.raises(BundleMissingError):
        require(tmp_path / "nothing", "L0")
    bundle = making.sealed(tmp_path)
    assert require(bundle, "L1").ok
    (bundle / "inputs/plan.yaml").unlink()
    (bundle / "more").write_text("")
    with pytest.raises(VerificationError, match=r"plan\.yaml.*and 2 more"):
        require(bundle, "L1")
    (bundle / "SEAL.json").unlink()
    with pytest.raises(NotSealedError, match=r"no SEAL\.json"):
        require(bundle, "L1")
