"""The rows as pure functions of a dataset's four numbers, the same on every machine."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from workloads.contract import canonical

type Row = dict[str, Any]  # as the contract's JSON has it, columns in its order

ORDERS_PER_USER = 10
PROFILES = 1_000
PAYLOAD_BYTES = range(192, 65_537)
STATUSES = ("pending", "paid", "shipped", "delivered", "cancelled")

# Usernames and e-mail addresses have a fixed width, which keeps the COPY encoder simple.
USERNAME = "user-%010d"
EMAIL_DOMAIN = "@example.org"

# 64 characters that JSON never escapes. Because 64 is a power of two, every byte of the seeded
# stream picks each of them with equal probability.
_ALPHABET = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ."
_POOL_BYTES = 1 << 20
_FIRST_INSTANT = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
_INSTANTS = 365 * 86_400
_MAX_ID = 2**31 - 1

# Odd primes: neighbouring ids get unrelated texts, instants and totals.
_TEXT_STEP, _INSTANT_STEP, _TOTAL_STEP = 7_919, 86_413, 15_485_863


@dataclass(frozen=True)
class Dataset:
    """The rows of one experiment, decided by four numbers.

    Raises:
        ValueError: the numbers do not describe a dataset; the message says which.
    """

    users: int  #: number of users, ids 1 to ``users``
    #: number of orders, ids 1 to ``orders``; ten each for the first ``orders / 10`` users
    orders: int
    payload_bytes: int  #: exact length of the canonical body of ``GET /users/{id}``
    seed: int  #: picks the texts, instants and totals

    def __post_init__(self) -> None:
        if not 1 <= self.users <= _MAX_ID:
            raise ValueError(f"users must be 1 to {_MAX_ID}, not {self.users}")
        if self.orders % ORDERS_PER_USER or not 0 <= self.orders <= ORDERS_PER_USER * self.users:
            raise ValueError(
                f"orders must be a multiple of {ORDERS_PER_USER} and at most "
                f"{ORDERS_PER_USER} a user, not {self.orders}"
            )
        if self.payload_bytes not in PAYLOAD_BYTES:
            allowed = f"{PAYLOAD_BYTES.start} to {PAYLOAD_BYTES[-1]}"
            raise ValueError(f"payload_bytes must be {allowed}, not {self.payload_bytes}")

    def digest_with(self, schema: str) -> str:
        """SHA-256, in hex, of the four numbers as canonical JSON and of the schema's statements."""
        numbers = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(f"{numbers}\n{schema}".encode()).hexdigest()

    def user(self, user_id: int) -> Row:
        """Return the row of a user, columns in the contract's order."""
        username = USERNAME % user_id
        alone = range(user_id, user_id + 1)
        return {
            "id": user_id,
            "username": username,
            "email": username + EMAIL_DOMAIN,
            "profile": self.profile(user_id, self.profile_bytes(user_id)).decode(),
            "created_at": datetime.fromtimestamp(self.instants(alone)[0], UTC),
        }

    def order(self, order_id: int) -> Row:
        """Return the row of an order, columns in the contract's order."""
        alone = range(order_id, order_id + 1)
        return {
            "id": order_id,
            "user_id": self.owner(order_id),
            "total": self.total(order_id),
            "status": self.status(order_id),
            "created_at": datetime.fromtimestamp(self.instants(alone)[0], UTC),
        }

    def orders_of(self, user_id: int) -> range:
        """Return the ids of a user's orders; empty for a user without any."""
        last = min(ORDERS_PER_USER * user_id, self.orders)
        return range(ORDERS_PER_USER * (user_id - 1) + 1, last + 1)

    def profile_bytes(self, user_id: int) -> int:
        """Return the length of the profile that makes the body ``payload_bytes`` bytes long.

        Every other part of the body has a fixed width, except the digits of the id.
        """
        return self._room - len(str(user_id))

    def profile(self, user_id: int, length: int) -> bytes:
        """Return the profile of a user: ``length`` bytes cut from the seeded text.

        Users a thousand ids apart share a profile, so that the COPY encoder can reuse a thousand
        rows at once. No page of the server holds two such users, so the server does not notice.
        """
        start = (user_id % PROFILES * _TEXT_STEP + self._shift) % (_POOL_BYTES - length)
        return self._text[start : start + length]

    def instants(self, row_ids: range) -> list[int]:
        """Return created_at of users or orders: whole seconds since 1970, UTC."""
        shift = self._shift
        return [_FIRST_INSTANT + (row_id * _INSTANT_STEP + shift) % _INSTANTS for row_id in row_ids]

    def owner(self, order_id: int) -> int:
        """Return the id of the user an order belongs to."""
        return (order_id - 1) // ORDERS_PER_USER + 1

    def total(self, order_id: int) -> int:
        """Return the total of an order in cents, 1 to 100,000."""
        return (order_id * _TOTAL_STEP + self._shift) % 100_000 + 1

    def status(self, order_id: int) -> str:
        """Return the status of an order."""
        return STATUSES[(order_id + self._shift) % len(STATUSES)]

    @cached_property
    def _room(self) -> int:
        username = USERNAME % 0
        instant = datetime.fromtimestamp(_FIRST_INSTANT, UTC)
        empty = {
            "id": 0,
            "username": username,
            "email": username + EMAIL_DOMAIN,
            "profile": "",
            "created_at": instant,
        }
        return self.payload_bytes - len(canonical.encode(empty)) + len("0")

    @cached_property
    def _shift(self) -> int:
        return int.from_bytes(hashlib.sha256(b"shift %d" % self.seed).digest()[:4])

    @cached_property
    def _text(self) -> bytes:
        stream = hashlib.shake_256(b"text %d" % self.seed).digest(_POOL_BYTES)
        return stream.translate(_ALPHABET * (256 // len(_ALPHABET)))
