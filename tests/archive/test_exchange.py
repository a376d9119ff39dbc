"""Push and pull: digests hold at both ends, a cut leaves nothing, nothing is ever replaced."""

from __future__ import annotations

import os
import shutil

import pytest

from bundle import index, tree
from bundle.verify import verify
from ormlab.archive.check import check
from ormlab.archive.errors import EntryError, MismatchError, StoreError
from ormlab.archive.exchange import RECEIVED, pull, push
from ormlab.archive.keep import add
from ormlab.archive.store import Store
from tests.archive import making as archives
from tests.archive.conftest import SECRET
from tests.bundle import making

LARGE = 20 * 2**20  # more than goes in one piece
CUT = 100_000


def contents(store):
    return {name: store.read(name) for name in store.names("")}


def large(tmp_path):
    """An archive of one bundle whose packed form goes in parts."""
    with making.new_writer(tmp_path / "bundles") as writer:
        writer.add("inputs/noise.bin", os.urandom(LARGE))
        making.write_trial(writer, 1)
        bundle = writer.seal(making.record_for(writer, completed=1))
    return add(bundle, tmp_path / "archive").path.parent


def test_what_is_pulled_is_what_was_pushed(archive, store, tmp_path):
    pushed = push(archive, store)
    assert [each.outcome for each in pushed] == ["stored"] * 4
    for each in pushed:
        packed = store.read(f"bundles/sha256/{each.stored.archive}.tar.zst")
        assert making.sha256(packed) == each.stored.archive
        assert len(packed) == each.stored.size
    pull(store, tmp_path / "there", [])
    assert making.snapshot(tmp_path / "there") == making.snapshot(archive)


def test_a_second_push_stores_nothing_and_a_later_one_what_is_new(archive, store, tmp_path):
    push(archive, store)
    before = contents(store)
    assert {each.outcome for each in push(archive, store)} == {"present"}
    assert contents(store) == before
    archives.archive(archive, tmp_path / "bundles", count=1)
    assert [each.outcome for each in push(archive, store)] == ["present"] * 4 + ["stored"]
    assert before.items() < contents(store).items()
    assert "index/00000005.jsonl" in contents(store)


def test_one_bundle_can_be_pushed_and_pulled(archive, store, tmp_path):
    push(archive, store, [f"{making.NAME}-2"])
    (kept,) = pull(store, tmp_path / "there", [f"{making.NAME}-2"])
    assert verify(kept.path).ok
    with pytest.raises(EntryError, match="never pushed"):
        pull(store, tmp_path / "there", [f"{making.NAME}-3"])
    with pytest.raises(EntryError, match="no bundle"):
        pull(store, tmp_path / "there", ["2027"])


def test_a_bundle_of_another_s_store_does_not_spoil_an_archive(archive, store, tmp_path):
    push(archive, store)
    there = tmp_path / "there"
    pull(store, there, [f"{making.NAME}-2", making.NAME])
    assert [line.id for line in index.read(there)] == [f"{making.NAME}-2", making.NAME]
    (apart,) = (there / RECEIVED).iterdir()
    assert index.read(apart) == index.read(archive)
    own = archives.measured(tmp_path / "own", day=9)
    add(own, there)
    assert check(there).findings == ()
    mine = Store.open(str(tmp_path / "mine"), make=True)
    assert [each.outcome for each in push(there, mine)] == ["stored"] * 3
    pull(mine, tmp_path / "again", [])
    assert check(tmp_path / "again").findings == ()
    with pytest.raises(MismatchError, match="continue each other"):
        push(there, store)
    with pytest.raises(MismatchError, match="continue each other"):
        pull(store, there, [])


def test_the_first_line_of_another_s_index_does_not_make_it_one_s_own(archive, store, tmp_path):
    push(archive, store)
    there = tmp_path / "there"
    for identifier in [line.id for line in index.read(archive)][:2]:
        pull(store, there, [identifier])
    assert check(there).findings == ()
    assert len(index.read(there)) == 2


def test_a_bundle_that_was_lost_comes_back_from_the_archive_s_own_store(archive, store):
    push(archive, store)
    before = making.snapshot(archive)
    shutil.rmtree(archive / making.NAME)
    pull(store, archive, [making.NAME])
    assert making.snapshot(archive) == before


def test_a_store_whose_index_was_rewritten_since_is_refused(archive, tmp_path):
    store = Store.open(str(tmp_path / "store"), make=True)
    push(archive, store)
    there = tmp_path / "there"
    pull(store, there, [making.NAME])
    segment = tmp_path / "store/index/00000001.jsonl"
    first, _ = segment.read_text().split("\n", 1)
    segment.write_text(f"{first}\n")
    archives.archive(archive, tmp_path / "bundles", count=1)
    (archive / "index.jsonl").write_text(f"{first}\n")
    index.append(archive, f"{making.NAME}-5", tree.digest(archive / f"{making.NAME}-5/SEAL.json"))
    push(archive, store, [f"{making.NAME}-5"])
    with pytest.raises(MismatchError, match="index"):
        pull(store, there, [f"{making.NAME}-5"])
    assert not (there / f"{making.NAME}-5").exists()


def test_what_is_here_already_is_not_fetched_again(archive, store):
    push(archive, store)
    assert {each.outcome for each in pull(store, archive, [])} == {"present"}


def test_an_index_that_is_not_the_beginning_of_ours_is_refused(archive, store, tmp_path):
    push(archive, store)
    before = contents(store)
    archives.archive(tmp_path / "other", tmp_path / "others", count=5)
    other = tmp_path / "other"
    line = index.read(other)[0]
    (other / "index.jsonl").unlink()
    index.append(other, f"{making.NAME}-2", "0" * 64)
    index.append(other, line.id, line.seal)
    with pytest.raises(MismatchError, match="continue each other"):
        push(other, store, [line.id])
    with pytest.raises(MismatchError, match="continue each other"):
        pull(store, other, [])
    assert contents(store) == before


def test_a_packed_bundle_that_changed_in_the_store_is_not_unpacked(archive, tmp_path):
    store = Store.open(str(tmp_path / "store"), make=True)
    (pushed, *_) = push(archive, store)
    packed = tmp_path / f"store/bundles/sha256/{pushed.stored.archive}.tar.zst"
    data = bytearray(packed.read_bytes())
    data[len(data) // 2] ^= 1
    packed.write_bytes(data)
    with pytest.raises(MismatchError, match="not what was stored"):
        pull(store, tmp_path / "there", [pushed.stored.id + "-2", pushed.stored.id])
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == [
        f"{making.NAME}-2",
        "index.jsonl",
        "received",
    ]
    packed.unlink()
    with pytest.raises(MismatchError, match="is not there"):
        push(archive, store)


def test_an_upload_that_is_cut_leaves_nothing_and_the_next_push_completes_it(tmp_path, s3):
    archive = large(tmp_path)
    store = Store.open(s3.url, retries=0)
    s3.cut_up = CUT
    with pytest.raises(StoreError):
        push(archive, store)
    assert s3.cuts
    s3.restore()
    assert set(contents(store)) <= {"ormlab-store.json"}
    (pushed,) = push(archive, store)
    assert pushed.outcome == "stored"
    assert pushed.stored.size > LARGE
    (kept,) = pull(store, tmp_path / "there", [making.NAME])
    assert verify(kept.path).ok


def test_a_small_upload_that_is_cut_leaves_nothing_either(archive, s3):
    with making.new_writer(archive.parent / "noisy") as writer:
        writer.add("inputs/noise.bin", os.urandom(3 * CUT))
        bundle = writer.seal(making.record_for(writer, completed=0))
    noisy = add(bundle, archive.parent / "noisy-archive").path.parent
    store = Store.open(s3.url, retries=0)
    s3.cut_up = CUT
    with pytest.raises(StoreError):
        push(noisy, store)
    assert s3.cuts
    s3.restore()
    assert set(contents(store)) == {"ormlab-store.json"}
    assert push(noisy, store)[0].outcome == "stored"


def test_a_download_that_is_cut_leaves_nothing_and_the_next_pull_completes_it(tmp_path, s3):
    archive = large(tmp_path)
    store = Store.open(s3.url, retries=0)
    push(archive, store)
    s3.cut_down = CUT
    with pytest.raises(StoreError):
        pull(store, tmp_path / "there", [making.NAME])
    assert s3.cuts
    assert list((tmp_path / "there").iterdir()) == []
    s3.restore()
    pull(store, tmp_path / "there", [])
    assert making.snapshot(tmp_path / "there") == making.snapshot(archive)


def test_a_push_that_ended_before_the_index_is_completed(archive, store, tmp_path):
    push(archive, store)
    half = Store.open(str(tmp_path / "half"), make=True)
    for name, data in contents(store).items():
        if name.startswith("bundles/"):
            half.put_once(name, data)
    push(archive, half)
    assert contents(half) == contents(store)


def test_a_store_that_would_replace_what_is_there_is_refused(archive, s3):
    s3.drop_condition = True
    store = Store.open(s3.url, retries=0)
    with pytest.raises(StoreError, match="conditional"):
        push(archive, store)
    assert set(contents(store)) == {"ormlab-store.json"}


def test_a_name_is_given_once(store):
    assert store.put_once("a/b", b"first")
    assert not store.put_once("a/b", b"second")
    assert store.read("a/b") == b"first"
    assert (store.size("a/b"), store.size("a/c"), store.read("a/c")) == (5, None, None)


@pytest.mark.parametrize(
    "url", ["s3://key:secret@bucket/x", "s3://bucket/x?secret=y", "https://bucket/x", "nfs://x/y"]
)
def test_an_address_holds_no_credentials_and_is_of_a_kind_that_can_be_kept_to(url):
    with pytest.raises(EntryError) as error:
        Store.open(url)
    assert "secret" not in str(error.value.record())


def test_no_error_tells_a_secret(s3):
    s3.cut_down = 0
    store = Store.open(f"{s3.url}/{SECRET}", retries=0)
    with pytest.raises(StoreError) as error:
        store.read("x")
    assert SECRET not in error.value.what
    assert "environment" in error.value.hint


def test_a_folder_that_is_not_there_is_no_empty_store(tmp_path):
    with pytest.raises(StoreError):
        Store.open(str(tmp_path / "nowhere"))


def test_a_bundle_that_is_not_here_cannot_be_pushed(archive, store):
    shutil.rmtree(archive / making.NAME)
    assert len(push(archive, store)) == 3
    with pytest.raises(EntryError, match="not in the archive"):
        push(archive, store, [making.NAME])
