"""Why a request was refused, as the contract says it.

Refusal
├── Malformed         400 malformed_json
├── NotFound          404 not_found
├── WrongMethod       405 method_not_allowed
├── Duplicate         409 duplicate
├── UnknownUser       409 unknown_user
├── UserHasOrders     409 user_has_orders
├── TooLarge          413 too_large
├── UnsupportedMedia  415 unsupported_media_type
└── Invalid           422 invalid, with the field
"""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar

_UNIQUE_VIOLATION = "23505"
_FOREIGN_KEY_VIOLATION = "23503"
_DEADLOCK = "40P01"


class Refusal(Exception):  # noqa: N818 - an answer of the contract, not a fault of the service
    """A request that the contract answers with an error body."""

    status: ClassVar[HTTPStatus]
    code: ClassVar[str]

    def body(self) -> dict[str, str | None]:
        """Return the error body, keys in the contract's order."""
        return {"error": self.code}


class Malformed(Refusal):
    """The body is not JSON."""

    status, code = HTTPStatus.BAD_REQUEST, "malformed_json"


class NotFound(Refusal):
    """There is no such row or path."""

    status, code = HTTPStatus.NOT_FOUND, "not_found"


class WrongMethod(Refusal):
    """The path exists, but not for this method."""

    status, code = HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed"


class Duplicate(Refusal):
    """Another user has this username or e-mail address."""

    status, code = HTTPStatus.CONFLICT, "duplicate"


class UnknownUser(Refusal):
    """An order names a user that does not exist."""

    status, code = HTTPStatus.CONFLICT, "unknown_user"


class UserHasOrders(Refusal):
    """A user with orders cannot be deleted."""

    status, code = HTTPStatus.CONFLICT, "user_has_orders"


class TooLarge(Refusal):
    """The body is larger than any valid one."""

    status, code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large"


class UnsupportedMedia(Refusal):
    """The body is called something else than JSON, or is compressed."""

    status, code = HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"


class Invalid(Refusal):
    """A parameter or a field is missing, unknown, of the wrong type or out of range."""

    status, code = HTTPStatus.UNPROCESSABLE_ENTITY, "invalid"

    def __init__(self, field: str | None) -> None:
        super().__init__(field)
        self.field = field

    def body(self) -> dict[str, str | None]:
        """Return the error body; ``field`` is null when the body as a whole is wrong."""
        return {"error": self.code, "field": self.field}


def conflict(sqlstate: str | None, *, deleting: bool = False) -> Refusal | None:
    """Return what the contract calls an error of the database, or None if it has no name for it.

    A deadlock is a duplicate: here it can only arise between updates of which each wants the
    username or e-mail address that another of them is giving up. One after the other, in whatever
    order, each would find that value taken.

    Args:
        sqlstate: PostgreSQL's five-character code (PostgreSQL 16 manual, appendix A).
        deleting: whether the statement was a DELETE.
    """
    if sqlstate in {_UNIQUE_VIOLATION, _DEADLOCK}:
        return Duplicate()
    if sqlstate == _FOREIGN_KEY_VIOLATION:
        return UserHasOrders() if deleting else UnknownUser()
    return None
