"""The service without an ORM, with which the others are compared."""

from workloads.databases.postgresql.by_asyncpg import Options
from workloads.services.asyncpg.repository import PlainRepository

__all__ = ["Options", "PlainRepository", "create"]

create = PlainRepository
