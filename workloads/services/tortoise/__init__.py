"""The service on Tortoise ORM."""

from workloads.services.tortoise.repository import ActiveRepository, Options

__all__ = ["ActiveRepository", "Options", "create"]

create = ActiveRepository
