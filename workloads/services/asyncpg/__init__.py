"""The service without an ORM, with which the others are compared."""

from workloads.services.asyncpg.repository import PlainRepository
from workloads.services.postgres import Options

__all__ = ["Options", "PlainRepository", "create"]

create = PlainRepository
