"""Why a service refuses a request, each with the status and the code of the contract."""

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

    def __init_subclass__(cls, *, status: HTTPStatus, code: str) -> None:
        super().__init_subclass__()
        cls.status, cls.code = status, code

    def body(self) -> dict[str, str | None]:
        """Return the error body, keys in the contract's order."""
        return {"error": self.code}


class Malformed(Refusal, status=HTTPStatus.BAD_REQUEST, code="malformed_json"):
    """The body is not JSON."""


class NotFound(Refusal, status=HTTPStatus.NOT_FOUND, code="not_found"):
    """There is no such row or path."""


class WrongMethod(Refusal, status=HTTPStatus.METHOD_NOT_ALLOWED, code="method_not_allowed"):
    """The path exists, but not for this method."""


class Duplicate(Refusal, status=HTTPStatus.CONFLICT, code="duplicate"):
    """Another user has this username or e-mail address."""


class UnknownUser(Refusal, status=HTTPStatus.CONFLICT, code="unknown_user"):
    """An order names a user that does not exist."""


class UserHasOrders(Refusal, status=HTTPStatus.CONFLICT, code="user_has_orders"):
    """A user with orders cannot be deleted."""


class TooLarge(Refusal, status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, code="too_large"):
    """The body is larger than any valid one."""


class UnsupportedMedia(
    Refusal, status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE, code="unsupported_media_type"
):
    """The body has another type than JSON, or is compressed."""


class Invalid(Refusal, status=HTTPStatus.UNPROCESSABLE_ENTITY, code="invalid"):
    """A parameter or a field is missing, unknown, of the wrong type or out of range."""

    def __init__(self, field: str | None) -> None:
        super().__init__(field)
        self.field = field

    def body(self) -> dict[str, str | None]:
        """Return the error body; ``field`` is null when the body as a whole is wrong."""
        return {"error": self.code, "field": self.field}


def conflict(sqlstate: str | None, *, deleting: bool = False) -> Refusal | None:
    """Return the contract's refusal for an error of the database, or None if it has none.

    A deadlock counts as a duplicate: it can only arise between updates of which each wants the
    username or e-mail address that another one gives up. Carried out one after the other, in any
    order, each of them would find its value taken.

    Args:
        sqlstate: PostgreSQL's five-character code (PostgreSQL 16 manual, appendix A).
        deleting: whether the statement was a DELETE.
    """
    if sqlstate in {_UNIQUE_VIOLATION, _DEADLOCK}:
        return Duplicate()
    if sqlstate == _FOREIGN_KEY_VIOLATION:
        return UserHasOrders() if deleting else UnknownUser()
    return None
