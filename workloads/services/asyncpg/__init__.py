"""The service without an ORM: the floor that the others are compared with."""

from workloads.services.asyncpg.repository import Options, PlainRepository

__all__ = ["Options", "PlainRepository", "create"]

create = PlainRepository
