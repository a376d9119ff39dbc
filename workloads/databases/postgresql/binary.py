"""The rows in PostgreSQL's binary COPY format, made faster than the server can take them.

Format: PostgreSQL 16 manual, COPY, "Binary Format". Integers and timestamps are big-endian; a
timestamptz is microseconds since 2000-01-01 UTC.
"""

from __future__ import annotations

import struct
import sys
from array import array
from typing import TYPE_CHECKING

from workloads.dataset.rows import EMAIL_DOMAIN, PROFILES, STATUSES, USERNAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workloads.dataset.rows import Dataset

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_FIELDS = 5
_INTEGER = 4
_TIMESTAMP = 8
_NAME = len(USERNAME % 0)
_MAIL = _NAME + len(EMAIL_DOMAIN)
# Offsets in a row of users; the field count and the id's length come first.
_ID = struct.calcsize(">hi")
_NAME_END = struct.calcsize(f">hiii{_NAME}s")
_MAIL_NAME_END = struct.calcsize(f">hiii{_NAME}si{_NAME}s")
_EPOCH = 946_684_800
_MICROSECONDS = 1_000_000
_BATCH_BYTES = 1 << 20


def stream(dataset: Dataset, table: str) -> Iterator[bytes | bytearray]:
    """Yield the binary COPY stream of ``users`` or ``orders``, by id, in pieces of about 1 MB."""
    yield _HEADER
    yield from _users(dataset) if table == "users" else _orders(dataset)
    yield _TRAILER


def _users(dataset: Dataset) -> Iterator[bytearray]:
    """Encode a thousand users at a time: an image of such rows, overwritten where they differ."""
    for ids in _same_width(dataset.users):
        size, image = _image(dataset, dataset.profile_bytes(ids[0]))
        for start in range(ids.start - ids.start % PROFILES, ids.stop, PROFILES):
            block = range(start, start + PROFILES)
            rows = bytearray(image)
            digits = b"%d" % (start // PROFILES)
            # The image has the last three digits already.
            for at in (_NAME_END - 3, _MAIL_NAME_END - 3):
                for column, digit in enumerate(digits, at - len(digits)):
                    rows[column::size] = bytes((digit,)) * PROFILES
            _overlay(rows, _ID, size, array("i", block))
            _overlay(rows, size - _TIMESTAMP, size, array("q", _timestamps(dataset, block)))
            wanted = range(max(start, ids.start) - start, min(block.stop, ids.stop) - start)
            whole = len(wanted) == PROFILES
            yield rows if whole else rows[wanted.start * size : wanted.stop * size]


def _image(dataset: Dataset, width: int) -> tuple[int, bytes]:
    """Return the size of a row, and a thousand rows whose id and instant are still 0."""
    row = struct.Struct(f">hiii{_NAME}si{_MAIL}si{width}siq")
    rows = []
    for user_id in range(PROFILES):
        name = USERNAME.encode() % user_id
        mail = name + EMAIL_DOMAIN.encode()
        head = (_FIELDS, _INTEGER, 0, _NAME, name, _MAIL, mail)
        rows.append(row.pack(*head, width, dataset.profile(user_id, width), _TIMESTAMP, 0))
    return row.size, b"".join(rows)


def _overlay(rows: bytearray, at: int, size: int, numbers: array[int]) -> None:
    """Write numbers, big-endian, into the column that starts at byte ``at`` of each row."""
    if sys.byteorder == "little":
        numbers.byteswap()
    column = numbers.tobytes()
    for byte in range(numbers.itemsize):
        rows[at + byte :: size] = column[byte :: numbers.itemsize]


def _orders(dataset: Dataset) -> Iterator[bytes]:
    rows = {status: struct.Struct(f">hiiiiiii{len(status)}siq") for status in STATUSES}
    for batch in _batches(range(1, dataset.orders + 1), _BATCH_BYTES // 64):
        packed = []
        for order_id, instant in zip(batch, _timestamps(dataset, batch), strict=True):
            status = dataset.status(order_id)
            values = (
                *(_INTEGER, order_id),
                *(_INTEGER, dataset.owner(order_id)),
                *(_INTEGER, dataset.total(order_id)),
                *(len(status), status.encode()),
                *(_TIMESTAMP, instant),
            )
            packed.append(rows[status].pack(_FIELDS, *values))
        yield b"".join(packed)


def _timestamps(dataset: Dataset, ids: range) -> list[int]:
    return [(instant - _EPOCH) * _MICROSECONDS for instant in dataset.instants(ids)]


def _batches(ids: range, size: int) -> Iterator[range]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def _same_width(last: int) -> Iterator[range]:
    """Split 1 to last into ranges of ids with equally many digits."""
    start = 1
    while start <= last:
        yield range(start, min(10 * start - 1, last) + 1)
        start *= 10
