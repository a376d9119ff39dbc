"""Run printed code where User and Order of the published schema are models: ``FILE``."""

from __future__ import annotations

import ast
import sys
from inspect import isawaitable
from pathlib import Path
from typing import Any

from tortoise import Tortoise, fields, run_async
from tortoise.models import Model


class _User(Model):
    """Has orders."""

    id = fields.BigIntField(primary_key=True)
    username = fields.CharField(max_length=50, unique=True)
    email = fields.CharField(max_length=100, unique=True)
    created_at = fields.DatetimeField(auto_now_add=True)


class _Order(Model):
    """Belongs to a user."""

    id = fields.BigIntField(primary_key=True)
    user: Any = fields.ForeignKeyField("models._User", related_name="orders")
    total = fields.IntField()
    status = fields.CharField(max_length=20, default="pending")
    created_at = fields.DatetimeField(auto_now_add=True)


async def main(text: str) -> None:
    """Run the code with one user and one order in the database."""
    await Tortoise.init(db_url="sqlite://:memory:", modules={"models": ["__main__"]})
    await Tortoise.generate_schemas()
    await _User.create(id=1, username="one", email="one@example.com")
    await _Order.create(id=1, user_id=1, total=1)
    names = {"User": _User, "Order": _Order}
    code = compile(text, "printed", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if isawaitable(running := eval(code, names)):  # noqa: S307 - it is what is to be run
        await running
    print("the code ran to its end")


run_async(main(Path(sys.argv[1]).read_text()))
