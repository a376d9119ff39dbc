"""The bodies of the contract as pydantic models, by which FastAPI checks requests and answers.

The limits are those of ``workloads.contract.fields``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from workloads.contract import fields
from workloads.services import inputs
from workloads.services.errors import Invalid


def _limits(field: fields.Field) -> Any:  # noqa: ANN401 - what Annotated takes
    match field:
        case fields.Text(shortest, longest):
            return StringConstraints(
                strict=True, min_length=shortest, max_length=longest, pattern=r"^[^\x00]*$"
            )
        case fields.Integer(least, greatest):
            return Field(strict=True, ge=least, le=greatest)
        case fields.Instant():
            return BeforeValidator(_instant)


def _instant(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError("not a string")  # noqa: TRY004 - pydantic takes a ValueError for invalid
    return inputs.instant(value)


_Username = Annotated[str, _limits(fields.USER["username"])]
_Email = Annotated[str, _limits(fields.USER["email"])]
_Profile = Annotated[str, _limits(fields.USER["profile"])]
_UserId = Annotated[int, _limits(fields.ORDER["user_id"])]
_Total = Annotated[int, _limits(fields.ORDER["total"])]
_Status = Annotated[str, _limits(fields.ORDER["status"])]
_Instant = Annotated[datetime, _limits(fields.USER["created_at"])]
_NEVER = datetime(1, 1, 1, tzinfo=UTC)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    def values(self) -> dict[str, object]:
        """The given fields; Invalid if there is none."""
        if not self.model_fields_set:
            raise Invalid(None)
        return self.model_dump(exclude_unset=True)


class NewUser(_Body):
    """A user without its id."""

    username: _Username
    email: _Email
    profile: _Profile
    created_at: _Instant


class UserChanges(_Body):
    """Some fields of a user; the defaults are never used."""

    username: _Username = ""
    email: _Email = ""
    profile: _Profile = ""
    created_at: _Instant = _NEVER


class NewOrder(_Body):
    """An order without its id."""

    user_id: _UserId
    total: _Total
    status: _Status
    created_at: _Instant


class OrderChanges(_Body):
    """Some fields of an order; the defaults are never used."""

    user_id: _UserId = 0
    total: _Total = 0
    status: _Status = ""
    created_at: _Instant = _NEVER


class User(BaseModel):
    """A user."""

    id: int
    username: str
    email: str
    profile: str
    created_at: datetime


class Order(BaseModel):
    """An order."""

    id: int
    user_id: int
    total: int
    status: str
    created_at: datetime


class NamedOrder(Order):
    """An order with the name of its user."""

    username: str


class UserWithOrders(User):
    """A user with all orders."""

    orders: list[Order]
