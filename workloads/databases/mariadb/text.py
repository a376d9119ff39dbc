"""The rows as lines of text with tabs between the values, by id.

LOAD DATA takes them and a batch client prints them in this form alone, because no value of the
dataset has a character that the form escapes. Source: MariaDB Knowledge Base, "LOAD DATA INFILE".
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from workloads.dataset.rows import EMAIL_DOMAIN, USERNAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workloads.dataset.rows import Dataset

_BATCH = 1_000


def stream(dataset: Dataset, table: str) -> Iterator[bytes]:
    """Yield the lines of ``users`` or ``orders``, a thousand at a time."""
    line = _user if table == "users" else _order
    last = dataset.users if table == "users" else dataset.orders
    for start in range(1, last + 1, _BATCH):
        ids = range(start, min(start + _BATCH, last + 1))
        moments = map(_moment, dataset.instants(ids))
        yield b"".join(line(dataset, each, at) for each, at in zip(ids, moments, strict=True))


def _user(dataset: Dataset, user_id: int, created_at: bytes) -> bytes:
    name = (USERNAME % user_id).encode()
    profile = dataset.profile(user_id, dataset.profile_bytes(user_id))
    mail = name + EMAIL_DOMAIN.encode()
    return b"%d\t%b\t%b\t%b\t%b\n" % (user_id, name, mail, profile, created_at)


def _order(dataset: Dataset, order_id: int, created_at: bytes) -> bytes:
    status = dataset.status(order_id).encode()
    owner, total = dataset.owner(order_id), dataset.total(order_id)
    return b"%d\t%d\t%d\t%b\t%b\n" % (order_id, owner, total, status, created_at)


def _moment(instant: int) -> bytes:
    return f"{datetime.fromtimestamp(instant, UTC):%Y-%m-%d %H:%M:%S}".encode()
