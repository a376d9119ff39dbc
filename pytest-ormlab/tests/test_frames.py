"""Messages are found wherever the stream is cut."""

import pytest

from pytest_ormlab.wire.frames import Frame, Frames

SENT = b"Q\0\0\0\x0dSELECT 1\0" + b"S\0\0\0\x04" + b"d\0\0\0\x07abc" + b"X\0\0\0\x04"
QUERY, SYNC, DATA, END = b"SELECT 1\0", b"", b"abc", b""


@pytest.mark.parametrize("size", range(1, len(SENT) + 1))
def test_messages_are_the_same_however_the_bytes_come(size):
    frames = Frames({b"Q", b"d"})
    pieces = [SENT[at : at + size] for at in range(0, len(SENT), size)]
    found = [frame for piece in pieces for frame in frames.feed(piece)]
    assert found == [(b"Q", QUERY), (b"S", SYNC), (b"d", DATA), (b"X", END)]


@pytest.mark.parametrize("size", range(1, len(SENT) + 1))
def test_a_body_that_nobody_asked_for_is_not_kept(size):
    frames = Frames()
    pieces = [SENT[at : at + size] for at in range(0, len(SENT), size)]
    found = [frame for piece in pieces for frame in frames.feed(piece)]
    assert found == [Frame(kind, b"") for kind in (b"Q", b"S", b"d", b"X")]


def test_a_message_is_told_when_its_last_byte_is_there():
    frames = Frames()
    assert list(frames.feed(b"D\0\0\0\x06a")) == []
    assert list(frames.feed(b"b")) == [(b"D", b"")]


def test_an_impossible_length_is_no_message():
    with pytest.raises(ValueError, match="negative length"):
        list(Frames().feed(b"G\xff\xff\xff\xff"))
