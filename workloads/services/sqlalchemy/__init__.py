"""The service on SQLAlchemy 2: its asyncio extension, its engine in threads, or both."""

from workloads.services.sqlalchemy.repository import MappedRepository, Options, create

__all__ = ["MappedRepository", "Options", "create"]
