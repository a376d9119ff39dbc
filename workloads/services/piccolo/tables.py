"""The schema for Piccolo. schema.sql of the dataset creates the tables, this never does."""

from __future__ import annotations

from piccolo.columns import ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.table import Table


class User(Table, tablename="users"):  # type: ignore[call-arg,misc]  # without its types
    """A user; Piccolo adds the primary key ``id``."""

    username = Varchar(length=50, unique=True)
    email = Varchar(length=100, unique=True)
    profile = Text()
    created_at = Timestamptz()


class Order(Table, tablename="orders"):  # type: ignore[call-arg,misc]  # without its types
    """An order of a user; a foreign key has the name of its column."""

    user_id = ForeignKey(references=User, null=False, on_delete=OnDelete.no_action)
    total = Integer()
    status = Varchar(length=20)
    created_at = Timestamptz()
