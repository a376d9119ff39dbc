"""The service on Tortoise ORM."""

from workloads.services.postgres import Options
from workloads.services.tortoise.repository import ActiveRepository

__all__ = ["ActiveRepository", "Options", "create"]

create = ActiveRepository
