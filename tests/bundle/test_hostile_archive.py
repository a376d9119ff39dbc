"""A hostile archive ends in a refusal, and nothing is written but what was verified."""

from __future__ import annotations

import io
import tarfile
import tempfile
import tracemalloc
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from bundle import ustar
from bundle.errors import ArchiveError, BundleError, NotSealedError, VerificationError
from bundle.pack import pack
from bundle.unpack import Limits, unpack
from bundle.verify import verify
from tests.bundle import making
from tests.bundle.hostile import tried

TOP = making.NAME
PATHS = ["bundle.json", "inputs/plan.yaml", f"trials/{making.trial_name(0)}/trial.json"]


@pytest.fixture(scope="module")
def tar(tmp_path_factory):
    """The uncompressed archive of a whole bundle."""
    folder = tmp_path_factory.mktemp("good")
    bundle = making.sealed(folder)
    pack(bundle, folder / "b.tar.zst")
    return zstandard.ZstdDecompressor().decompress((folder / "b.tar.zst").read_bytes())


def compress(data, **options):
    return zstandard.ZstdCompressor(level=1, write_checksum=True, **options).compress(data)


def attempt(archive, *, size=2**24):
    """Unpack in a folder of its own; return the error, having checked that nothing was left."""
    with tempfile.TemporaryDirectory() as folder:
        outer = Path(folder)
        (outer / "b.tar.zst").write_bytes(archive)
        before = making.snapshot(outer)
        try:
            target = outer / "target/below"  # neither is there before
            bundle = unpack(outer / "b.tar.zst", target, limits=Limits(size=size, free=size))
        except BundleError as error:
            assert making.snapshot(outer) == before
            return error
        assert verify(bundle).ok
        after = making.snapshot(outer)
        outside = {path for path in after if not path.startswith(f"target/below/{TOP}")}
        assert {path: after[path] for path in outside} == before | {
            "target": None,
            "target/below": None,
        }
        return None


def member(name, data=b"x", *, form=tarfile.USTAR_FORMAT, **changes):
    """One member as the standard library writes it."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in changes.items():
        setattr(info, key, value)
    padding = bytes(-len(data) % 512)
    return info.tobuf(form) + data + padding


def own(folder, name, data=b"x"):
    """One member with the very header that `pack` writes."""
    return ustar.header(folder, name, len(data)) + data + bytes(ustar.padding(len(data)))


def block(data, *, last=False, repeat=1):
    """One raw block of a frame, or one that repeats a single byte (RFC 8878, section 3.1.1.2)."""
    kind = 0 if repeat == 1 else 1
    head = (len(data) * repeat << 3 | kind << 1 | last).to_bytes(3, "little")
    return head + data


def frame(blocks, *, declared, window=23, checksum=b""):
    """A frame made by hand; `window` is the exponent of its size."""
    descriptor = 0b11000100  # a declared size of eight bytes, and a checksum
    head = bytes([descriptor, window - 10 << 3])
    return zstandard.FRAME_HEADER + head + declared.to_bytes(8, "little") + blocks + checksum


def raw_blocks(data):
    step = 2**17
    pieces = [data[at : at + step] for at in range(0, len(data), step)]
    return b"".join(block(piece) for piece in pieces) + block(b"", last=True)


def test_the_archive_that_the_others_are_made_from_is_good(tar):
    assert attempt(compress(tar)) is None


@pytest.mark.parametrize(
    "members",
    [
        member(f"{TOP}/../../evil"),
        member("/evil"),
        member("../evil"),
        own(TOP, "../evil"),
        own(f"{TOP}/..", "evil"),
        own("..", "evil"),
        own("", "evil"),
        own("/", "evil"),
        own(TOP, ""),
        own(TOP, "a b"),
        own(TOP, "x" * 100) + own("other", "y"),
        own(TOP, "a") + own(TOP, "a"),
        own(TOP, "b") + own(TOP, "a"),
        own(TOP, "a") + own(f"{TOP}/a", "b"),
        member(f"{TOP}/link", b"", type=tarfile.SYMTYPE, linkname="/etc"),
        member(f"{TOP}/link", b"", type=tarfile.LNKTYPE, linkname=f"{TOP}/a"),
        member(f"{TOP}/fifo", b"", type=tarfile.FIFOTYPE),
        member(f"{TOP}/null", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
        member(f"{TOP}/disk", b"", type=tarfile.BLKTYPE),
        member(f"{TOP}/folder", b"", type=tarfile.DIRTYPE),
        member(f"{TOP}/" + "n" * 200, form=tarfile.PAX_FORMAT),
        member(f"{TOP}/" + "n" * 200, form=tarfile.GNU_FORMAT),
        member(f"{TOP}/a", form=tarfile.GNU_FORMAT),
        b"",
    ],
)
def test_members_that_pack_would_not_write_are_refused(members):
    assert isinstance(attempt(compress(members + bytes(1024))), ArchiveError)


def with_holes_gnu(size):
    """A file of this size that is all holes, as GNU tar wrote it first."""
    head = bytearray(member(f"{TOP}/a", b"", form=tarfile.GNU_FORMAT, type=tarfile.GNUTYPE_SPARSE))
    head[483:495] = b"\x80" + size.to_bytes(11, "big")
    head[148:156] = b" " * 8
    head[148:156] = f"{sum(head):06o}\0 ".encode()
    return bytes(head)


def with_holes_pax(size):
    """The same as it writes it today: the size in a header of its own, a map before the data."""
    told = {"major": 1, "minor": 0, "name": f"{TOP}/a", "realsize": size}
    headers = {f"GNU.sparse.{key}": str(value) for key, value in told.items()}
    holes = f"1\n{size}\n0\n".encode().ljust(512, b"\0")
    return member(f"{TOP}/GNUSparseFile.0/a", holes, form=tarfile.PAX_FORMAT, pax_headers=headers)


@pytest.mark.parametrize("holes", [with_holes_gnu, with_holes_pax])
def test_a_file_of_holes_is_refused_whatever_size_it_claims(holes):
    archive = holes(2**60) + bytes(1024)
    with tarfile.open(fileobj=io.BytesIO(archive)) as found:
        (only,) = found
        assert (only.size, only.issparse()) == (2**60, True)
    error = attempt(compress(archive))
    assert isinstance(error, ArchiveError)
    assert "not that of a plain file" in error.what
    assert error.hint


@pytest.mark.parametrize(
    ("at", "field"),
    [
        (100, b"0004755\0"),
        (108, b"0000001\0"),
        (116, b"0000001\0"),
        (124, b"-0000000001\0"),
        (124, b"00000000_01\0"),
        (124, b"0o000000001\0"),
        (124, b"\x80" + bytes(10) + b"\1"),
        (124, b"\xff" * 12),
        (124, b"          1\0"),
        (136, b"00000000001\0"),
        *((156, bytes([kind])) for kind in b"\x001234567gxLKSVD"),
        (157, b"/etc"),
        (257, b"ustar  \0"),
        (265, b"root"),
        (297, b"root"),
        (329, b"0000001\0"),
        (500, b"1"),
    ],
)
def test_one_forged_field_of_a_header_is_refused(tar, at, field):
    """With the checksum made right again, so that only the field itself can be the reason."""
    block = bytearray(tar[:512])
    block[at : at + len(field)] = field
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    error = attempt(compress(bytes(block) + tar[512:]))
    assert isinstance(error, ArchiveError)
    assert "not that of a plain file" in error.what


def test_a_wrong_checksum_of_a_header_is_refused(tar):
    block = bytearray(tar[:512])
    block[148:154] = b"000000"
    assert isinstance(attempt(compress(bytes(block) + tar[512:])), ArchiveError)


def test_what_unpacks_well_but_is_no_bundle_is_refused():
    assert isinstance(attempt(compress(own(TOP, "a") + bytes(1024))), NotSealedError)


def test_a_folder_of_another_name_is_refused(tar):
    renamed = b""
    for at in range(0, len(tar), 512):
        block = tar[at : at + 512]
        if block[257:263] == b"ustar\0":
            folder, name, size = ustar.parse(block)
            block = ustar.header(folder.replace(TOP, "other"), name, size)
        renamed += block
    error = attempt(compress(renamed))
    assert isinstance(error, ArchiveError)
    assert "the folder is other" in error.what


def test_a_changed_file_is_refused(tar):
    assert isinstance(attempt(compress(tar.replace(b"demo\n", b"memo\n"))), BundleError)
    changed = tar.replace(b"Requests/sec: 1001", b"Requests/sec: 9001")
    assert isinstance(attempt(compress(changed)), VerificationError)


def test_every_cut_at_a_member_boundary_is_refused(tar):
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        cuts = [entry.offset for entry in archive.getmembers()]
    for cut in [*cuts, len(tar) - 1024, len(tar) - 512]:
        assert attempt(compress(tar[:cut])) is not None
        assert attempt(compress(tar[:cut] + bytes(512))) is not None or cut == len(tar) - 512
    for cut in cuts:
        assert attempt(compress(tar[:cut] + bytes(1024))) is not None


def test_every_cut_of_the_compressed_file_is_refused(tar):
    archive = compress(tar)
    for cut in range(len(archive)):
        assert isinstance(attempt(archive[:cut]), ArchiveError), f"cut at {cut}"


@pytest.mark.parametrize("tail", [b"\0", b"x", bytes(512), bytes(10240)])
def test_anything_after_the_end_is_refused(tar, tail):
    assert isinstance(attempt(compress(tar + tail)), ArchiveError)
    assert isinstance(attempt(compress(tar) + tail), ArchiveError)
    assert isinstance(attempt(compress(tar) + compress(tail)), ArchiveError)


def test_the_checksum_is_checked(tar):
    archive = bytearray(compress(tar))
    archive[-1] ^= 1
    assert isinstance(attempt(bytes(archive)), ArchiveError)


def test_frames_that_pack_would_not_write_are_refused(tar):
    skippable = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"note"
    for archive, complaint in (
        (skippable + compress(tar), "not a Zstandard frame"),
        (tar, "not a Zstandard frame"),
        (b"", "not a Zstandard frame"),
        (zstandard.ZstdCompressor(write_checksum=False).compress(tar), "no checksum"),
        (compress(tar, write_content_size=False), "or there is none"),
    ):
        error = attempt(archive)
        assert isinstance(error, ArchiveError)
        assert complaint in error.what


def test_a_frame_made_by_hand_is_held_to_window_block_and_size(tar):
    good = {"declared": len(tar), "checksum": compress(tar)[-4:]}
    blocks = raw_blocks(tar)
    assert attempt(frame(blocks, **good)) is None
    assert isinstance(attempt(frame(blocks, **good, window=24)), ArchiveError)
    for wrong in (len(tar) - 1, len(tar) + 1, 1):
        assert isinstance(attempt(frame(blocks, **good | {"declared": wrong})), ArchiveError)
    large = block(tar.ljust(2**18, b"\0"), last=True)
    assert isinstance(attempt(frame(large, **good | {"declared": 2**18})), ArchiveError)
    reserved = (3 << 1 | 1).to_bytes(3, "little")
    assert isinstance(attempt(frame(reserved, **good)), ArchiveError)


def test_padding_that_is_not_zero_is_refused(tar):
    spoilt = tar.replace(b"name: demo\n\0", b"name: demo\n1")
    assert spoilt != tar
    error = attempt(compress(spoilt))
    assert "not followed by zeros" in error.what


def bomb(count, *, declared):
    """Blocks of four bytes that unpack to 128 KiB each, after the header of a huge file."""
    first = block(ustar.header(TOP, "a", ustar.MAX_SIZE))
    return frame(first + block(b"\0", repeat=2**17) * count, declared=declared)


def test_a_bomb_costs_no_memory():
    archive = bomb(2**10, declared=512 + 2**27)
    assert len(archive) < 5000
    tracemalloc.start()
    try:
        error = attempt(archive, size=2**30)
        assert "cut off" in error.what
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 2**20


def test_a_bomb_that_lies_about_its_size_costs_no_disk():
    error = attempt(bomb(2**20, declared=2**24))
    assert "more in the frame than it declares" in error.what


@tried
@given(st.binary(max_size=200), st.booleans())
def test_random_bytes_never_crash(data, framed):
    assert isinstance(attempt(compress(data) if framed else data), ArchiveError)


@tried
@given(data=st.data())
def test_a_good_archive_spoilt_anywhere_never_crashes(tar, data):
    """Spoil the tar inside or the frame around it: flip, cut, repeat or insert."""
    inside = data.draw(st.booleans(), label="inside")
    whole = tar if inside else compress(tar)
    start = data.draw(st.integers(0, len(whole) - 1), label="start")
    end = data.draw(st.integers(start, min(len(whole), start + 2048)), label="end")
    new = data.draw(st.one_of(st.binary(max_size=64), st.just(whole[start:end] * 2)), label="new")
    spoilt = whole[:start] + new + whole[end:]
    error = attempt(compress(spoilt) if inside else spoilt)
    assert (error is None) == (spoilt == whole)


names = st.sampled_from(["a", "b", "..", ".", "", "a/..", "A", "a b", *PATHS, "SEAL.json"])
types = st.sampled_from([tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE])


@tried
@given(st.lists(st.tuples(st.sampled_from([TOP, "/", "..", "x"]), names, types), max_size=6))
def test_members_of_any_kind_never_write_outside(members):
    parts = [member(f"{top}/{name}", b"", type=kind, linkname="..") for top, name, kind in members]
    plain = [own(top, name) for top, name, _ in members]
    assert attempt(compress(b"".join(parts) + bytes(1024))) is not None
    assert attempt(compress(b"".join(plain) + bytes(1024))) is not None
