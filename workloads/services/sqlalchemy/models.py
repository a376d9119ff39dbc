"""The schema for SQLAlchemy. schema.sql of the dataset creates the tables that are measured."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - Mapped[...] is evaluated

from sqlalchemy import DateTime, ForeignKey, Identity, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from workloads.services.repository import Row  # noqa: TC001 - annotations here are evaluated


class Base(DeclarativeBase):
    """Base of the models."""

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)

    def row(self) -> Row:
        """Return the columns in the contract's order."""
        raise NotImplementedError


class User(Base):
    """A user."""

    __tablename__ = "users"

    username: Mapped[str] = mapped_column(String(50), unique=True)
    email: Mapped[str] = mapped_column(String(100), unique=True)
    profile: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    # The database refuses to delete a user with orders, so the session need not look for them.
    orders: Mapped[list[Order]] = relationship(
        back_populates="user", order_by="Order.id", passive_deletes="all"
    )

    def row(self) -> Row:
        """Return the columns in the contract's order."""
        return {
            "id": self.id,
            "username": self.username,
            "email": self.email,
            "profile": self.profile,
            "created_at": self.created_at,
        }


class Order(Base):
    """An order of a user."""

    __tablename__ = "orders"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    total: Mapped[int]
    status: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    user: Mapped[User] = relationship(back_populates="orders")

    def row(self) -> Row:
        """Return the columns in the contract's order."""
        return {
            "id": self.id,
            "user_id": self.user_id,
            "total": self.total,
            "status": self.status,
            "created_at": self.created_at,
        }
