"""Every change of an archive is found, with the code that says what was done."""

from __future__ import annotations

import shutil

import pytest

from bundle import index
from ormlab.archive.check import check
from ormlab.archive.codes import CODES
from ormlab.archive.errors import EntryError
from tests.archive import making as archives
from tests.bundle import code_tables, making
from tests.conftest import CHECKOUT


def lines(archive):
    return (archive / "index.jsonl").read_bytes().splitlines(keepends=True)


def write(archive, changed):
    (archive / "index.jsonl").write_bytes(b"".join(changed))


def edit_index(change):
    return lambda archive: write(archive, change(lines(archive)))


def edited_seal(old):
    """The second line names another seal."""
    seal = old[1][old[1].index(b'"seal":"') + 8 :][:64]
    return [old[0], old[1].replace(seal, b"0" * 64), *old[2:]]


def replace(archive):
    """A whole bundle, sealed again, in the place of another."""
    shutil.rmtree(archive / making.NAME)
    shutil.copytree(making.sealed(archive.parent / "other", trials=2), archive / making.NAME)


def unlist(archive):
    """A bundle without a line, beside an index whose last line says nothing."""
    shutil.copytree(making.sealed(archive.parent / "bundles"), archive / f"{making.NAME}-5")
    write(archive, [*lines(archive), b"{}\n"])


BREAKING = {
    "index-malformed": (edit_index(lambda old: [old[0], b"{}\n", *old[2:]]), "index.jsonl:2"),
    "index-torn": (edit_index(lambda old: [*old, b'{"schema":"ind']), "index.jsonl:5"),
    "index-repeated": (edit_index(lambda old: [*old[:2], old[0], *old[2:]]), "index.jsonl:3"),
    "index-moved": (edit_index(lambda old: [old[0], old[2], old[1], old[3]]), "index.jsonl:2"),
    "index-edited": (edit_index(edited_seal), "index.jsonl:2"),
    "index-removed": (edit_index(lambda old: [old[0], *old[2:]]), "index.jsonl:2"),
    "index-truncated": (edit_index(lambda old: old[:3]), f"{making.NAME}-4"),
    "entry-unlisted": (unlist, f"{making.NAME}-5"),
    "entry-missing": (lambda archive: shutil.rmtree(archive / making.NAME), making.NAME),
    "entry-replaced": (replace, f"{making.NAME}/SEAL.json"),
}


def found(archive, **asked):
    """Each code with the first place it stands against."""
    return {each.code: each.where for each in reversed(check(archive, **asked).findings)}


def test_a_whole_archive_has_no_findings(archive):
    outcome = check(archive)
    assert (outcome.lines, outcome.bundles, outcome.findings) == (4, 4, ())


@pytest.mark.parametrize("code", BREAKING)
def test_every_kind_of_change_has_its_code(archive, code):
    breaking, where = BREAKING[code]
    breaking(archive)
    assert found(archive)[code] == where


def test_every_code_is_broken_here_and_documented():
    against_a_copy = {"index-rewritten"}
    assert set(BREAKING) | against_a_copy == set(CODES)
    assert code_tables.of_archives() in (CHECKOUT / "docs/archive.md").read_text()


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (lambda old: old[1:], {"index-removed"}),
        (lambda old: [old[0], old[3]], {"index-removed", "entry-unlisted"}),
        (lambda old: old[::-1], {"index-moved"}),
        (lambda old: [*old[:3], old[3].rstrip(b"\n")], {"index-torn", "entry-unlisted"}),
        (lambda _: [], {"index-truncated"}),
    ],
    ids=["first", "two", "reversed", "unended", "all"],
)
def test_what_was_done_is_told_and_nothing_else(archive, change, codes):
    edit_index(change)(archive)
    assert set(found(archive)) == codes


def test_a_line_whose_link_was_edited_is_the_one_that_is_named(archive):
    old = lines(archive)
    previous = old[1].rpartition(b'"previous":"')[2][:64]
    write(archive, [old[0], old[1].replace(previous, b"0" * 64), *old[2:]])
    assert found(archive) == {"index-edited": "index.jsonl:2"}


def test_a_removed_line_is_told_by_the_bundle_that_it_was_of(archive):
    write(archive, [line for number, line in enumerate(lines(archive)) if number != 1])
    (finding,) = check(archive).findings
    assert finding.bundle == f"{making.NAME}-2"


def test_an_index_written_anew_is_seen_only_against_a_copy(archive):
    copy = archive.parent / "copy.jsonl"
    shutil.copy(archive / "index.jsonl", copy)
    entries = index.read(archive)
    (archive / "index.jsonl").unlink()
    for line in (entries[1], entries[0], *entries[2:]):
        index.append(archive, line.id, line.seal)
    assert found(archive) == {}
    assert found(archive, copy=copy) == {"index-rewritten": "index.jsonl:1"}


def test_cut_off_lines_and_their_bundles_are_seen_against_a_copy(archive):
    copy = archive.parent / "copy.jsonl"
    shutil.copy(archive / "index.jsonl", copy)
    write(archive, lines(archive)[:3])
    shutil.rmtree(archive / f"{making.NAME}-4")
    assert found(archive) == {}
    assert found(archive, copy=copy) == {"index-truncated": "index.jsonl"}


def test_a_copy_that_is_older_is_continued(archive):
    copy = archive.parent / "copy.jsonl"
    copy.write_bytes(b"".join(lines(archive)[:2]))
    assert found(archive, copy=copy) == {}


def test_problems_of_a_bundle_keep_their_own_codes(archive):
    (archive / making.NAME / "inputs/plan.yaml").write_text("changed")
    assert found(archive) == {"file-changed": f"{making.NAME}/inputs/plan.yaml"}
    assert check(archive).bundles == 3
    assert found(archive, ids=[f"{making.NAME}-2"]) == {}
    with pytest.raises(EntryError):
        check(archive, ["2027"])


def test_what_an_add_that_was_killed_left_is_mended_by_the_next(archive, tmp_path):
    write(archive, [*lines(archive), b'{"schema":"ind'])
    archives.archive(archive, tmp_path / "bundles", count=1)
    assert check(archive).lines == 5
    assert check(archive).findings == ()
