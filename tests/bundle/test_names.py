"""The rule for paths: what it lets through works in every tool that meets it."""

from __future__ import annotations

import subprocess
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundle import manifest, ustar
from bundle.errors import PathRefusedError
from bundle.names import check_path, collisions

GOOD = ["a", "inputs/plan.yaml", "trials/001-a@b+c=d,e-b07/samples.parquet", "_x/9", "a" * 100]
BAD = [
    "", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "./a", ".hidden", "a/.b", "-rf",
    "a/-b", "a b", "a\tb", "a\nb", "a\\b", "a:b", "a*b", "a\x00b", "\udcff", "ä", "a/b\n",
    "a" * 101, "f" * 91 + "/a",
]  # fmt: skip


@pytest.mark.parametrize("path", GOOD)
def test_plain_names_are_allowed(path):
    assert check_path(path) == path


@pytest.mark.parametrize("path", BAD)
def test_other_names_are_refused(path):
    with pytest.raises(PathRefusedError) as error:
        check_path(path)
    assert error.value.where.isprintable()


@settings(deadline=None)
@given(st.from_regex(r"[\w.+=@,-]{1,40}(/[\w.+=@,-]{1,60}){0,3}", fullmatch=True))
def test_an_allowed_name_survives_list_and_tar(path):
    try:
        check_path(path)
    except PathRefusedError:
        return
    assert manifest.parse(manifest.render({path: "0" * 64})).digests == {path: "0" * 64}
    folder, _, name = f"{'i' * 64}/{path}".rpartition("/")
    block = ustar.header(folder, name, 5)
    assert len(block) == 512
    assert ustar.parse(block) == (folder, name, 5)
    member = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    assert (member.name, member.size, member.isreg()) == (f"{folder}/{name}", 5, True)


def test_every_allowed_character_is_read_by_sha256sum(tmp_path):
    name = "az_AZ09.+=@,-"
    (tmp_path / name).write_bytes(b"")
    (tmp_path / "list").write_bytes(manifest.render({name: "0" * 64}))
    ran = subprocess.run(
        ["sha256sum", "--check", "--strict", "list"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout == f"{name}: FAILED\n"


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (["a/x", "a/y", "b"], []),
        (["a", "A"], [("a", "A")]),
        (["a/x", "A/y"], [("a", "A")]),
        (["a/b/c", "a/B/c"], [("a/b", "a/B")]),
        (["a/b", "ab"], []),
    ],
)
def test_names_that_differ_only_in_case_are_found(paths, found):
    assert list(collisions(paths)) == found
