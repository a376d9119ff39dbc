"""The COPY stream is decoded here by a slow reader written from the manual alone."""

import io
import struct
from datetime import UTC, datetime, timedelta

import pytest

from workloads.contract.fields import COLUMNS
from workloads.databases.postgresql import binary
from workloads.dataset import Dataset

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def decoded(stream, table):
    source = io.BytesIO(stream)
    assert source.read(11) == b"PGCOPY\n\xff\r\n\0"
    assert source.read(8) == bytes(8)
    while (count := struct.unpack(">h", source.read(2))[0]) != -1:
        assert count == len(COLUMNS[table])
        row = {}
        for name in COLUMNS[table]:
            raw = source.read(struct.unpack(">i", source.read(4))[0])
            if name in ("id", "user_id", "total"):
                row[name] = struct.unpack(">i", raw)[0]
            elif name == "created_at":
                row[name] = EPOCH + timedelta(microseconds=struct.unpack(">q", raw)[0])
            else:
                row[name] = raw.decode()
        yield row
    assert source.read() == b""


# Around powers of ten the width of a row changes; around thousands the encoder takes a new image.
@pytest.mark.parametrize("users", [1, 9, 10, 11, 999, 1000, 1001, 1999, 2000, 10_001])
def test_every_user_is_the_pure_row(users):
    dataset = Dataset(users=users, orders=0, payload_bytes=200, seed=3)
    rows = list(decoded(b"".join(binary.stream(dataset, "users")), "users"))
    assert rows == [dataset.user(user_id) for user_id in range(1, users + 1)]


@pytest.mark.parametrize("orders", [0, 10, 20_010])
def test_every_order_is_the_pure_row(orders):
    dataset = Dataset(users=2001, orders=orders, payload_bytes=200, seed=3)
    rows = list(decoded(b"".join(binary.stream(dataset, "orders")), "orders"))
    assert rows == [dataset.order(order_id) for order_id in range(1, orders + 1)]


@pytest.mark.parametrize("payload_bytes", [192, 5120, 65_536])
def test_every_payload_size_is_encoded(payload_bytes):
    dataset = Dataset(users=1010, orders=0, payload_bytes=payload_bytes, seed=3)
    rows = list(decoded(b"".join(binary.stream(dataset, "users")), "users"))
    assert rows[999:] == [dataset.user(user_id) for user_id in range(1000, 1011)]


def test_pieces_are_about_a_megabyte():
    dataset = Dataset(users=5000, orders=0, payload_bytes=1024, seed=3)
    sizes = [len(piece) for piece in binary.stream(dataset, "users")]
    assert max(sizes) < 2_000_000
    assert len(sizes) < 15
