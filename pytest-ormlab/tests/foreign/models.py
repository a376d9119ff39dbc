"""The models of both ORMs."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from tortoise import fields
from tortoise.models import Model


class Base(DeclarativeBase):
    """Of SQLAlchemy's models."""


class Author(Base):
    """An author, who wrote books."""

    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    books: Mapped[list[Book]] = relationship()


class Book(Base):
    """A book of one author."""

    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    title: Mapped[str]


class TortoiseAuthor(Model):
    """The same author."""

    id = fields.IntField(primary_key=True)
    name = fields.TextField()

    class Meta:
        """Where it is stored."""

        table = "author"


class TortoiseBook(Model):
    """The same book."""

    id = fields.IntField(primary_key=True)
    author = fields.ForeignKeyField("models.TortoiseAuthor", related_name="books")
    title = fields.TextField()

    class Meta:
        """Where it is stored."""

        table = "book"
