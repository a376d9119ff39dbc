"""The service without an ORM: the floor that the others are compared with."""

from workloads.services.asyncpg.repository import PlainRepository
from workloads.services.postgres import Options

__all__ = ["Options", "PlainRepository", "create"]

create = PlainRepository
