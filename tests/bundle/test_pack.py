"""An archive is the same bytes for the same bundle, and any tar reads it."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile

import pytest
import zstandard

from bundle.errors import (
    ArchiveError,
    BundleExistsError,
    NotSealedError,
    StorageError,
    VerificationError,
)
from bundle.pack import pack
from bundle.unpack import Limits, unpack
from bundle.verify import verify
from tests.bundle import making


@pytest.fixture
def bundle(tmp_path):
    bundle = making.sealed(tmp_path / "bundles")
    making.judged(bundle)
    return bundle


def test_a_bundle_packs_twice_to_the_same_bytes(bundle, tmp_path):
    digest = pack(bundle, tmp_path / "1.tar.zst")
    assert digest == making.sha256((tmp_path / "1.tar.zst").read_bytes())
    moved = shutil.move(bundle, tmp_path / "renamed by its owner")
    for path in moved.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    assert pack(moved, tmp_path / "2.tar.zst") == digest
    assert pack(unpack(tmp_path / "1.tar.zst", tmp_path), tmp_path / "3.tar.zst") == digest


def test_what_is_unpacked_is_what_was_packed(bundle, tmp_path):
    pack(bundle, tmp_path / "b.tar.zst")
    (tmp_path / "there").mkdir()
    copy = unpack(tmp_path / "b.tar.zst", tmp_path / "there")
    assert copy == tmp_path / "there" / making.NAME
    assert making.snapshot(copy) == making.snapshot(bundle)
    assert [path.name for path in (tmp_path / "there").iterdir()] == [making.NAME]


def test_the_archive_is_plain_and_sorted(bundle, tmp_path):
    pack(bundle, tmp_path / "b.tar.zst")
    data = zstandard.ZstdDecompressor().decompress((tmp_path / "b.tar.zst").read_bytes())
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == sorted(member.name for member in members)
    assert {member.name.partition("/")[0] for member in members} == {making.NAME}
    plain = {(m.type, m.mode, m.uid, m.gid, m.mtime, m.uname, m.gname) for m in members}
    assert plain == {(tarfile.REGTYPE, 0o644, 0, 0, 0, "", "")}


@pytest.mark.skipif(not shutil.which("zstd"), reason="no zstd program here to read it with")
def test_tar_and_zstd_unpack_it_too(bundle, tmp_path):
    pack(bundle, tmp_path / "b.tar.zst")
    (tmp_path / "there").mkdir()
    subprocess.run(["zstd", "--test", "--quiet", tmp_path / "b.tar.zst"], check=True)
    subprocess.run(["tar", "--zstd", "-xf", "../b.tar.zst"], cwd=tmp_path / "there", check=True)
    assert verify(tmp_path / "there" / making.NAME).ok


def test_only_what_reaches_l1_is_packed(bundle, tmp_path):
    (bundle / "inputs/plan.yaml").write_text("changed")
    with pytest.raises(VerificationError):
        pack(bundle, tmp_path / "b.tar.zst")
    (bundle / "SEAL.json").unlink()
    with pytest.raises(NotSealedError):
        pack(bundle, tmp_path / "b.tar.zst")
    assert not (tmp_path / "b.tar.zst").exists()


def test_nothing_is_overwritten(bundle, tmp_path):
    archive = tmp_path / "b.tar.zst"
    archive.write_text("mine")
    with pytest.raises(BundleExistsError):
        pack(bundle, archive)
    assert archive.read_text() == "mine"
    pack(bundle, tmp_path / "c.tar.zst")
    before = making.snapshot(bundle.parent)
    with pytest.raises(BundleExistsError):
        unpack(tmp_path / "c.tar.zst", bundle.parent)
    assert making.snapshot(bundle.parent) == before


def test_limits_are_kept(bundle, tmp_path):
    pack(bundle, tmp_path / "b.tar.zst")
    there = tmp_path / "there"
    there.mkdir()
    with pytest.raises(ArchiveError, match="above 1000 bytes"):
        unpack(tmp_path / "b.tar.zst", there, limits=Limits(size=1000))
    with pytest.raises(ArchiveError, match="more than 3 files"):
        unpack(tmp_path / "b.tar.zst", there, limits=Limits(files=3))
    assert list(there.iterdir()) == []


def test_a_small_archive_cannot_fill_the_disk(tmp_path):
    archive, there = tmp_path / "b.tar.zst", tmp_path / "there"
    there.mkdir()
    archive.write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(bytes(70 * 2**20)))
    with pytest.raises(ArchiveError, match="the declared size is above"):
        unpack(archive, there)
    assert list(there.iterdir()) == []


def test_what_is_not_a_file_is_named_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "there").mkdir()
    for name in ("folder", "nothing", "pipe"):
        with pytest.raises(StorageError) as refused:
            unpack(tmp_path / name, tmp_path / "there")
        assert refused.value.where == str(tmp_path / name)
