"""The columns of both tables and the limits of openapi.yaml, as data in the contract's order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_INTEGER: Final = 2**31 - 1
DEFAULT_LIMIT: Final = 10
MAX_LIMIT: Final = 1_000
# Larger than the largest valid body: a profile of 65,536 characters, six bytes each if escaped.
MAX_BODY_BYTES: Final = 1 << 20
LOADINGS: Final = ("lazy", "prefetch", "join")
OPERATIONS: Final = (
    *(
        f"{verb}-{noun}"
        for noun in ("user", "order")
        for verb in ("read", "create", "update", "delete")
    ),
    *("list-users", "list-orders", "users-with-orders", "user-orders"),
)


@dataclass(frozen=True)
class Text:
    """A string of ``shortest`` to ``longest`` characters, none of them NUL."""

    shortest: int
    longest: int


@dataclass(frozen=True)
class Integer:
    """A whole number from ``least`` to ``greatest``."""

    least: int
    greatest: int = MAX_INTEGER


@dataclass(frozen=True)
class Instant:
    """A string of the form ``YYYY-MM-DDTHH:MM:SSZ``, later than 0001-01-01T00:00:00Z."""


Field = Text | Integer | Instant

USER: Final[Mapping[str, Field]] = {
    "username": Text(1, 50),
    "email": Text(1, 100),
    "profile": Text(0, 65_536),
    "created_at": Instant(),
}
ORDER: Final[Mapping[str, Field]] = {
    "user_id": Integer(1),
    "total": Integer(0),
    "status": Text(1, 20),
    "created_at": Instant(),
}

USER_COLUMNS: Final = ("id", *USER)
ORDER_COLUMNS: Final = ("id", *ORDER)
COLUMNS: Final = {"users": USER_COLUMNS, "orders": ORDER_COLUMNS}
