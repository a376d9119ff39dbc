"""The schema for Django. schema.sql of the dataset creates the tables, this never does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from workloads.services.repository import Row


class User(models.Model):  # type: ignore[misc]  # Django ships no types
    """A user."""

    id = models.AutoField(primary_key=True)
    username = models.CharField(max_length=50, unique=True)
    email = models.CharField(max_length=100, unique=True)
    profile = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        """The table of the rows."""

        db_table = "users"
        managed = False

    def __str__(self) -> str:
        return str(self.username)

    def row(self) -> Row:
        """Return the columns in the contract's order."""
        return {
            "id": self.id,
            "username": self.username,
            "email": self.email,
            "profile": self.profile,
            "created_at": self.created_at,
        }


class Order(models.Model):  # type: ignore[misc]  # Django ships no types
    """An order of a user; the database refuses to delete a user with orders, not Django."""

    id = models.AutoField(primary_key=True)
    user = models.ForeignKey(User, on_delete=models.DO_NOTHING, related_name="orders")
    total = models.IntegerField()
    status = models.CharField(max_length=20)
    created_at = models.DateTimeField()

    class Meta:
        """The table of the rows."""

        db_table = "orders"
        managed = False

    def __str__(self) -> str:
        return f"{self.id} of {self.user_id}"

    def row(self) -> Row:
        """Return the columns in the contract's order."""
        return {
            "id": self.id,
            "user_id": self.user_id,
            "total": self.total,
            "status": self.status,
            "created_at": self.created_at,
        }
