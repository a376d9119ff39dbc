"""Whether Tortoise's select_related refuses a reverse relation, and what it answers if not."""

from typing import Any

from tortoise import Tortoise, fields, run_async
from tortoise.exceptions import BaseORMException
from tortoise.models import Model


class _Owner(Model):
    """Has things."""

    id = fields.BigIntField(primary_key=True)


class _Thing(Model):
    """Belongs to an owner."""

    id = fields.BigIntField(primary_key=True)
    owner: Any = fields.ForeignKeyField("models._Owner", related_name="things")


async def main() -> None:
    """Ask for an owner and its two things by one query."""
    await Tortoise.init(db_url="sqlite://:memory:", modules={"models": ["__main__"]})
    await Tortoise.generate_schemas()
    await _Owner.create(id=1)
    await _Thing.create(id=1, owner_id=1)
    await _Thing.create(id=2, owner_id=1)
    if (await _Thing.get(id=1).select_related("owner")).owner.id != 1:
        raise SystemExit("select_related does not even follow a foreign key")
    try:
        owners = await _Owner.all().select_related("things")
    except BaseORMException as refusal:
        print(f"refused: {type(refusal).__name__}")
    else:
        print(f"accepted: {len(owners)} rows for one owner with two things")


run_async(main())
