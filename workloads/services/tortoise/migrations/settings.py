"""Tortoise's settings for either of its tools; libpq's variables name the server."""

from __future__ import annotations

from os import environ

_MODELS = "workloads.services.tortoise.models"


def _settings(**app: object) -> dict[str, object]:
    credentials = {
        "host": environ["PGHOST"],
        "port": environ["PGPORT"],
        "user": environ["PGUSER"],
        "password": None,  # asyncpg reads the password file
        "database": environ["PGDATABASE"],
    }
    server = {"engine": "tortoise.backends.asyncpg", "credentials": credentials}
    return {"connections": {"default": server}, "apps": {"models": app}}


TORTOISE_ORM = _settings(models=[_MODELS], migrations="migrations")
AERICH = _settings(models=[_MODELS, "aerich.models"])
