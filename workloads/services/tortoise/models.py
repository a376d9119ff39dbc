"""The schema for Tortoise. schema.sql of the dataset creates the tables that are measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tortoise
from tortoise import fields
from tortoise.models import Model

if TYPE_CHECKING:
    from workloads.services.repository import Row


def _primary_key() -> Any:  # noqa: ANN401 - Tortoise's fields are typed as their values
    """A primary key; until 0.21.0 the option had another name."""
    option = "pk" if tortoise.__version__.startswith("0.20.") else "primary_key"
    make: Any = fields.IntField
    return make(**{option: True})


class User(Model):
    """A user."""

    id = _primary_key()
    username = fields.CharField(max_length=50, unique=True)
    email = fields.CharField(max_length=100, unique=True)
    profile = fields.TextField()
    created_at = fields.DatetimeField()

    orders: fields.ReverseRelation[Order]

    class Meta:
        """The table of the rows."""

        table = "users"

    def row(self) -> Row:
        """Return the columns in the contract's order."""
        return {
            "id": self.id,
            "username": self.username,
            "email": self.email,
            "profile": self.profile,
            "created_at": self.created_at,
        }


class Order(Model):
    """An order of a user."""

    id = _primary_key()
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="orders", on_delete=fields.NO_ACTION
    )
    total = fields.IntField()
    status = fields.CharField(max_length=20)
    created_at = fields.DatetimeField()

    user_id: int

    class Meta:
        """The table of the rows."""

        table = "orders"
        indexes = (("user_id",),)  # the option of the key for this was renamed

    def row(self) -> Row:
        """Return the columns in the contract's order."""
        return {
            "id": self.id,
            "user_id": self.user_id,
            "total": self.total,
            "status": self.status,
            "created_at": self.created_at,
        }
