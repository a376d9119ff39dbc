"""A hostile list of files ends in problems with codes, in the lab and in the program for strangers.

Neither crashes, follows a name out of the bundle, or writes anything.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundle import verify_bundle
from bundle.errors import BundleError
from bundle.pack import pack
from bundle.verify import verify
from tests.bundle import making
from tests.bundle.hostile import tried

OUTSIDE = b"a file beside the bundle\n"
LISTS = ("MANIFEST.sha256", "derived/DERIVED.sha256")
RECORDS = ("SEAL.json", "bundle.json")


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A judged bundle with a file beside it that a list may try to name."""
    parent = tmp_path_factory.mktemp("good")
    bundle = making.sealed(parent, trials=1)
    making.judged(bundle)
    (parent / "outside.txt").write_bytes(OUTSIDE)
    return bundle


def problems_of(good, changes, *, resealed=False):
    """Change files of a copy, and return what is found; both programs must find the same."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / good.name
        shutil.copytree(good.parent, folder, dirs_exist_ok=True)
        for name, data in changes.items():
            (bundle / name).write_bytes(data)
        if resealed:
            making.reseal(bundle)
        before = making.snapshot(Path(folder))
        ours = sorted((p.code, p.level, p.path) for p in verify(bundle, "L1").problems)
        told = verify_bundle.verify(bundle)
        theirs = sorted((code, verify_bundle._level(code), path) for code, path, _ in told)
        assert ours == theirs
        assert all(path.isascii() and path.isprintable() for _, _, path in ours)
        if ours:
            with pytest.raises(BundleError):
                pack(bundle, Path(folder) / "b.tar.zst")
        assert making.snapshot(Path(folder)) == before
        return ours


digests = st.one_of(
    st.sampled_from([making.sha256(OUTSIDE), "0" * 64, "F" * 64, "0" * 63, "-", ""]),
    st.text("0123456789abcdef", min_size=64, max_size=64),
)
paths = st.one_of(
    st.sampled_from(
        [
            *(
                "../outside.txt",
                "a/../../outside.txt",
                "/etc/passwd",
                "/dev/zero",
                "/proc/self/mem",
            ),
            *("SEAL.json", "MANIFEST.sha256", "derived/results.json", "bundle.json", "BUNDLE.json"),
            *("", ".", "..", "a//b", "a/", "-rf", "a\\b", "a\x00b", "a\rb", "\x1b[2J", "a b", "é"),
            *("x" * 5000, "x/" * 2000 + "y", "*", "$(id)", "`id`", "inputs/plan.yaml"),
        ]
    ),
    st.text(max_size=20),
)
separators = st.sampled_from(["  ", " *", " ", "\t", ""])
ends = st.sampled_from(["\n", "\r\n", "", "\n\n"])
lines = st.tuples(digests, separators, paths, ends).map("".join)


@tried
@given(data=st.data())
def test_a_hostile_list_is_told_with_codes_by_both_programs(good, data):
    name = data.draw(st.sampled_from(LISTS), label="list")
    kept = (good / name).read_bytes().splitlines(keepends=True)
    made = [
        line.encode("utf-8", "surrogatepass") for line in data.draw(st.lists(lines, max_size=4))
    ]
    whole = data.draw(
        st.permutations([*data.draw(st.sampled_from([kept, []])), *made]), label="lines"
    )
    changed = b"".join(whole)
    resealed = data.draw(st.booleans(), label="resealed")
    found = problems_of(good, {name: changed}, resealed=resealed)
    if changed != (good / name).read_bytes():
        assert found
    elif not resealed:
        assert found == []


@tried
@given(data=st.data())
def test_lists_and_records_that_are_noise_or_spoilt_are_told_with_codes(good, data):
    name = data.draw(st.sampled_from([*LISTS, *RECORDS]), label="file")
    whole = (good / name).read_bytes()
    start = data.draw(st.integers(0, len(whole)), label="start")
    end = data.draw(st.integers(start, min(len(whole), start + 200)), label="end")
    new = data.draw(st.one_of(st.binary(max_size=64), st.just(whole[start:end] * 2)), label="new")
    noise = data.draw(st.booleans(), label="noise")
    spoilt = new if noise else whole[:start] + new + whole[end:]
    found = problems_of(good, {name: spoilt})
    assert (found == []) == (spoilt == whole)


def test_a_list_that_names_a_file_outside_with_its_right_digest_is_refused(good):
    line = f"{making.sha256(OUTSIDE)}  ../outside.txt\n".encode()
    changed = line + (good / "MANIFEST.sha256").read_bytes()
    codes = {code for code, _, _ in problems_of(good, {"MANIFEST.sha256": changed}, resealed=True)}
    assert "manifest-escapes" in codes
