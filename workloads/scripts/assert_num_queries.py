"""How many of Tortoise's queries Django's assertNumQueries counts."""

import django
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tortoise import Tortoise, connections, fields, run_async
from tortoise.models import Model

SENT = 3


class _Thing(Model):
    """A row to read."""

    id = fields.BigIntField(primary_key=True)


async def main() -> None:
    """Read as often as is to be counted."""
    await Tortoise.init(db_url="sqlite://:memory:", modules={"models": ["__main__"]})
    await Tortoise.generate_schemas()
    for _ in range(SENT):
        await connections.get("default").execute_query(_Thing.all().sql())


settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
)
django.setup()
with CaptureQueriesContext(connection) as check, connection.cursor() as cursor:
    cursor.execute("select 1")
if len(check) != 1:
    raise SystemExit("Django does not even count its own query")
with CaptureQueriesContext(connection) as counted:  # what assertNumQueries is made of
    run_async(main())
print(f"counted {len(counted)} of {SENT} queries")
