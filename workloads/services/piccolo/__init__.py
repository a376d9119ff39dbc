"""The service on Piccolo."""

from workloads.databases.postgresql.by_asyncpg import Options
from workloads.services.piccolo.repository import TableRepository

__all__ = ["Options", "TableRepository", "create"]

create = TableRepository
