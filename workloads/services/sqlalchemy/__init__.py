"""The service on SQLAlchemy 2 with its asyncio extension."""

from workloads.services.sqlalchemy.repository import MappedRepository, Options

__all__ = ["MappedRepository", "Options", "create"]

create = MappedRepository
