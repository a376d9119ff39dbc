"""Django's settings, which a process must have before it can define models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import django
from django.conf import settings

from workloads.databases.postgresql import libpq

if TYPE_CHECKING:
    from workloads.services.repository import Repository
    from workloads.services.settings import Database, Pool


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of this service alone; the names are Django's."""

    #: whether the server puts the values into a statement, and not psycopg
    server_side_binding: bool = False
    #: executions of a statement on a connection before it is prepared, where the server puts in
    #: the values; null prepares none
    prepare_threshold: int | None = None


def create(database: Database, pool: Pool, options: Options) -> Repository:
    """Configure Django for this process and return the repository.

    Source: Django 6.1 documentation, "Settings", using settings without DJANGO_SETTINGS_MODULE; and
    "Databases", connection pool.
    """
    libpq.prepare(database)
    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "HOST": database.host,
                "PORT": database.port,
                "USER": database.user,
                "NAME": database.database,
                "OPTIONS": {
                    "pool": {"min_size": pool.size, "max_size": pool.size + pool.overflow},
                    "server_side_binding": options.server_side_binding,
                    "prepare_threshold": options.prepare_threshold,
                },
            }
        },
        INSTALLED_APPS=["workloads.services.django"],
        TIME_ZONE="UTC",
    )
    django.setup()
    # Its models can be imported only now.
    from workloads.services.django.repository import ModelRepository  # noqa: PLC0415

    return ModelRepository(database, pool)
